"""README and findings say what the committed tables of claims say, and nothing else."""

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from chain import CHAIN, KIND, RESULTS, write

from spl.audit.committed import check_findings
from spl.audit.deviations import RegistrationCheck
from spl.audit.planned import PlannedStudy
from spl.campaign.job import Job
from spl.campaign.partial import partial_plan
from spl.cli.interactive import findings
from spl.errors import InputError
from spl.page.findings import (
    BLOCK,
    FINDINGS,
    README,
    VERDICTS,
    claims_summary,
    claims_table,
    committed_claims,
    with_claims,
    write_findings,
)
from spl.paper.claims import CLAIMS
from spl.provenance.files import digest
from spl.provenance.ledger import note_statement
from spl.provenance.manifest import read_manifest, statement
from spl.provenance.seal import write_seal
from spl.study.plan import make_plan
from spl.study.reading import read_study
from spl.text.markdown import markdown

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests/studies/tiny.yaml"


@pytest.mark.parametrize("page", [README, FINDINGS])
def test_the_pages_are_what_the_generator_writes(page):
    text = (ROOT / page).read_text()
    assert text == with_claims(text, committed_claims(ROOT)), "run `spl findings`"


def test_each_committed_table_is_in_the_findings_and_counted_in_the_readme():
    [readme] = BLOCK.finditer((ROOT / README).read_text())
    assert readme["study"] is None
    blocks = {match["study"]: match[0] for match in BLOCK.finditer((ROOT / FINDINGS).read_text())}
    tables = committed_claims(ROOT)
    assert blocks.keys() == {table.study for table in tables}
    for table in tables:
        assert claims_table(table) in blocks[table.study]
        assert claims_summary(table) in readme[0]
        tested, _, folded = claims_table(table).partition("<details>")
        for name, claim in CLAIMS.items():
            is_folded = table.cells[name]["n"] == "–" and not claim.primary
            text = f"{markdown(claim.text)} ("
            assert (tested.count(text), folded.count(text)) == ((0, 1) if is_folded else (1, 0))


def test_no_verdict_is_typed_beside_the_blocks():
    """Outside the blocks, the words of verdicts only occur where they are explained."""
    text = BLOCK.sub("", (ROOT / FINDINGS).read_text())
    explained = re.findall(r"\*\*(supported|contradicted|undecided|too few folds|out of regime|not run)\*\*", text)
    assert len(explained) == 6
    assert not re.search(r"\bp[ =]+\d|\d ± \d", text), "a number of a test belongs into a table"


def project(tmp_path, edit=lambda text: text):
    """A project with pages without content, and results of a study whose table is the committed one, edited."""
    [table, *_] = committed_claims(ROOT)
    (tmp_path / "docs/findings").mkdir(parents=True)
    (tmp_path / README).write_text("Verdicts\n<!-- claims -->\nold\n<!-- /claims -->\nend")
    (tmp_path / FINDINGS).write_text("<!-- claims mine -->\n<!-- /claims -->")
    (tmp_path / "results/mine/tables").mkdir(parents=True)
    committed = ROOT / "docs/findings" / f"{table.study}-claims.csv"
    (tmp_path / "results/mine/tables/claims.csv").write_text(edit(committed.read_text()))
    return tmp_path


def test_results_are_copied_and_the_blocks_written_once(tmp_path):
    root = project(tmp_path)
    assert write_findings(root, [root / "results/mine"]) == [README, FINDINGS]
    assert (root / README).read_text().startswith("Verdicts\n<!-- claims -->\n\n- **mine**: With scarce labels")
    assert (root / README).read_text().endswith("\n\n<!-- /claims -->\nend")
    assert "| **With scarce labels" in (root / FINDINGS).read_text()
    assert write_findings(root) == [], "nothing changes the second time"


def test_the_readme_says_the_level_of_the_look_at_a_registered_claim_alone():
    said = {table.study: claims_summary(table).replace("\n ", "") for table in committed_claims(ROOT)}
    assert re.search(r"\* at the registered look at \d+ folds \(level 0\.\d+\), with an effect", said["digits"])
    assert "look" not in said["demo"]


@pytest.mark.parametrize("lost", ["not run", "regime unknown", "too few folds", "between looks", "out of regime"])
def test_a_table_that_no_longer_tests_a_claim_is_not_taken_over(tmp_path, lost):
    """As where somebody removed a run, so that its experiment is left out of partial results."""
    root = project(tmp_path)
    write_findings(root, [root / "results/mine"])
    table, committed = root / "results/mine/tables/claims.csv", root / "docs/findings/mine-claims.csv"
    table.write_text(re.sub(",(contradicted|undecided),", f",{lost},", table.read_text(), count=1))
    with pytest.raises(InputError, match=rf"claims.csv: [\w-]+: {lost}, but .* in .*; remove that file first"):
        write_findings(root, [root / "results/mine"])
    committed.unlink()
    write_findings(root, [root / "results/mine"])
    assert committed.read_bytes() == table.read_bytes()


