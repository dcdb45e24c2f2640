"""How a campaign stands follows from what its runs left beside their checkpoints; and so does what they cost."""

import json
import os
import re
import time
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from spl.attempts.journal import FAILURE, JOURNAL, PROGRESS, REFUSAL, Progress, note, note_progress, note_refusal
from spl.attempts.lock import LOCK, RunLock
from spl.attempts.slurm import QueuedRun
from spl.campaign.cost import _span, cost, observed
from spl.campaign.parameters import run_parameter
from spl.campaign.status import read_status, rounded_duration, status_tables
from spl.study.plan import make_plan
from spl.study.reading import check_study

TINY = Path(__file__).parents[1] / "studies/tiny.yaml"
START = {"event": "start", "identity": "i", "host": "h", "pid": 1, "job": None}
END = {"event": "end", "reason": "", "seconds": 1800.0, "memory_mb": 700, "gpu_memory_mb": 0}


@pytest.fixture
def plan():
    study = yaml.safe_load(TINY.read_text())
    study["datasets"]["digits"]["resources"] = {"mem_mb": 2000, "runtime": 120, "hours": 0.75}
    return make_plan(check_study(study, ""))


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


def finish(plan, results, path):
    """Leave what a finished run leaves."""
    (results / "runs" / path).mkdir(parents=True)
    (results / "runs" / path / "parameters.json").write_text(run_parameter(plan, path))
    begin(results, path)
    note(results / "checkpoints" / path, **END, status="done")


def begin(results, path, first=0):
    folder = results / "checkpoints" / path
    folder.mkdir(parents=True, exist_ok=True)
    note(folder, **START, first=first)
    return folder


def shown(what):
    console = Console(width=250)
    with console.capture() as captured:
        console.print(what)
    return captured.get()


def test_every_state_is_told_from_the_others(plan, results):
    done, running, failed, retried, cut, untouched = list(plan.runs)[:6]
    finish(plan, results, done)
    folder = begin(results, failed)
    note(folder, **(END | {"reason": "bad"}), status="failed")
    (folder / FAILURE).write_text(json.dumps({"reason": "the loss is not finite in step 3"}))
    note(begin(results, retried), **(END | {"reason": "RuntimeError"}), status="failed")
    note(begin(results, cut, 40), **(END | {"reason": "interrupted after step 70: SIGTERM"}), status="interrupted")
    with RunLock(begin(results, running), lambda: False, pytest.fail):
        note_progress(results / "checkpoints" / running, Progress(0.0, 50, 150, 5.0, 0.25, 10.0))
        found = {one.run: one for one in read_status(plan, results)}
    assert list(found) == list(plan.runs)
    states = [found[run].state for run in (done, running, failed, retried, cut, untouched)]
    assert states == ["done", "running", "failed", "failed", "interrupted", "to do"]
    assert found[failed].reason == "the loss is not finite in step 3"
    assert found[retried].reason == "RuntimeError"
    assert (found[cut].step, found[cut].attempts) == (40, 1)
    images = 8 * (1 + 3)
    now = found[running]
    assert (now.step, now.error, now.images_per_second) == (50, 0.25, 5.0 * images)
    assert now.seconds_left == (now.steps - 50) / 5.0
    assert (found[done].step, found[done].images_per_second) == (found[done].steps, None)


def test_what_slurm_has_is_queued_until_it_runs_and_starting_until_it_trains(plan, results, monkeypatch):
    waiting, starting = list(plan.runs)[:2]
    note(begin(results, waiting), **(END | {"reason": "killed"}), status="failed")
    jobs = [QueuedRun("7", "PENDING", waiting.replace("/", "_")), QueuedRun("8", "RUNNING", starting.replace("/", "_"))]
    monkeypatch.setattr("spl.campaign.status.queued_runs", lambda study, folder, groups: jobs)
    found = {one.run: (one.state, one.job) for one in read_status(plan, results)}
    assert (found[waiting], found[starting]) == (("queued", "7"), ("starting", "8"))


def test_a_training_that_stands_still_says_so(plan, results):
    path = next(iter(plan.runs))
    with RunLock(begin(results, path), lambda: False, pytest.fail):
        for ago, reason in ((30, ""), (3600, "no step for 1:00 h")):
            note_progress(results / "checkpoints" / path, Progress(time.time() - ago, 50, 150, 5.0, 0.25, 10.0))
            [found] = [one for one in read_status(plan, results) if one.run == path]
            assert (found.state, found.reason) == ("running", reason)


def test_a_clock_that_was_set_back_is_no_standstill(plan, results):
    path = next(iter(plan.runs))
    with RunLock(begin(results, path), lambda: False, pytest.fail):
        note_progress(results / "checkpoints" / path, Progress(time.time() + 1e9, 50, 150, 5.0, 0.25, 10.0))
        [found] = [one for one in read_status(plan, results) if one.run == path]
        assert (found.state, found.reason, found.seconds_left) == ("running", "", 20.0)


