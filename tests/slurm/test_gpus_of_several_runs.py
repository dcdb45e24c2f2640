"""Runs that share a GPU on a real SLURM: one job where a GPU is a whole, jobs of their own where it has shards."""

import json
import re
import subprocess

import pytest
from project import Project
from test_injuries import Campaign, wait_for

from spl.attempts.journal import read_attempts

STUDY = "tests/studies/campaign.yaml"
TOGETHER = [f"digits/balanced-40/fold{fold}/fixmatch/seed0" for fold in range(2)]
OTHERS = [path.replace("fixmatch", "flexmatch") for path in TOGETHER]
FAILED = OTHERS[0]
ALONE = "digits/balanced-40/fold0/pseudo-label/seed0"
STEPS = 1000
"""Long enough to be requeued on the way."""
SUBMITTING = (
    # With one core: those of the host that submits do not count.
    "snakemake", "--profile", "slurm", "--cores", "1", "--configfile", STUDY, "--latency-wait", "5",
    "--slurm-campaign-init-seconds-before-status-checks", "2",
)  # fmt: skip


def small(folder, steps):
    """The study of four runs, two on each GPU; they train on the CPU, for the GPUs of this cluster compute nothing."""
    project = Project(folder)
    project.edit(STUDY, "resources: { mem_mb: 2000 }", "resources: { mem_mb: 1500, runs_per_gpu: 2 }")
    project.edit(STUDY, "steps: 3000", f"steps: {steps}")
    project.edit("workflow/spl/campaign/requests.py", 'processes if settings["device"] == "cuda" else 0', "processes")
    return project


def resources(job):
    """What SLURM says that a job was given."""
    shown = subprocess.run(["scontrol", "show", "job", job], capture_output=True, text=True, check=True).stdout
    return dict(re.findall(r"(NumCPUs|NumNodes|TresPerJob|TresPerNode|Restarts)=(\S+)", shown))


class SharedCampaign(Campaign):
    """The study on its way through SLURM."""

    def submit(self):
        with self.told.open("a") as told:
            self.snakemake = self.project.start(*SUBMITTING, self.target, told=told)

    target = "results/campaign/analysis/scarce-labels.csv"


@pytest.fixture(scope="module")
def campaign(slurm, tmp_path_factory):
    """A campaign one of whose jobs was requeued, its status before that, and the same study on this machine."""
    local = small(tmp_path_factory.mktemp("local"), STEPS)
    done = local.run("snakemake", "--configfile", STUDY, "--cores", "2", SharedCampaign.target)
    assert done.returncode == 0, done.stderr[-4000:]
    project = small(tmp_path_factory.mktemp("submitted"), STEPS)
    record = project.folder / "results/campaign/checkpoints" / FAILED / "failed.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"identity": "of other code", "time": "", "reason": "once"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPL_CHECKPOINT_INTERVAL", "2")
        shared = SharedCampaign(project)
        wait_for(lambda: all(shared.has_saved(run) for run in TOGETHER))
        shared.seen = json.loads(project.run("spl", "status", "--json", STUDY).stdout)
        shared.job = shared.attempts(TOGETHER[0])[-1].job
        subprocess.run(["scontrol", "requeue", shared.job], check=True)
        assert shared.snakemake.wait(600) == 0, shared.told.read_text()[-4000:]
    return shared, local


def test_it_ends_with_the_bytes_of_a_local_run(campaign):
    shared, local = campaign
    expected, found = local.products("campaign"), shared.project.products("campaign")
    assert expected.keys() == found.keys()
    assert [name for name in expected if expected[name] != found[name]] == []


def test_two_runs_are_one_job_on_one_gpu_at_the_same_time(campaign):
    shared, _ = campaign
    attempts = {run: shared.attempts(run) for run in TOGETHER}
    assert {one.job for several in attempts.values() for one in several} == {shared.job}
    given = resources(shared.job)
    assert given["TresPerJob"] == "gres:gpu:1"
    assert (given["NumCPUs"], given["NumNodes"]) == ("2", "1")
    firsts = [several[0] for several in attempts.values()]
    assert max(one.begun for one in firsts) < min(several[1].begun for several in attempts.values())
    assert {one["run"]: one["state"] for one in shared.seen if one["run"] in TOGETHER} == dict.fromkeys(
        TOGETHER, "running"
    )