def test_a_table_of_fewer_folds_is_not_taken_over(tmp_path):
    """As where somebody removed the folds whose outcome they did not like."""
    root = project(tmp_path)
    write_findings(root, [root / "results/mine"])
    table = root / "results/mine/tables/claims.csv"
    table.write_text(table.read_text().replace("\nflips,,,n,6\n", "\nflips,,,n,5\n"))
    with pytest.raises(InputError, match=r"claims.csv: flips: 5 folds, but \d+ in .*mine-claims.csv; remove that file"):
        write_findings(root, [root / "results/mine"])


def test_a_table_of_fewer_folds_is_not_taken_over_whatever_its_verdict_was(tmp_path):
    root = project(tmp_path)
    table = root / "results/mine/tables/claims.csv"
    table.write_text(table.read_text().replace("\nflips,,contradicted,", "\nflips,,too few folds,"))
    write_findings(root, [root / "results/mine"])
    table.write_text(table.read_text().replace("\nflips,,,n,6\n", "\nflips,,,n,5\n"))
    with pytest.raises(InputError, match="claims.csv: flips: 5 folds, but 6 in "):
        write_findings(root, [root / "results/mine"])


@pytest.mark.parametrize(
    ("quantity", "said"),
    [("runs", "runs by which its regime is measured"), ("low_basin_runs", "runs that show the low basin")],
)
def test_a_table_with_fewer_runs_of_the_gate_is_not_taken_over(tmp_path, quantity, said):
    """As where somebody removed those that keep the claims out of the regime."""
    root = project(tmp_path)
    write_findings(root, [root / "results/mine"])
    table = root / "results/mine/tables/claims.csv"
    table.write_text(re.sub(rf"(regime of scarce-labels,,,{quantity}),\d+", r"\1,1", table.read_text()))
    with pytest.raises(InputError, match=rf"claims.csv: scarce-labels: 1 {said}, but \d+ in .*; remove that file"):
        write_findings(root, [root / "results/mine"])


def test_a_table_whose_claims_are_no_longer_registered_is_not_taken_over(tmp_path):
    root = project(tmp_path)
    table, digits = root / "results/mine/tables/claims.csv", ROOT / "docs/findings/digits-claims.csv"
    table.write_text(digits.read_text())
    write_findings(root, [root / "results/mine"])
    table.write_text(re.sub(r",registered,1\S*", ",registered,0", digits.read_text()))
    with pytest.raises(InputError, match="claims.csv: [\\w-]+: not registered, but registered in .*mine-claims.csv"):
        write_findings(root, [root / "results/mine"])


def test_a_table_is_not_put_beside_the_figure_of_another_one(tmp_path):
    """In an archive, the figure need not be kept."""
    root = project(tmp_path)
    results = root / "results/mine"
    table, figure = results / "tables/claims.csv", results / "figures/regime.png"
    figure.parent.mkdir()
    figure.write_bytes(b"of this table")
    vouched = {path: digest(path) for path in (table, figure)}
    write_findings(root, [results], vouched)
    figure.unlink()
    write_findings(root, [results], vouched)
    committed = root / "docs/findings/mine-regime.png"
    without_gate = {table: vouched[table]}
    with pytest.raises(
        InputError, match=r"regime.png: not found; expected it, or .*mine-regime.png to be of this table"
    ):
        write_findings(root, [results], without_gate)
    for other in (lambda: committed.write_bytes(b"of another table"), committed.unlink):
        other()
        with pytest.raises(InputError, match=r"regime.png: not found; expected it, or .*mine-regime.png to be of this"):
            write_findings(root, [results], vouched)
    write_findings(root, [results], without_gate)


def test_a_study_that_goes_on_has_its_name_and_not_that_of_the_folder(tmp_path):
    root = project(tmp_path)
    (root / "results/mine/partial").mkdir()
    (root / "results/mine/tables").rename(root / "results/mine/partial/tables")
    write_findings(root, [root / "results/mine/partial"])
    assert [table.study for table in committed_claims(root)] == ["mine"]


def test_a_study_without_a_table_and_a_table_of_another_catalogue_are_refused(tmp_path):
    root = project(tmp_path, lambda text: text.replace("twins,", "triplets,"))
    with pytest.raises(InputError, match="claims of mine: expected docs/findings/mine-claims.csv"):
        write_findings(root)
    with pytest.raises(InputError, match="mine/tables/claims.csv: triplets: not in both the table and the catalogue"):
        write_findings(root, [root / "results/mine"])
    with pytest.raises(InputError, match="tables/claims.csv: not found; `snakemake claims` makes it"):
        write_findings(root, [root / "results/yours"])


