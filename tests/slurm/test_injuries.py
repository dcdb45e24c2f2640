"""A campaign on a real SLURM, injured in every way that could be provoked, ends with the bytes of a local run."""

import subprocess
import time

import cluster
import psutil
import pytest
from project import Project

from spl.journal import read_attempts

STUDY = "tests/studies/campaign.yaml"
NAME = "digits/balanced-40"
SHORT = [f"{NAME}/fold{fold}/{method}/seed0" for fold in (0, 1) for method in ("fixmatch", "flexmatch")]
LONG = f"{NAME}/fold0/pseudo-label/steps=3600/seed0"
SUBMITTING = (
    "snakemake", "--profile", "slurm", "all", "--configfile", STUDY, "--jobs", "5", "--latency-wait", "5",
    "--slurm-init-seconds-before-status-checks", "2",
)  # fmt: skip
INTERVAL = 2
"""Seconds between two checkpoints."""


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

    def working(self):
        """A run that has saved something in its present attempt and is far from done, with its last attempt."""

        def look():
            for run in SHORT:
                attempts = self.attempts(run)
                if attempts and attempts[-1].status == "open" and attempts[-1].first < self.steps(run) < 1500:
                    return run, attempts[-1]
            return None

        return wait_for(look)

    def resumed(self, run, before):
        """Wait until another attempt at a run has begun; returns it and the steps that were saved."""
        return wait_for(lambda: self.attempts(run)[len(before) :])[0]


def wait_for(look, patience=240):
    end = time.monotonic() + patience
    while not (seen := look()):
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)
    return seen


def slurm_does(*command):
    subprocess.run(command, check=True)


def process_of(run, campaign):
    """The process that trains a run."""
    pids = (line for line in campaign.folder(run).joinpath("writer.json").read_text().split('"pid": ')[1:])
    return psutil.Process(int(next(pids).split(",")[0]))


def requeue(campaign, attempt, run):
    slurm_does("scontrol", "requeue", attempt.job)


def preempt(campaign, attempt, run):
    slurm_does("sbatch", "--partition=urgent", "--cpus-per-task=4", "--output=/dev/null", "--wrap=true")


def kill(campaign, attempt, run):
    process_of(run, campaign).kill()


def cancel(campaign, attempt, run):
    slurm_does("scancel", attempt.job)


def shorten(campaign, attempt, run):
    """Take the job's time away behind the back of its training, which asked for it when it began."""
    slurm_does("scontrol", "update", f"JobId={attempt.job}", "TimeLimit=1")


def crash_node(campaign, attempt, run):
    cluster.crash_node()


def kill_snakemake(campaign, attempt, run):
    campaign.snakemake.kill()
    campaign.snakemake.wait()
    unlocked = campaign.project.run("snakemake", "--unlock", "--configfile", STUDY)
    assert unlocked.returncode == 0, unlocked.stderr
    campaign.submit()


INJURIES = (requeue, kill, preempt, cancel, crash_node, kill_snakemake)


@pytest.fixture(scope="module")
def injured(slurm, tmp_path_factory):
    """A campaign after all injuries, what each of them hit and what followed, and the local run of the same study."""
    local = Project(tmp_path_factory.mktemp("local"))
    done = local.run("snakemake", "all", "--configfile", STUDY, "--cores", "2")
    assert done.returncode == 0, done.stderr[-4000:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPL_CHECKPOINT_INTERVAL", str(INTERVAL))
        campaign = Campaign(Project(tmp_path_factory.mktemp("submitted")))
        followed = {}
        for injure in INJURIES:
            run, attempt = campaign.working()
            before, saved = campaign.attempts(run), campaign.steps(run)
            injure(campaign, attempt, run)
            followed[injure] = saved, campaign.resumed(run, before)
        cluster.restart_slurmd()
        campaign.snakemake.wait(600)
    return campaign, followed, local


def content(project):
    """The files of a study but for records of how it came about, by path."""
    results = project.folder / "results/campaign"
    files = (path.relative_to(results) for path in results.rglob("*") if path.is_file())
    return {str(path): (results / path).read_bytes() for path in files if path.parts[0] not in RECORDS}


RECORDS = {"logs", "checkpoints", "campaign"}


def test_it_ends_with_the_bytes_of_a_local_run(injured):
    campaign, _, local = injured
    assert campaign.snakemake.returncode == 0, campaign.told.read_text()[-4000:]
    expected, found = content(local), content(campaign.project)
    assert expected.keys() == found.keys()
    assert [name for name in expected if expected[name] != found[name]] == []


@pytest.mark.parametrize("injury", INJURIES, ids=lambda injury: injury.__name__)
def test_no_more_is_lost_than_what_came_after_the_last_checkpoint(injured, injury):
    saved, next_attempt = injured[1][injury]
    assert next_attempt.first >= saved > 0


def test_a_training_longer_than_its_time_limit_requeues_itself(injured):
    campaign, _, _ = injured
    attempts = campaign.attempts(LONG)
    assert len(attempts) > 1
    reasons = [attempt.reason for attempt in attempts]
    assert reasons
