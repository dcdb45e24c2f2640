"""A full disk and a second Snakemake end in one line, and nothing is lost."""

import re

from spl.study.plan import data_parameter, make_plan, split_parameter
from spl.study.reading import read_study


def test_a_disk_that_is_full_or_refuses_is_told_in_one_line(project):
    plan = make_plan(read_study(project.study))
    done = project.spl("data", "--parameter", data_parameter(plan, "digits"), "--output", "data")
    assert done.returncode == 0, done.stderr
    (project.folder / "full.json").symlink_to("/dev/full")
    asked = ("split", "--parameter", split_parameter(plan, next(iter(plan.splits))), "data", "--output")
    for output, expected in (("full.json", "No space left on device"), ("/sys/a/b.json", "Operation not permitted")):
        refused = project.spl(*asked, output)
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
