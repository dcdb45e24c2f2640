"""What SLURM's commands print is understood in each of its forms; without SLURM there is nothing to understand.

The commands are scripts here, for forms that cannot be provoked; tests/slurm has the real ones.
"""

import pytest

from spl.attempts.slurm import Job, may_go_on, requeue, seconds_left, trainings


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Put a command that prints a text into a PATH of its own."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")

    def put(name, text, status=0):
        (tmp_path / name).write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit {status}\n")
        (tmp_path / name).chmod(0o755)

    return put


@pytest.mark.parametrize(
    ("printed", "seconds"),
    [
        ("0:07", 7),
        ("59:30", 3570),
        ("1:02:03", 3723),
        ("2-00:00:01", 172801),
        ("UNLIMITED", None),
        ("INVALID", None),
        ("", None),
    ],
)
def test_the_time_that_is_left_has_many_forms(command, printed, seconds):
    command("squeue", printed)
    assert seconds_left("7") == seconds


@pytest.mark.parametrize(("status", "accepted"), [(0, True), (1, False)])
def test_slurm_may_refuse_to_requeue(command, status, accepted):
    command("scontrol", "", status)
    assert requeue("7") is accepted


@pytest.mark.parametrize(
    ("printed", "status", "goes_on"),
    [
        ("RUNNING|spl_paper_0c1f", 0, True),
        ("COMPLETING|spl_paper_0c1f", 0, False),
        ("RUNNING|somebody-s-shell", 0, False),
        ("", 0, False),
        ("", 1, False),
    ],
)
def test_only_a_running_job_of_ours_may_go_on(command, printed, status, goes_on):
    command("squeue", printed, status)
    assert may_go_on("7") is goes_on


def test_trainings_are_told_from_other_jobs_studies_and_folders(command, tmp_path):
    train = "rule_train_wildcards_digits_fold0_seed0"
    rows = [
        f"12|RUNNING|spl_paper_0c1f|{tmp_path}|{train}",
        f"13|PENDING|spl_paper_0c1f|/elsewhere|{train}",
        f"14|PENDING|shell|{tmp_path}|two",
        "lines",
        f"15|PENDING|spl_paper_0c1f|{tmp_path}|rule_other_wildcards_|x",
        f"16|PENDING|spl_paper-2_0c1f|{tmp_path}|{train}",
    ]
    command("squeue", "\n".join(rows))
    assert trainings("paper", tmp_path) == [Job("12", "RUNNING", "digits_fold0_seed0")]


def test_without_slurm_nothing_is_known(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert seconds_left("7") is None
    assert not may_go_on("7")
    assert not requeue("7")
    assert trainings("paper", tmp_path) == []