LINKS = {
    "a table": "docs/findings/mine-claims.csv",
    "a figure": "docs/findings/mine-regime.png",
    "a page": str(FINDINGS),
    "the other page": str(README),
}


@pytest.mark.parametrize("what", LINKS)
def test_findings_are_written_through_no_link(tmp_path, what):
    root, mine = project(tmp_path), tmp_path / "mine"
    (root / "results/mine/figures").mkdir()
    (root / "results/mine/figures/regime.png").write_bytes(b"figure")
    text = "<!-- claims mine -->\n<!-- /claims -->" if what.endswith("page") else "mine"
    mine.write_text(text)
    (root / LINKS[what]).unlink(missing_ok=True)
    (root / LINKS[what]).symlink_to(mine)
    write_findings(root, [root / "results/mine"])
    assert mine.read_text() == text
    assert (root / LINKS[what]).is_file()
    assert not (root / LINKS[what]).is_symlink()


@pytest.mark.parametrize("folder", ["docs", "docs/findings"])
def test_findings_are_written_into_no_folder_behind_a_link(tmp_path, folder):
    root = project(tmp_path)
    (root / folder).rename(tmp_path / "elsewhere")
    (root / folder).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=f"{folder} is a link; expected a folder"):
        write_findings(root, [root / "results/mine"])
    assert not list((tmp_path / "elsewhere").rglob("*.csv"))


TABLES = {
    "no table": lambda _: "echo pwned",
    "nothing": lambda _: "",
    "no text": lambda _: "\0\n",
    "a column less": lambda text: text.replace("fold", "folds", 1),
    "a claim twice": lambda text: text + text.partition("\n")[2],
    "words as numbers": lambda text: re.sub(r"(?<=,effect,)[^,]*", "many", text),
    "a quantity less": lambda text: re.sub(r".*,tests,.*\n", "", text),
    "a verdict of its own": lambda text: re.sub(
        f",({'|'.join(VERDICTS)}),", f",undecided {'-' * 120} # reviewed,", text
    ),
    "an experiment of its own": lambda text: f"{text}regime of <b>[x](y)|,,,runs,20\n",
    "a million columns": lambda text: f"{text}{',' * 10**6}\n",
}


@pytest.mark.parametrize("what", TABLES)
def test_a_table_that_is_none_is_refused_in_one_line_before_anything_is_written(tmp_path, what):
    root = project(tmp_path, TABLES[what])
    pages = [(root / page).read_text() for page in (README, FINDINGS)]
    with pytest.raises(InputError, match="results/mine/tables/claims.csv: expected a table of claims") as refused:
        write_findings(root, [root / "results/mine"])
    assert "\n" not in str(refused.value)
    assert [(root / page).read_text() for page in (README, FINDINGS)] == pages
    assert not list((root / "docs/findings").iterdir())


def test_a_pipe_among_the_findings_is_not_waited_for(tmp_path):
    root = project(tmp_path)
    os.mkfifo(root / "docs/findings/yours-claims.csv")
    with pytest.raises(InputError, match="yours-claims.csv: cannot be read: expected a file"):
        write_findings(root, [root / "results/mine"])


def test_results_in_a_folder_that_no_study_is_called_are_no_findings(tmp_path):
    root = project(tmp_path)
    (root / "results/mine").rename(root / "results/**x**")
    with pytest.raises(InputError, match="expected the folder of a study's results, such as results/demo"):
        write_findings(root, [root / "results/**x**"])


TABLE = Job("tables/claims", KIND, CHAIN["aside"].parameter, (), (RESULTS / "tables/claims.csv",))


PARTIAL = [
    "partial/tables/claims.csv: missing: .*claims.md .*; `snakemake claims --config partial=true study=",
    "partial/tables/claims.csv: no job of .*tiny.yaml makes it; `snakemake claims --config partial=true study=",
]


@pytest.fixture
def vouched(tmp_path, monkeypatch):
    """A table of claims with its manifest, as of the only job of a study; call it with other jobs."""
    monkeypatch.chdir(tmp_path)
    TABLE.outputs[0].parent.mkdir(parents=True)
    TABLE.outputs[0].write_text("claims")
    write(TABLE)
    write_seal(RESULTS, "made by hand")

    def plan(jobs):
        planned = PlannedStudy(TINY, make_plan(read_study(TINY)), jobs, RESULTS)
        monkeypatch.setattr("spl.audit.committed.plan_study", lambda *_: planned)

    plan({TABLE.name: TABLE})
    return plan


