"""A full disk and a second Snakemake end in one line, and nothing is lost."""

import re
import signal

from one_process import write_plan

SPLIT = "splits/digits/balanced-40/fold0"


def test_a_disk_that_is_full_or_refuses_is_told_in_one_line(project):
    plan, _ = write_plan(project, "tests/studies/tiny.yaml")
    done = project.run("spl", "data", plan, "data/digits")
    assert done.returncode == 0, done.stderr
    refused = project.run("spl", "split", plan, SPLIT, on=("prlimit", "--fsize=0"))  # no file may have a byte
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1), refused.stderr
    assert re.fullmatch("error: .*: File too large\n", refused.stderr)
    plan = str((project.folder / plan).resolve())
    project.results.rename(project.folder / "elsewhere")
    project.results.symlink_to("/sys")
    refused = project.run("spl", "split", plan.replace("results/tiny", "elsewhere"), SPLIT)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert re.fullmatch("error: .*: Operation not permitted\n", refused.stderr)


def test_a_second_snakemake_in_the_same_folder_does_nothing(project):
    """Snakemake's own lock; the first one ends as if alone."""
    split = "results/tiny/splits/digits/balanced-40/fold0.json"
    asked = ("snakemake", split, "--cores", "1", "--configfile", project.study)
    first = project.start(*asked)
    while not list(project.folder.glob(".snakemake/locks/*")):
        assert first.poll() is None
    first.send_signal(signal.SIGSTOP)  # or it could be done before the second has started
    second = project.run(*asked)
    first.send_signal(signal.SIGCONT)
    assert second.returncode == 1
    assert "cannot be locked" in second.stderr
    assert first.wait() == 0
    assert (project.folder / split).exists()
