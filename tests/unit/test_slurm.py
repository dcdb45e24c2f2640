"""The output of SLURM's commands is parsed in each of its forms; without SLURM the functions return nothing.

Scripts replace the commands, for output that cannot be provoked; tests/slurm uses the real ones.
"""

import pytest

from spl.attempts.slurm import QueuedRun, listed_jobs, may_go_on, queued_runs, requeue, seconds_left

NAME = "spl_0c1f1b5e-9d5f-4c1a-8a51-6f7a3f0c2b11"  # as Snakemake's plugin names its jobs


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
def test_the_time_left_is_read_in_each_of_its_forms(command, printed, seconds):
    command("squeue", printed)
    assert seconds_left("7") == seconds


@pytest.mark.parametrize("name", ["SQUEUE_STATES", "SQUEUE_USERS", "SQUEUE_PARTITION", "SQUEUE_FORMAT2"])
def test_what_a_user_lets_squeue_hide_is_listed(command, tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, "other")
    command("squeue", "")
    (tmp_path / "squeue").write_text(f'#!/bin/sh\n[ -n "${name}" ] || echo "7|Priority"\n')
    assert listed_jobs(NAME) == {"7": "Priority"}


@pytest.mark.parametrize(("status", "accepted"), [(0, True), (1, False)])
def test_slurm_may_refuse_to_requeue(command, status, accepted):
    command("scontrol", "", status)
    assert requeue("7") is accepted


@pytest.mark.parametrize(
    ("printed", "status", "goes_on"),
    [
        (f"RUNNING|{NAME}", 0, True),
        (f"COMPLETING|{NAME}", 0, False),
        ("RUNNING|spl_all", 0, False),
        (f"RUNNING|{NAME}-again", 0, False),
        ("RUNNING|interactive", 0, False),
        ("", 0, False),
        ("", 1, False),
    ],
)
def test_only_a_running_job_that_snakemake_submitted_may_go_on(command, printed, status, goes_on):
    command("squeue", printed, status)
    assert may_go_on("7") is goes_on


def test_queued_runs_are_those_of_the_study_and_the_folder(command, tmp_path):
    train = "rule_train_wildcards_paper_digits_fold0_seed0"
    rows = [
        f"12|RUNNING|spl_0c1f|{tmp_path}|{train}",
        f"13|PENDING|spl_0c1f|/elsewhere|{train}",
        f"14|PENDING|shell|{tmp_path}|{train}",
        "lines",
        f"15|PENDING|spl_0c1f|{tmp_path}|rule_other_wildcards_paper_|x",
        f"16|PENDING|spl_0c1f|{tmp_path}|rule_train_wildcards_paper-2_digits_fold0_seed0",
        f"17|PENDING|spl_0c1f|{tmp_path}|rule_paper-gpu-1_train",
        f"18|PENDING|spl_0c1f|{tmp_path}|rule_paper-gpu-2_train",
    ]
    command("squeue", "\n".join(rows))
    groups = {"paper-gpu-1": ["digits/fold1/seed0", "digits/fold2/seed0"]}
    assert queued_runs("paper", tmp_path, groups) == [
        QueuedRun("12", "RUNNING", "digits_fold0_seed0"),
        QueuedRun("17", "PENDING", "digits_fold1_seed0"),
        QueuedRun("17", "PENDING", "digits_fold2_seed0"),
    ]


def test_without_slurm_there_are_no_answers(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert seconds_left("7") is None
    assert not may_go_on("7")
    assert not requeue("7")
    assert queued_runs("paper", tmp_path, {}) == []


def test_the_reasons_of_listed_jobs_are_read_and_no_answer_is_no_empty_list(command):
    command("squeue", "12|PartitionTimeLimit\n13|None\n14|launch failed|requeued held")
    assert listed_jobs(NAME) == {"12": "PartitionTimeLimit", "13": "None", "14": "launch failed|requeued held"}
    command("squeue", "", 0)
    assert listed_jobs(NAME) == {}
    command("squeue", "", 1)
    assert listed_jobs(NAME) is None


def test_a_byte_that_is_no_utf_8_is_no_reason_to_lose_the_others(command, tmp_path):
    command("squeue", "13|Priority")
    script = (tmp_path / "squeue").read_bytes().replace(b"13|", b"12|caf\xe9\n13|")
    (tmp_path / "squeue").write_bytes(script)
    assert listed_jobs(NAME)["13"] == "Priority"
