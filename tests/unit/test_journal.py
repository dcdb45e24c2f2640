"""What attempts leave on record is read back, also where a crash or a full disk cut it off."""

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spl.attempts.journal import (
    JOURNAL,
    PROGRESS,
    Progress,
    note,
    note_progress,
    note_refusal,
    read_attempts,
    read_progress,
    read_refusal,
)
from spl.attempts.plain_file import MOST, read_plain

START = {"event": "start", "identity": "abc", "host": "node1", "job": "7", "first": 0, "pid": 1}
END = {"event": "end", "status": "done", "reason": "", "seconds": 2.5, "memory_mb": 300, "gpu_memory_mb": 0}


def test_each_start_is_an_attempt_and_its_end_completes_it(tmp_path):
    note(tmp_path, **START)
    note(tmp_path, **(END | {"status": "interrupted", "reason": "asked"}))
    note(tmp_path, **(START | {"first": 40}))
    first, killed = read_attempts(tmp_path)
    assert (first.status, first.reason, first.seconds, first.first) == ("interrupted", "asked", 2.5, 0)
    assert (killed.status, killed.first, killed.job, killed.host) == ("open", 40, "7", "node1")


@given(st.integers(0, 300))
def test_a_line_that_is_cut_off_costs_no_more_than_itself(tmp_path_factory, left):
    folder = tmp_path_factory.mktemp("run")
    note(folder, **START)
    whole = (folder / JOURNAL).read_bytes()
    note(folder, **END)
    torn = (folder / JOURNAL).read_bytes()[: max(left, len(whole))]
    (folder / JOURNAL).write_bytes(torn)
    [attempt] = read_attempts(folder)
    assert attempt.status in ("open", "done")
    note(folder, **START)
    assert [one.status for one in read_attempts(folder)] == [attempt.status, "open"]


@pytest.mark.parametrize(
    "edit", [{"seconds": "x"}, {"seconds": math.nan}, {"first": 10**400}, {"memory_mb": -1}, {"reason": 5}]
)
def test_a_line_of_other_types_is_passed_over(tmp_path, edit):
    note(tmp_path, **START)
    note(tmp_path, **(START | edit))
    note(tmp_path, **(END | edit))
    [attempt] = read_attempts(tmp_path)
    assert (attempt.status, attempt.first, attempt.seconds, attempt.memory_mb) == ("open", 0, 0.0, 0)


@pytest.mark.parametrize(
    "edit",
    [{"step": "x"}, {"step": 10**400}, {"time": "now"}, {"pace": 1e-320}, {"pace": math.inf}, {"error": []}],
)
def test_progress_of_other_types_is_none(tmp_path, edit):
    written = {"time": 1.0, "step": 5, "steps": 9, "pace": 0.0, "error": None, "seconds": 2}
    (tmp_path / PROGRESS).write_text(json.dumps(written))
    assert read_progress(tmp_path) == Progress(1.0, 5, 9, 0.0, None, 2.0)
    (tmp_path / PROGRESS).write_text(json.dumps(written | edit))
    assert read_progress(tmp_path) is None


def test_a_refusal_of_other_types_is_none(tmp_path):
    note_refusal(tmp_path, "no room", by="SLURM", job=None)
    assert read_refusal(tmp_path).reason == "no room"
    note_refusal(tmp_path, ["no room"], by="SLURM", job=None)
    assert read_refusal(tmp_path) is None


def test_a_record_that_would_fill_memory_is_not_read(tmp_path):
    note(tmp_path, **START)
    os.truncate(tmp_path / JOURNAL, MOST)
    assert len(read_plain(tmp_path / JOURNAL)) == MOST
    os.truncate(tmp_path / JOURNAL, 30 * 2**30)
    assert read_attempts(tmp_path) == []
    with pytest.raises(OSError, match="expected at most 67,108,864 bytes"):
        read_plain(tmp_path / JOURNAL)


def test_progress_is_replaced_whole(tmp_path):
    assert read_progress(tmp_path) is None
    for step in (5, 6):
        written = Progress(time=1.0, step=step, steps=9, pace=None, error=0.5, seconds=2.0)
        note_progress(tmp_path, written)
        assert read_progress(tmp_path) == written
    assert [path.name for path in tmp_path.iterdir()] == [PROGRESS]


def test_what_cannot_be_written_ends_nothing():
    nowhere = Path("/nonexistent/run")
    note(nowhere, **START)
    note_progress(nowhere, Progress(0, 1, 2, None, None, 0))
    assert read_attempts(nowhere) == []
    assert read_progress(nowhere) is None