def test_a_table_of_claims_is_taken_over_as_its_job_wrote_it_alone(vouched):
    assert check_findings(RESULTS, None) == {TABLE.outputs[0]: digest(TABLE.outputs[0])}
    TABLE.outputs[0].write_text("supported")
    with pytest.raises(InputError, match="fake/tables/claims.csv: tampered: .*; `spl audit --study .*tiny.yaml` says"):
        check_findings(RESULTS, None)
    TABLE.manifest.unlink()
    with pytest.raises(InputError, match="fake/tables/claims.csv: unrecorded: "):
        check_findings(RESULTS, None)


UNVOUCHED = "claims.manifest.json: neither as it was sealed nor as a job wrote it here"


def test_a_table_of_claims_that_was_edited_with_its_manifest_is_not_taken_over(vouched):
    check_findings(RESULTS, None)
    TABLE.outputs[0].write_text("supported")
    write(TABLE)
    with pytest.raises(InputError, match=UNVOUCHED):
        check_findings(RESULTS, None)


def test_a_table_for_which_nothing_vouches_is_not_taken_over(vouched):
    seal = RESULTS / "ROOT.sha256"
    sealed = seal.read_bytes()
    seal.unlink()
    with pytest.raises(InputError, match=f"{UNVOUCHED}; make .* --accept"):
        check_findings(RESULTS, None)
    note_statement(TABLE, statement(read_manifest(TABLE.manifest)))
    check_findings(RESULTS, None)
    shutil.rmtree(RESULTS / "campaign")
    seal.write_bytes(sealed)
    seal.with_name("ROOT.sha256.sig").write_text("somebody else's")
    with pytest.raises(InputError, match=UNVOUCHED):
        check_findings(RESULTS, None)


def test_a_table_of_a_study_that_deviates_from_its_registration_is_not_taken_over(vouched, monkeypatch):
    deviation = RegistrationCheck("0" * 64, ("levels: 0.01 became 0.04",))
    monkeypatch.setattr("spl.audit.deviations.check_registration", lambda *_: deviation)
    with pytest.raises(InputError, match="not as registered: levels: 0.01 became 0.04"):
        check_findings(RESULTS, None)


def test_results_of_another_study_or_elsewhere_are_not_taken_over(vouched, monkeypatch):
    for folder in ("results/other", "elsewhere", "results/fake/tables"):
        with pytest.raises(InputError, match=f"{folder}: expected results/fake, of "):
            check_findings(Path(folder), None)


def test_no_other_study_passes_for_the_projects_own_of_its_name(vouched):
    """A registered study would lose its registration."""
    own = Path("config/own.yaml")
    own.parent.mkdir()
    own.write_text("name: other")
    check_findings(RESULTS, TINY)
    for place in (
        own,
        Path("config/below/own.yml"),
    ):  # even as an exact copy, beside which there may be no registration
        place.parent.mkdir(exist_ok=True)
        place.write_text(TINY.read_text())
        with pytest.raises(InputError, match=f"tiny.yaml: name: tiny is taken by {place}; expected another name"):
            check_findings(RESULTS, TINY)
        place.unlink()


@pytest.mark.parametrize("file", ["tables/claims.csv", "figures/regime.png"])
def test_what_no_job_makes_is_not_taken_over(vouched, file):
    vouched({} if file.startswith("tables") else {TABLE.name: TABLE})
    (RESULTS / file).parent.mkdir(exist_ok=True)
    (RESULTS / file).write_bytes(b"")
    with pytest.raises(InputError, match=f"{file}: no job of .*tiny.yaml makes it"):
        check_findings(RESULTS, None)


def test_partial_results_are_compared_with_the_plan_of_a_partial_paper(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/tiny/partial/tables").mkdir(parents=True)
    (tmp_path / "results/tiny/partial/tables/claims.csv").write_text("claims")
    for plan in (lambda plan, _: replace(plan, partial=True), partial_plan):
        monkeypatch.setattr("spl.audit.committed.partial_plan", plan)
        with pytest.raises(InputError, match=PARTIAL[plan is partial_plan]):
            check_findings(Path("results/tiny/partial"), TINY)


def test_a_table_that_is_swapped_after_its_audit_is_not_taken_over(vouched, monkeypatch, tmp_path):
    check = check_findings

    def swap(*arguments):
        vouched = check(*arguments)
        TABLE.outputs[0].write_text("supported")
        return vouched

    monkeypatch.setattr("spl.audit.committed.check_findings", swap)
    with pytest.raises(InputError, match="tables/claims.csv: was changed after it was audited"):
        findings([RESULTS])
    assert not list(tmp_path.glob("docs/findings/*"))


def test_the_command_checks_the_results_before_it_writes(vouched, monkeypatch):
    TABLE.outputs[0].write_text("supported")
    monkeypatch.setattr("spl.page.findings.write_findings", lambda *_: pytest.fail("written"))
    with pytest.raises(InputError, match="tampered"):
        findings([RESULTS])