def test_each_has_its_own_checkpoints_journal_and_log(campaign):
    shared, _ = campaign
    for run in TOGETHER:
        attempts = shared.attempts(run)
        assert [attempt.status for attempt in attempts][-1] == "done"
        assert len(attempts) == 2, "requeued once"
        assert attempts[1].first > 0, "each resumed from its own checkpoint"
        log = (shared.results / "logs/runs" / f"{run}.log").read_text()
        assert f"step {STEPS}: error" in log
    assert resources(shared.job)["Restarts"] == "1"


def test_a_run_that_once_failed_for_good_is_a_job_of_its_own(campaign):
    shared, _ = campaign
    jobs = {run: shared.attempts(run)[-1].job for run in OTHERS}
    assert len(set(jobs.values())) == len(OTHERS)
    assert {resources(job)["TresPerJob"] for job in jobs.values()} == {"gres:gpu:1"}


def test_where_gpus_have_shards_a_run_is_a_job_that_requests_some(slurm, tmp_path):
    project = small(tmp_path, 200)
    project.edit(
        "workflow/profiles/slurm/config.yaml", "# config: [gpu_shares=shard:8]", "config: [gpu_shares=shard:6]"
    )
    target = f"results/campaign/runs/{ALONE}/metrics.csv"
    done = project.run(*SUBMITTING, target)
    assert done.returncode == 0, done.stderr[-4000:]
    [attempt, *_] = read_attempts(project.folder / "results/campaign/checkpoints" / ALONE)
    given = resources(attempt.job)
    assert given["TresPerNode"] == "gres:shard:3"
    assert "TresPerJob" not in given


def test_a_run_that_fails_for_good_keeps_the_others_of_its_job_waiting_for_the_next_start_alone(slurm, tmp_path):
    project = small(tmp_path, 200)
    variants = "    variants: [{ momentum: 0.9 }, { learning_rate: 1.0e+30 }]\n"
    project.edit(
        STUDY, "    folds: [0, 1]\n    methods: [fixmatch, flexmatch]\n", f"    methods: [fixmatch]\n{variants}"
    )
    bad = TOGETHER[0].replace("seed0", "learning_rate=1e+30/seed0")

    def attempts(run):
        return read_attempts(project.folder / "results/campaign/checkpoints" / run)

    for start in (1, 2):
        ended = project.run(*SUBMITTING, SharedCampaign.target, "--default-resources", "gpu_model='4090'")
        assert ended.returncode == 1, ended.stderr[-4000:]
        assert f"not done: {bad}: failed" in ended.stderr
        assert ended.stderr.count(f"not done: {bad}: failed") == 1
        assert len(attempts(bad)) == 1, "what has failed for good is not tried again"
        good = attempts(TOGETHER[0])[-1]
        assert resources(good.job)["TresPerJob"] == "gres:gpu:4090:1"
        assert (good.status, good.job == attempts(bad)[-1].job) == ("done", start == 1)
        assert (project.folder / f"results/campaign/runs/{TOGETHER[0]}/metrics.csv").exists() == (start == 2)
    assert good.first == 200, "nothing was trained again"


def test_a_type_of_gpu_with_dashes_is_requested_and_a_job_that_no_time_starts_is_told(slurm, tmp_path):
    """In a partition whose limit of a minute is below what the run requests. Its job starts when that is mended."""
    project = small(tmp_path, 200)
    target = f"results/campaign/runs/{OTHERS[0]}/metrics.csv"
    with (tmp_path / "told").open("w") as told:
        given = "--set-resources", "train:slurm_partition=short", "--config", "gpu_type=rtx-3090"
        snakemake = project.start(*SUBMITTING, target, *given, told=told)
    stuck = re.compile(r"SLURM job (\d+) will not start by itself: PartitionTimeLimit: its `runtime` is above a limit")
    wait_for(lambda: stuck.search((tmp_path / "told").read_text()) or snakemake.poll() is not None)
    [job] = set(stuck.findall((tmp_path / "told").read_text()))
    assert resources(job)["TresPerNode"] == "gres:gpu:rtx-3090:1"
    subprocess.run(["scontrol", "update", f"JobId={job}", "TimeLimit=1"], check=True)
    assert snakemake.wait(600) == 0, (tmp_path / "told").read_text()[-4000:]
    assert {attempt.job for attempt in read_attempts(project.folder / "results/campaign/checkpoints" / OTHERS[0])} == {
        job
    }
