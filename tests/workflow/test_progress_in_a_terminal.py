"""What Snakemake prints: progress in a terminal, all details everywhere else and on demand."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest


def printed_in_a_terminal(project, *arguments):
    """What Snakemake prints into a pseudo-terminal."""
    ours, theirs = pty.openpty()
    command = [
        Path(sys.executable).parent / "snakemake",
        *arguments,
        "--cores",
        "1",
        "--configfile",
        str(project.study),
    ]
    with subprocess.Popen(
        command, cwd=project.folder, env=project.environment(), stdout=theirs, stderr=theirs
    ) as snakemake:
        os.close(theirs)
        printed = b""
        try:
            while block := os.read(ours, 4096):
                printed += block
        except OSError:  # how a pseudo-terminal says that the program ended
            pass
    os.close(ours)
    assert snakemake.returncode == 0, printed
    return printed.decode()


def test_a_terminal_gets_a_line_for_each_job(finished):
    printed = printed_in_a_terminal(finished, "table1", "--force")
    assert "1 jobs to do, 0 of them training runs" in printed
    assert "rule table" not in printed
    assert "Nothing to be done" in printed_in_a_terminal(finished, "table1")


@pytest.mark.parametrize("option", ["-n", "-p"])
def test_a_terminal_gets_all_details_on_demand(finished, option):
    assert "input: results/tiny" in printed_in_a_terminal(finished, "table1", "--force", option)


def test_a_file_gets_all_details(finished):
    assert "rule table" in finished.snakemake("table1", "--force")
