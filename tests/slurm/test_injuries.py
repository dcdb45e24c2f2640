"""A campaign on a real SLURM, injured in every way that could be provoked, ends with the bytes of a local run."""

import json
import subprocess
import threading
import time
from contextlib import suppress
from functools import partial

import cluster
import psutil
import pytest
from project import Project

from spl.attempts.journal import read_attempts
from spl.attempts.lock import is_held
from spl.attempts.slurm import seconds_left
from spl.attempts.watchdog import OUT_OF_TIME

STUDY = "tests/studies/campaign.yaml"
NAME = "digits/balanced-40"
SHORT = [f"{NAME}/fold{fold}/{method}/seed0" for fold in (0, 1) for method in ("fixmatch", "flexmatch")]
LONG = f"{NAME}/fold0/pseudo-label/seed0"
SUBMITTING = (
    "snakemake", "--profile", "slurm", "all", "--configfile", STUDY, "--jobs", "5", "--latency-wait", "5",
    "--slurm-campaign-init-seconds-before-status-checks", "2",
)  # fmt: skip
INTERVAL = 2
"""Seconds between two checkpoints."""
OUTAGE = 45
"""Seconds without slurmctld: so many queries in a row fail that Snakemake's plugin alone would lose its jobs."""


class Campaign:
    """A study on its way through SLURM."""

    def __init__(self, project):
        self.project = project
        self.results = project.folder / "results/campaign"
        self.told = project.folder / "told"
        self.submit()

    def submit(self):
        with self.told.open("a") as told:
            self.snakemake = self.project.start(*SUBMITTING, told=told)

    def folder(self, run):
        return self.results / "checkpoints" / run

    def attempts(self, run):
        return read_attempts(self.folder(run))

    def steps(self, run):
        """Steps in the newest checkpoint."""
        found = self.folder(run).glob("*/step-*.safetensors")
        return max((int(path.name.split("-")[1]) for path in found), default=0)

    def under_way(self):
        """The runs that have saved something in their present attempt and are not nearly done."""
        return [run for run in SHORT if self._is_under_way(run)]

    def _is_under_way(self, run):
        return self.has_saved(run) and self.steps(run) < 2800

    def has_saved(self, run):
        attempts = self.attempts(run)  # none as long as the first has only just taken the run
        return bool(attempts) and is_held(self.folder(run)) and attempts[-1].first < self.steps(run)


def wait_for(look, patience=600):
    end = time.monotonic() + patience
    while not (seen := look()):
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)
    return seen


def slurm_does(*command):
    subprocess.run(command, check=True)


def process_of(run, campaign):
    """The process that trains a run."""
    return psutil.Process(json.loads((campaign.folder(run) / "writer.json").read_text())["pid"])


def requeue(campaign, run):
    slurm_does("scontrol", "requeue", campaign.attempts(run)[-1].job)


def kill(campaign, run):
    process_of(run, campaign).kill()


def cancel(campaign, run):
    slurm_does("scancel", campaign.attempts(run)[-1].job)


def preempt(campaign, run):
    slurm_does("sbatch", "--partition=urgent", "--cpus-per-task=4", "--output=/dev/null", "--wrap=true")


def crash_node(campaign, run):
    cluster.crash_node()


def kill_snakemake(campaign, run):
    """Kill Snakemake while its jobs run, and start it again."""
    campaign.snakemake.kill()
    campaign.snakemake.wait()
    campaign.project.edit(STUDY, *EDIT[::-1])
    unlocked = campaign.project.run("snakemake", "--unlock", "--configfile", STUDY)
    assert unlocked.returncode == 0, unlocked.stderr
    campaign.submit()


EDIT = "steps: 3000", "steps: 7"
"""Of the study, while jobs run and wait: it must not reach them."""
INJURIES = (requeue, kill, cancel, preempt, crash_node, kill_snakemake)
"""The first three hit one run each, the others whatever runs."""


def injure(campaign):
    """Injure a campaign in all ways; returns what each hit: a run, its attempts so far, and the steps it had saved."""
    hit = {}
    wait_for(campaign.under_way)
    campaign.seen = json.loads(campaign.project.run("spl", "status", "--json", STUDY).stdout)
    campaign.project.edit(STUDY, *EDIT)
    for injury in INJURIES:
        hit_already = {run for run, _, _ in hit.values()} if injury in INJURIES[:3] else set()
        if injury == kill_snakemake:  # another Snakemake would give them other jobs
            for run, before, _ in hit[requeue], hit[preempt]:
                wait_for(partial(has_begun, campaign, run, before))
        run = wait_for(partial(first_under_way, campaign, hit_already))
        hit[injury] = run, len(campaign.attempts(run)), campaign.steps(run)
        injury(campaign, run)
        if injury != kill_snakemake:
            wait_for(partial(is_free, campaign.folder(run)))
    return hit


def first_under_way(campaign, but_not):
    return next((run for run in campaign.under_way() if run not in but_not), None)


