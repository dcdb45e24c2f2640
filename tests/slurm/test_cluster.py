"""The SLURM that the other tests run on has GPUs, a queue that preempts and a memory; and leaves nothing behind."""

import subprocess
import sys
import time
from pathlib import Path

import cluster
import psutil
import pytest

ACCOUNTING = True


def sbatch(folder, *options, script):
    """Run a job to its end, requeued or not; returns its number and what it printed."""
    output = folder / "job.out"
    command = ["sbatch", "--parsable", "--wait", f"--output={output}", *options, f"--wrap={script}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip(), output.read_text().strip()


def wait_for(file, content):
    """Wait until a job has written this much."""
    end = time.monotonic() + 60
    while not file.exists() or file.read_text() != content:
        assert time.monotonic() < end, f"{file.name} does not hold {content!r}"
        time.sleep(0.1)


@pytest.mark.parametrize(("options", "devices"), [([], ""), (["--gpus=1"], "0"), (["--gpus=2"], "0,1")])
def test_a_job_sees_the_gpus_that_it_asked_for(slurm, tmp_path, options, devices):
    _, printed = sbatch(tmp_path, *options, script="echo $CUDA_VISIBLE_DEVICES")
    assert printed == devices


def test_an_urgent_job_sends_another_back_to_the_queue(slurm, tmp_path):
    marks = tmp_path / "starts"
    work = f"echo start >> {marks}; test $(wc -l < {marks}) = 2 || sleep 100"
    subprocess.run(["sbatch", "--gpus=2", f"--output={tmp_path}/low.out", f"--wrap={work}"], check=True)
    wait_for(marks, "start\n")
    urgent = ["sbatch", "--partition=urgent", "--gpus=2", f"--output={tmp_path}/urgent.out", "--wrap=true"]
    subprocess.run(urgent, check=True)
    wait_for(marks, "start\n" * 2)


def test_sacct_remembers_a_job(slurm, tmp_path):
    job, _ = sbatch(tmp_path, "--gpus=1", script="true")
    asked = ["sacct", "-X", "--noheader", "--parsable2", f"--jobs={job}", "--format=State,AllocTRES"]
    state, resources = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip().split("|")
    assert state == "COMPLETED"
    assert "gres/gpu=1" in resources


def test_it_is_not_started_twice(slurm):
    with pytest.raises(cluster.ClusterError, match="already running: slurmctld, slurmd, slurmdbd, mariadbd, munged;"):
        cluster.start()


def test_stopping_ends_jobs_and_daemons_and_is_safe_to_repeat(slurm, tmp_path):
    work = f"echo on > {tmp_path}/on; exec sleep 4321"
    subprocess.run(["sbatch", f"--output={tmp_path}/job.out", f"--wrap={work}"], check=True)
    wait_for(tmp_path / "on", "on\n")
    for _ in range(2):
        cluster.stop()
        names = {process.name() for process in psutil.process_iter()}
        assert not names & {"slurmctld", "slurmd", "slurmstepd", "slurmdbd", "munged"}
        assert not [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", "4321"]]
        assert not list(cluster.ETC.glob("slurm*.conf"))


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """No cluster's folders: what is refused here would be refused without SLURM too."""
    (tmp_path / "etc").mkdir()
    monkeypatch.setattr(cluster, "ETC", tmp_path / "etc")
    monkeypatch.setattr(cluster, "ROOT", tmp_path / "root")
    monkeypatch.setattr("shutil.which", lambda program: f"/usr/sbin/{program}")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return tmp_path


def test_another_slurm_s_configuration_is_not_touched(elsewhere):
    (elsewhere / "etc/slurm.conf").write_text("ClusterName=theirs\n")
    with pytest.raises(cluster.ClusterError, match=r"as another SLURM's: .*/etc/slurm\.conf$"):
        cluster.start()
    cluster.stop()
    assert (elsewhere / "etc/slurm.conf").read_text() == "ClusterName=theirs\n"
    assert not (elsewhere / "root").exists()


def test_what_is_missing_is_named(elsewhere, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda program: None if program in ("munged", "mariadbd") else "there")
    assert cluster.obstacle() == "SLURM is not installed: apt-get install munge"
    assert cluster.obstacle(accounting=True) == "SLURM is not installed: apt-get install munge mariadb-server"
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert cluster.obstacle() == "starting SLURM needs root"


def test_as_a_script_it_says_why_not_in_one_line(tmp_path):
    script = Path(cluster.__file__)
    refused = subprocess.run([sys.executable, script, "start"], env={"PATH": ""}, capture_output=True, text=True)
    assert refused.returncode == 1
    assert refused.stderr.startswith("cluster.py: ")
    assert refused.stderr.count("\n") == 1