@pytest.mark.parametrize("name", [FAILURE, JOURNAL, LOCK, PROGRESS, REFUSAL])
def test_a_pipe_in_the_place_of_a_record_is_not_waited_for(plan, results, name):
    path = next(iter(plan.runs))
    note(begin(results, path), **(END | {"reason": "bad"}), status="failed")
    (results / "checkpoints" / path / name).unlink(missing_ok=True)
    os.mkfifo(results / "checkpoints" / path / name)
    (results / "runs" / path).mkdir(parents=True)
    os.mkfifo(results / "runs" / path / "parameters.json")
    [found] = [one for one in read_status(plan, results) if one.run == path]
    assert (found.state, found.reason) == (("to do", "") if name == JOURNAL else ("failed", "bad"))
    assert bool(cost(plan, results).used) == (name != JOURNAL)


@pytest.mark.parametrize("content", ["[" * 100_000, "[]", '{"reason": NaN', "7"])
def test_a_failure_that_is_none_is_passed_over(plan, results, content):
    path = next(iter(plan.runs))
    folder = begin(results, path)
    note(folder, **(END | {"reason": "bad"}), status="failed")
    (folder / FAILURE).write_text(content)
    [found] = [one for one in read_status(plan, results) if one.run == path]
    assert found.reason == "bad"


def test_the_table_counts_each_experiment_and_names_what_is_under_way(plan, results):
    done, running = list(plan.runs)[:2]
    finish(plan, results, done)
    with RunLock(begin(results, running), lambda: False, pytest.fail):
        note_progress(results / "checkpoints" / running, Progress(0.0, 50, 150, 5.0, 0.25, 10.0))
        text = shown(status_tables(plan, read_status(plan, results)))
    rows = {line.split("  ")[0].strip(): line.split() for line in text.splitlines() if line.strip()}
    assert rows["all"][1:] == [str(len(plan.runs)), "1", "1", str(len(plan.runs) - 2)]
    assert set(plan.experiments) < set(rows)
    assert {"50", "of", "150", "160", "25.00", "%"} <= set(rows[running])
    assert done not in rows


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (29, "29 s"),
        (99, "99 s"),
        (101, "2 min"),
        (3540, "59 min"),
        (3600, "1:00 h"),
        (86399, "1 d 00:00"),
        (273900, "3 d 04:05"),
    ],
)
def test_a_time_is_told_in_the_largest_units_that_matter(seconds, text):
    assert rounded_duration(seconds) == text


def test_costs_are_those_of_the_study_s_expectation_and_limits(plan, results):
    runs = len(plan.runs)
    calibrating = {path for one in plan.calibrations.values() for path in one.runs}
    found = cost(plan, results)
    lengths = runs - len(calibrating) + sum(plan.runs[path].settings["stop"] / 150 for path in calibrating)
    assert (found.device, found.limit, found.used) == ("core", runs * 2.0, 0)
    assert found.total == pytest.approx(0.75 * lengths)
    finish(plan, results, next(iter(plan.runs)))  # in half an hour, as all others will be
    assert cost(plan, results).used == 0.5
    assert cost(plan, results).total == pytest.approx(0.5 * lengths)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], ""),
        ([None], ""),
        ([16000, 16000], "16000"),
        ([0.22888, 72, None], "0.229 to 72"),
        ([2880, 10080], "2880 to 10080"),
    ],
)
def test_a_span_has_the_digits_that_matter(values, text):
    assert _span(values) == text


def test_what_was_used_stands_beside_what_was_asked_for(plan, results):
    path = plan.experiments["scarce-labels"][0]
    finish(plan, results, path)
    [row] = [line for line in shown(observed(plan, results)).splitlines() if line.startswith(" scarce-labels")]
    told = ["scarce-labels", "1", "45 min", "30 min", "30 min", "2:00 h", "2000", "700", "1"]
    assert re.split("  +", row.strip()) == told


def test_a_run_that_slurm_refused_or_that_could_not_begin_is_told_with_the_reason(plan, results):
    unsubmitted, unfit, begun = list(plan.runs)[:3]
    note_refusal(results / "checkpoints" / unsubmitted, "AssocMaxSubmitJobLimit", by="SLURM", job=None)
    note_refusal(results / "checkpoints" / unfit, "expected a processor with avx2", by="spl train", job="7")
    note(begin(results, begun), **(END | {"reason": "the loss is not finite"}), status="failed")
    note_refusal(results / "checkpoints" / begun, "failed before", by="spl train", job="7")
    found = {one.run: (one.state, one.reason) for one in read_status(plan, results)}
    assert found[unsubmitted] == ("refused", "AssocMaxSubmitJobLimit")
    assert found[unfit] == ("refused", "expected a processor with avx2")
    assert found[begun] == ("failed", "the loss is not finite"), "its journal has more to say"