def has_begun(campaign, run, before):
    return len(campaign.attempts(run)) > before


def has_looked_around(campaign):
    """Whether the second Snakemake has asked SLURM for jobs of the first, and goes on to its own."""
    _, *starts = campaign.told.read_text().split("SLURM run ID")
    return len(starts) == 2 and "Select jobs to execute" in starts[1]


def is_free(folder):
    return not is_held(folder)


def hold_up(campaign):
    """Have a training outlast its job's time on any processor: stop it once it has saved, until that is nearly over."""
    while not out_of_time(campaign):
        with suppress(psutil.NoSuchProcess, ValueError):  # another injury hit it, or its record is being written
            wait_for(partial(campaign.has_saved, LONG))
            process = process_of(LONG, campaign)
            process.suspend()
            wait_for(lambda process=process: not trains(process, campaign) or is_nearly_over(job_of(campaign)))
            process.resume()
            wait_for(lambda process=process: not trains(process, campaign))


def trains(process, campaign):
    return is_held(campaign.folder(LONG)) and process_of(LONG, campaign).pid == process.pid


def job_of(campaign):
    return json.loads((campaign.folder(LONG) / "writer.json").read_text())["job"]


def out_of_time(campaign):
    return any(attempt.reason.endswith(OUT_OF_TIME) for attempt in campaign.attempts(LONG))


def is_nearly_over(job):
    """Whether a job's minute is over but for the tenth that a training keeps in reserve."""
    left = seconds_left(job)
    return left is not None and left <= 6


@pytest.fixture(scope="module")
def injured(slurm, tmp_path_factory):
    """A campaign that ended after all injuries, what they hit, and the local run of the same study."""
    local = Project(tmp_path_factory.mktemp("local"))
    done = local.run("snakemake", "all", "--configfile", STUDY, "--cores", "2")
    assert done.returncode == 0, done.stderr[-4000:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPL_CHECKPOINT_INTERVAL", str(INTERVAL))
        campaign = Campaign(Project(tmp_path_factory.mktemp("submitted")))
        threading.Thread(target=hold_up, args=[campaign], daemon=True).start()
        hit = injure(campaign)
        wait_for(partial(has_looked_around, campaign))
        cluster.restart_slurmd()
        campaign.outlived_slurmctld = campaign.snakemake.poll() is None
        cluster.interrupt_slurmctld(OUTAGE)
        campaign.snakemake.wait(600)
    return campaign, hit, local


def test_it_ends_with_the_bytes_of_a_local_run(injured):
    campaign, _, local = injured
    assert campaign.snakemake.returncode == 0, campaign.told.read_text()[-4000:]
    assert campaign.outlived_slurmctld
    expected, found = local.products("campaign"), campaign.project.products("campaign")
    assert expected.keys() == found.keys()
    assert [name for name in expected if expected[name] != found[name]] == []


def test_its_status_tells_what_runs_and_what_waits(injured):
    """Seen before the first injury: there is room for four jobs of five."""
    seen = injured[0].seen
    assert {one["run"] for one in seen} == {*SHORT, LONG}
    assert sum(one["state"] == "queued" for one in seen) >= 1
    assert sum(one["state"] == "running" for one in seen) >= 1
    assert all(one["job"] for one in seen), "each of them is a job of SLURM"


@pytest.mark.parametrize("injury", INJURIES, ids=lambda injury: injury.__name__)
def test_no_more_is_lost_than_what_came_after_the_last_checkpoint(injured, injury):
    campaign, hit, _ = injured
    run, before, saved = hit[injury]
    following = campaign.attempts(run)[before]
    assert following.first >= saved > 0


def test_a_training_longer_than_its_time_limit_goes_back_into_the_queue_by_itself(injured):
    attempts = injured[0].attempts(LONG)
    assert any(attempt.reason.endswith(OUT_OF_TIME) for attempt in attempts), attempts
    assert attempts[-1].status == "done"


def test_what_is_preempted_or_requeued_keeps_its_job(injured):
    campaign, hit, _ = injured
    for injury in (requeue, preempt):
        run, before, _ = hit[injury]
        lost, following = campaign.attempts(run)[before - 1 : before + 1]
        assert following.job == lost.job


def test_jobs_of_an_earlier_snakemake_are_named(injured):
    run, _, _ = injured[1][kill_snakemake]
    told = injured[0].told.read_text()
    assert f"{run}: will save and end when its successor starts" in told


def test_nothing_is_left_of_a_campaign_that_is_done_but_its_records(injured):
    campaign = injured[0]
    assert not list(campaign.results.glob("checkpoints/**/step-*"))
    assert cluster_is_idle()
    for run in (*SHORT, LONG):
        assert campaign.attempts(run)[-1].status == "done"


def cluster_is_idle():
    return subprocess.run(["squeue", "--noheader"], capture_output=True, text=True, check=True).stdout == ""
