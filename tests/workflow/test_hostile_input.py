"""The commands people type meet what is hostile as the functions behind them do: one line, status, nothing written."""

import re

import pytest

from spl.campaign.parameters import data_parameter, split_parameter
from spl.study.plan import make_plan
from spl.study.reading import read_study

STUDY = "name: a\ntitle: {title}\ndatasets: {{d: {{source: {source}}}}}\nexperiments: {{}}\n"
WRONG = {
    "title: 2020-13-45": (STUDY.format(title="2020-13-45", source="digits"), ":2: month must be in 1..12"),
    "nested lists": ("a: " + "[" * 5000, ": not YAML: maximum recursion depth exceeded"),
    "a tag of Python": ("a: !!python/object/apply:os.system [touch pwned]", ":1: could not determine a constructor"),
    "no text": ("\0\1\2", ": not YAML: unacceptable character #x0000"),
    "a terminal's commands": (STUDY.format(title="T", source='"\\e[2J"'), ": datasets.d.source: unknown source"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_hostile_study_ends_in_one_line(project, what):
    content, expected = WRONG[what]
    (project.folder / "theirs.yaml").write_text(content)
    for command in (("spl", "plan", "theirs.yaml"), ("snakemake", "-n", "all", "--config", "study=theirs.yaml")):
        refused = project.run(*command)
        assert refused.returncode == 2, refused.stderr
        [line] = [line for line in refused.stderr.splitlines() if "error" in line.lower()]
        assert line.startswith(f"error: theirs.yaml{expected}")
        assert line.isprintable()
        assert "Traceback" not in refused.stderr
    assert not (project.folder / "results").exists()
    assert not (project.folder / "pwned").exists()


def test_a_disk_that_is_full_or_refuses_is_told_in_one_line(project):
    plan = make_plan(read_study(project.study))
    done = project.run("spl", "data", "--parameter", data_parameter(plan, "digits"), "--output", "data")
    assert done.returncode == 0, done.stderr
    (project.folder / "full.json").symlink_to("/dev/full")
    asked = ("spl", "split", "--parameter", split_parameter(plan, next(iter(plan.splits))), "data", "--output")
    for output, expected in (("full.json", "No space left on device"), ("/sys/a/b.json", "Operation not permitted")):
        refused = project.run(*asked, output)
        assert refused.returncode == 1
        assert re.fullmatch(f"error: .*: {expected}\n", refused.stderr)


def test_a_second_snakemake_in_the_same_folder_does_nothing(project):
    """Snakemake's own lock; the first one ends as if alone."""
    split = "results/tiny/splits/digits/balanced-40/fold0.json"
    asked = ("snakemake", split, "--cores", "1", "--configfile", project.study)
    first = project.start(*asked)
    while not list(project.folder.glob(".snakemake/locks/*")):
        assert first.poll() is None
    second = project.run(*asked)
    assert second.returncode == 1
    assert "cannot be locked" in second.stderr
    assert first.wait() == 0
    assert (project.folder / split).exists()
