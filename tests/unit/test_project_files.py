"""The files that a newcomer looks for: how to cite, what changed, and pages whose links work."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
READMES = [ROOT / "README.md", ROOT / "config/README.md", ROOT / "results/README.md"]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*READMES, ROOT / "CHANGELOG.md", *DOCS]


def test_the_citation_has_what_its_format_requires_and_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= citation.keys()
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    [paper] = citation["references"]
    assert {"type", "title", "authors"} <= paper.keys()
    assert "2405.14313" in paper["url"]


def test_the_changelog_keeps_its_form_and_knows_this_version():
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## \[(.+?)\](.*)$", text, flags=re.MULTILINE)
    assert versions[0] == ("Unreleased", "")
    assert all(re.fullmatch(r" - \d{4}-\d{2}-\d{2}", day) for _, day in versions[1:])
    kinds = set(re.findall(r"^### (.+)$", text, flags=re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert PROJECT["version"] in text


def anchors(text, level="#+"):
    """The anchors of a page: its headings of a level, in their order, as code hosts write them."""
    headings = re.findall(rf"^{level} (.+)$", text, flags=re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not link.startswith("http"):
            file, _, heading = link.partition("#")
            target = page.parent / file if file else page
            assert target.exists(), link
            assert not heading or heading in anchors(target.read_text()), link


def test_every_page_is_in_the_index():
    index = (ROOT / "docs/README.md").read_text()
    assert [page.name for page in DOCS if page.name != "README.md" and f"({page.name})" not in index] == []


ATTACKS = (ROOT / "docs/attacks.md").read_text()


def test_each_attack_has_tests_that_exist():
    texts = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    tests = {name for text in texts for name in re.findall(r"def (test_\w+)", text)}
    attacks = re.split(r"^(?=\*\*)", ATTACKS, flags=re.MULTILINE)[1:]
    assert len(attacks) > 15
    for attack in attacks:
        text, named = re.split(r"^#", attack, flags=re.MULTILINE)[0].strip().split("\n\n")
        assert re.match(r"\*\*[^*]+\.\*\*\s\S", text), attack
        assert re.fullmatch(r"\*Tests:\*(\s`test_\w+`[,.])+", named), named
        assert set(re.findall(r"test_\w+", named)) <= tests, named


def test_each_row_of_the_threat_model_leads_to_attacks_in_their_order():
    page = (ROOT / "docs/audit.md").read_text()
    [table] = re.findall(r"^\| who lies, .*\n\|[-|]+\n((?:\|.*\n)+)", page, flags=re.MULTILINE)
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
    assert all(all(row) for row in rows)
    assert [re.fullmatch(r"\[[^]]+\]\(attacks\.md#(.+)\)", row[-1])[1] for row in rows] == anchors(ATTACKS, "###")


def test_the_limits_in_the_readme_are_five_lines_and_lead_to_the_threat_model():
    readme = (ROOT / "README.md").read_text()
    [limits] = re.findall(r"\n\n(Limits: .+?)\n\n", readme, flags=re.DOTALL)
    assert limits.count("\n") < 5
    assert "(docs/audit.md)" in limits
