"""`spl doctor` finds what would stop a campaign, says what to do about it, and leaves nothing."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from project import ROOT
from typer.testing import CliRunner

from spl.campaign.parameters import run_parameter
from spl.cli.interactive import app
from spl.doctor import checkup, cluster, software, storage
from spl.doctor.site import Site, read_profile, site_of
from spl.errors import InputError
from spl.provenance import git, machine
from spl.study.plan import make_plan
from spl.study.reading import check_study
from spl.study.settings import Settings
from spl.training.networks import build_network

TINY = Path(__file__).parents[1] / "studies/tiny.yaml"
STUDY = yaml.safe_load(TINY.read_text())


def planned(**changes):
    """The tiny study with other settings of its runs or other resources."""
    study = json.loads(json.dumps(STUDY))
    resources = {name: changes.pop(name) for name in ("mem_mb", "runtime", "runs_per_gpu") if name in changes}
    study["training"] |= changes
    study["datasets"]["digits"]["resources"] = resources
    return make_plan(check_study(study, ""))


@pytest.fixture(autouse=True)
def _apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def slurm(tmp_path_factory, monkeypatch):
    """Puts scripts in the place of SLURM's commands that print what the real ones print."""
    folder = tmp_path_factory.mktemp("bin")
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    answers = {
        "sbatch": "exit 1",
        "scontrol": f'case "$*" in *config*) echo "MinJobAge = 300 sec";; *) {echo(PARTITIONS)};; esac',
        "sinfo": f'case "$*" in *partition=gpu*) {echo(NODES)};; *) echo "128|512000|idle|(null)";; esac',
        "sacctmgr": echo("lab||20|\nguest|5||1-00:00:00\n"),
    }

    def installed(**other):
        for name, script in {**answers, **other}.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)

    installed()
    return installed


def echo(text):
    return f"cat <<'END'\n{text.strip()}\nEND\n"


PARTITIONS = """
PartitionName=gpu AllowAccounts=lab,guest AllowQos=ALL Default=NO DefaultTime=01:00:00 MaxTime=1-00:00:00 State=UP
PartitionName=cpu AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL Default=YES DefaultTime=NONE MaxTime=UNLIMITED State=UP
"""
NODES = """
64|257000|mix|gpu:a100:4(S:0-1),shard:a100:8(S:0-1)
32|128000|idle|gpu:rtx-3090:2(IDX:0,1)
32|128000|down*|gpu:4090:8(S:0)
"""


def levels(findings):
    """The worst level of each thing found."""
    worst = {}
    for one in findings:
        worst[one.about] = max(worst.get(one.about, "ok"), one.level, key=("ok", "warning", "error").index)
    return worst


def messages(findings, level):
    return "\n".join(str(one) for one in findings if one.level == level)


def on_cluster(plan, **site):
    return list(cluster.cluster(plan, plan.runs, Site(**site)))


CUDA = {"device": "cuda", "instructions": "native"}


@pytest.mark.parametrize(
    ("changes", "site"),
    [
        ({"runtime": 600}, {}),
        ({"runtime": 600}, {"partition": "cpu", "account": "lab", "jobs": 20}),
        ({"runtime": 1440, **CUDA}, {"partition": "gpu", "account": "lab", "jobs": 20}),
        ({"runtime": 600, **CUDA}, {"partition": "gpu", "gpu": "a100", "jobs": 20}),
        ({"runtime": 600, **CUDA}, {"partition": "gpu", "gpu": "rtx-3090", "jobs": 20}),
        ({"runtime": 600, **CUDA}, {"partition": "gpu", "gpu": "4090", "jobs": 20}),
    ],
)
def test_a_study_that_fits_is_not_complained_about(slurm, changes, site):
    found = on_cluster(planned(**changes), **{"jobs": 20} | site)
    assert set(levels(found).values()) == {"ok"}, found


@pytest.mark.parametrize(
    ("changes", "site", "expected"),
    [
        (
            {"runtime": 2880, **CUDA},
            {"partition": "gpu"},
            "partition gpu: jobs request 2,880 minutes, its limit is 1,440",
        ),
        ({}, {"partition": "gpus"}, "partition: gpus: SLURM has gpu, cpu; set slurm_partition"),
        (CUDA, {"partition": "cpu"}, "no node has 1 cores, 16,000 MB and 1 GPUs for a job; the largest has 128 cores"),
        ({"mem_mb": 300_000, "runtime": 60}, {"partition": "gpu"}, "no node has 1 cores, 300,000 MB and 0 GPUs"),
        ({"threads": 96, "runtime": 60}, {"partition": "gpu"}, "no node has 96 cores"),
        (
            {"runtime": 60, **CUDA},
            {"partition": "gpu", "gpu": "h100"},
            "no GPU h100: its GPUs are 4090, a100, rtx-3090",
        ),
        ({"runtime": 60, **CUDA}, {"partition": "cpu", "gpu": "h100"}, "SLURM knows no types of its GPUs"),
        ({}, {"account": "other"}, "account: other: yours are guest, lab; set slurm_account"),
        ({"runtime": 2880}, {"account": "guest"}, "account: jobs request 2,880 minutes, its limit is 1,440"),
    ],
)
def test_what_slurm_would_refuse_or_leave_waiting_for_ever_is_an_error(slurm, changes, site, expected):
    assert expected in messages(on_cluster(planned(**changes), **site), "error")


def test_what_the_profile_sets_for_runs_wins_over_the_study(slurm):
    wanted = {"runtime": 2880, "mem_mb": 300_000, **CUDA}
    assert messages(on_cluster(planned(**wanted), partition="gpu"), "error")
    instead = {"runtime": 1440, "mem_mb": 100_000}
    assert not messages(on_cluster(planned(**wanted), partition="gpu", requests=instead), "error")


def test_runs_that_share_a_gpu_need_room_for_all_of_them(slurm):
    changes = {"runtime": 60, "mem_mb": 150_000, "runs_per_gpu": 2, **CUDA}
    assert "300,000 MB and 1 GPUs" in messages(on_cluster(planned(**changes), partition="gpu"), "error")


def test_a_partition_closed_to_the_account_is_an_error(slurm):
    slurm(scontrol=echo(PARTITIONS.replace("lab,guest", "others")))
    assert "is not open to lab, but to others" in messages(
        on_cluster(planned(), partition="gpu", account="lab"), "error"
    )


def test_more_jobs_than_the_account_may_submit_are_a_warning(slurm):
    assert "set `jobs: 20`" in messages(on_cluster(planned(runtime=60), account="lab", jobs=100), "warning")


def test_of_a_default_partition_doubts_are_no_errors(slurm):
    """Some sites direct jobs without a partition by themselves."""
    found = on_cluster(planned(**CUDA))
    assert levels(found)["partition cpu"] == "warning"
    assert not messages(found, "error")


@pytest.mark.parametrize(
    ("state", "expected"),
    [({"scontrol": echo(PARTITIONS.replace("State=UP", "State=DOWN"))}, "is DOWN: jobs wait"),
     ({"sinfo": echo("128|512000|drained*|(null)")}, "none of its nodes is up")],
)  # fmt: skip
def test_what_time_mends_is_a_warning(slurm, state, expected):
    slurm(**state)
    found = on_cluster(planned(), jobs=20)
    assert expected in messages(found, "warning")
    assert not messages(found, "error")


@pytest.mark.parametrize("name", ["scontrol", "sinfo"])
@pytest.mark.parametrize("script", ["exec sleep 60", "echo 'Unable to contact slurm controller' >&2; exit 1"])
def test_a_busy_controller_is_a_warning(slurm, monkeypatch, name, script):
    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    slurm(**{name: script})
    found = on_cluster(planned(), jobs=20)
    assert name in messages(found, "warning")
    assert not messages(found, "error")


def test_a_cluster_without_a_database_of_accounts_is_fine(slurm):
    slurm(sacctmgr="echo 'You are not running a supported accounting_storage plugin' >&2; exit 1")
    assert set(levels(on_cluster(planned(), account="any")).values()) == {"ok"}


def test_squeue_that_forgets_jobs_too_soon_is_a_warning(slurm):
    slurm(scontrol=f'case "$*" in *config*) echo "MinJobAge               = 30 sec";; *) {echo(PARTITIONS)};; esac')
    assert "before-status-checks: 10" in messages(on_cluster(planned()), "warning")


def test_without_slurm_nothing_can_be_submitted(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert "no sbatch" in messages(on_cluster(planned()), "error")


@given(st.integers(0, 40), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_time_limits_are_read_as_slurm_prints_them(days, hours, rest, seconds):
    whole = days * 1440 + hours * 60 + rest
    assert cluster.minutes(f"{days}-{hours:02}:{rest:02}:{seconds:02}") == whole
    assert cluster.minutes(f"{hours:02}:{rest:02}:{seconds:02}") == hours * 60 + rest
    assert cluster.minutes(f"{rest:02}:{seconds:02}") == rest
    assert cluster.minutes(str(rest)) == rest
    assert cluster.minutes(f"{days}-{hours}:{rest}") == whole
    assert cluster.minutes(f"{days}-{hours}") == whole - rest
    assert {cluster.minutes(text) for text in ("UNLIMITED", "INFINITE", "NONE", "", "n/a")} == {None}


def test_a_profile_is_read_as_snakemake_reads_it(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for resources in (
        "{ slurm_account: lab, slurm_partition: gpu, gpu_model: a100 }",
        "[slurm_account=lab, slurm_partition=gpu, gpu_model=a100]",
    ):
        (folder / "config.yaml").write_text(f"default-resources: {resources}\njobs: 7\n")
        site, found = read_profile("mine")
        assert (site, found.level) == (Site("lab", "gpu", "a100", 7), "ok")
    for overrides in (
        "[train:runtime=1440, data:runtime=1, train:mem_mb=9000]",
        "{ train: { runtime: 1440, mem_mb: 9000 } }",
    ):
        (folder / "config.yaml").write_text(f"set-resources: {overrides}\n")
        assert read_profile("mine")[0].requests == {"runtime": 1440, "mem_mb": 9000}
    (folder / "config.yaml").write_text("config: [gpu_type=rtx-3090]\n")
    assert read_profile("mine")[0] == Site(gpu="rtx-3090")
    assert read_profile("nowhere")[1].level == "error"
    (folder / "config.yaml").write_text("a: [\n")
    with pytest.raises(InputError, match="config.yaml: expected a profile"):
        read_profile("mine")
    (folder / "config.yaml").unlink()
    os.mkfifo(folder / "config.yaml")
    with pytest.raises(InputError, match="config.yaml: expected a profile"):
        read_profile("mine")


def test_to_read_a_profile_runs_nothing_that_lies_in_the_present_folder(tmp_path):
    """Snakemake lets Python import from there, and its packages look for others that they can use."""
    folder = tmp_path / ".snakemake/pip-deployments"
    folder.mkdir(parents=True)
    for name in ("gurobipy", "highspy", "ujson", "pytz"):
        (folder / f"{name}.py").write_text(f"open('ran-{name}', 'w')\n")
    text = (
        "import sys; from spl.doctor.site import read_profile; read_profile('none'); "
        "print(*(path for path in sys.path if 'snakemake' in path))"
    )
    done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (done.stdout, sorted(path.name for path in tmp_path.iterdir())) == ("\n", [".snakemake"])


def test_processes_that_share_work_run_nothing_that_lies_in_the_present_folder(tmp_path):
    """Python starts them as `python -c`, and its first import would come from there."""
    study = TINY.read_text()
    (tmp_path / "study.yaml").write_text(study.replace("instructions: avx2", "device: cuda"))
    (tmp_path / "multiprocessing.py").write_text("open('ran', 'w')\n")
    tools = tmp_path / "tools"  # without SLURM, to whose nodes the question for devices would be left
    tools.mkdir()
    for tool in ("bash", "which", "git"):
        (tools / tool).symlink_to(shutil.which(tool))
    command = [Path(sys.executable).with_name("spl"), "doctor", "study.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={"PATH": str(tools)})
    assert "train on another machine, or as jobs of a cluster" in done.stdout, "it asked for the devices"
    assert not (tmp_path / "ran").exists()


def test_resources_of_the_command_line_are_read_in_the_same_way():
    assert site_of({"gpu_model": "'4090'", "slurm_partition": "gpu"}) == Site(None, "gpu", "4090")
    assert site_of({"gpu_model": "a100"}, "rtx-3090", 5) == Site(gpu="rtx-3090", jobs=5)


def test_this_file_system_is_fine_and_stays_as_it_is(tmp_path):
    assert set(levels(storage.file_system(tmp_path / "results/tiny")).values()) == {"ok"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("call", "about", "level"),
    [
        ("fcntl.flock", "locks", "error"), ("os.link", "hard links", "warning"),
        ("os.fsync", "syncing of folders", "warning"), ("os.replace", "renaming", "error"),
    ],
)  # fmt: skip
def test_what_a_file_system_refuses_is_found(tmp_path, monkeypatch, call, about, level):
    def refuse(*_, **__):
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(call, refuse)
    found = levels(storage.file_system(tmp_path))
    assert found.pop(about) == level
    assert set(found.values()) == {"ok"}
    assert list(tmp_path.iterdir()) == []


def test_locks_that_exclude_nobody_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr("fcntl.flock", lambda *_: None)
    assert levels(storage.file_system(tmp_path))["locks"] == "error"


def test_a_clock_that_goes_wrong_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1e9)
    assert levels(storage.file_system(tmp_path))["clock"] == "warning"


def test_a_place_without_permission_is_found(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    assert levels(storage.file_system(tmp_path)) == {"files": "error"}


@pytest.mark.parametrize(("free", "level"), [(10**12, "ok"), (8 * 10**8, "warning"), (10**8, "error")])
def test_free_space_is_compared_with_what_the_open_runs_need(tmp_path, monkeypatch, free, level):
    plan = planned()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("Usage", "free")(free))
    assert storage.room(plan, plan.runs, tmp_path).level == level
    assert (
        storage.room(plan, [], tmp_path).message.split("about")[1]
        < storage.room(planned(network="wrn-28-8"), plan.runs, tmp_path).message.split("about")[1]
    )


@pytest.mark.parametrize("network", ["wrn-10-1", "wrn-28-2", "wrn-28-8", "resnet-18", "resnet-50"])
def test_the_size_of_a_network_is_about_right(network):
    built = build_network(Settings(network=network), 3, 10, np.random.default_rng(0))
    counted = sum(weight.numel() for weight in built.parameters())
    assert storage.weights_of(network, 10) == pytest.approx(counted, rel=0.15)


def test_names_that_are_too_long_for_a_file_are_found(tmp_path, monkeypatch):
    assert storage.names(planned(), tmp_path).level == "ok"
    monkeypatch.setattr("os.pathconf", lambda *_: 40)
    assert storage.names(planned(), tmp_path).level == "error"


def test_data_that_would_be_downloaded_are_named(tmp_path):
    study = json.loads(json.dumps(STUDY))
    study["datasets"]["digits"] |= {"source": "cifar-10"}
    plan = make_plan(check_study(study, ""))
    [found] = storage.downloads(plan, Path("results/tiny"))
    assert found.level == "warning"
    assert "cifar-10-python.tar.gz is downloaded when Snakemake starts" in found.message
    prepared = Path("results/tiny/data/digits/dataset.json")
    prepared.parent.mkdir(parents=True)
    prepared.touch()
    [found] = storage.downloads(plan, Path("results/tiny"))
    assert found.level == "ok"


@pytest.mark.parametrize(
    ("state", "level"),
    [
        (None, "warning"), ({"commit": "c" * 40, "diff": None}, "ok"), ({"commit": "c" * 40, "diff": "d"}, "warning"),
        ({"commit": None, "diff": None, "problem": "git: No such file or directory"}, "error"),
    ],
)  # fmt: skip
def test_the_commit_that_manifests_will_name(monkeypatch, state, level):
    monkeypatch.setattr(git, "repository", lambda: state)
    assert software.commit().level == level


def test_other_versions_than_the_lock_file_s_are_named():
    here = machine.locked()
    assert software.locked_versions(here | {"torch": f"{here['torch']}+cu126"}).level == "ok"
    found = software.locked_versions(
        {name: version for name, version in here.items() if name != "pandas"} | {"torch": "1.0"}
    )
    assert found.level == "warning"
    assert "torch 1.0 instead of" in found.message
    assert "pandas missing instead of" in found.message


def test_the_code_of_another_clone_is_found(tmp_path):
    assert {software.code(place).level for place in (ROOT, ROOT / "workflow", tmp_path)} == {"ok"}
    (tmp_path / "workflow/spl").mkdir(parents=True)
    assert {software.code(place).level for place in (tmp_path, tmp_path / "workflow")} == {"error"}


def test_a_user_without_a_name_is_found(monkeypatch):
    def unknown(user):
        raise KeyError(user)

    assert software.user().level == "ok"
    monkeypatch.setattr("pwd.getpwuid", unknown)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    assert software.user().level == "error"


def test_a_site_customisation_is_found_before_any_job(monkeypatch, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    found = software.environment()
    assert (found.level, str(tmp_path / "sitecustomize.py") in found.message) == ("warning", True)


def test_a_profile_in_the_environment_is_found(monkeypatch):
    monkeypatch.setenv("SNAKEMAKE_PROFILE", "slurm")
    assert software.environment().level == "warning"


def test_a_device_that_is_not_here_is_found():
    plan = planned(**CUDA)
    assert "CUDA" in messages(software.training_here(plan, plan.runs), "error")
    assert not messages(software.training_here(plan, []), "error")


def doctor(*arguments):
    return CliRunner().invoke(app, ["doctor", str(TINY), *arguments])


@pytest.fixture
def healthy(monkeypatch):
    """This machine, without the state of the repository that is tested, and without SLURM."""
    monkeypatch.setattr(software, "commit", lambda: software.Finding("commit", "ok", "c" * 12))
    monkeypatch.setattr(checkup, "has_slurm", lambda: False)
    return ("--profile", str(ROOT / "slurm"))


def test_the_command_ends_with_0_if_nothing_is_wrong_and_leaves_nothing(healthy, tmp_path):
    done = doctor(*healthy)
    assert done.exit_code == 0, done.output
    assert all(line.startswith(("✓ ok", "! warning")) for line in done.output.splitlines())
    assert list(tmp_path.iterdir()) == []


def test_it_looks_where_the_profile_sends_the_results(healthy, tmp_path):
    for name in ("site", "scratch"):
        (tmp_path / name).mkdir()
    (tmp_path / "site/config.yaml").write_text(f"directory: {tmp_path}/scratch/new\n")
    done = doctor("--profile", "site")
    assert done.exit_code == 0, done.output
    assert f"locks: {tmp_path}/scratch" in done.output


def test_it_ends_with_1_and_advice_if_something_is_wrong(healthy, monkeypatch):
    monkeypatch.setattr("fcntl.flock", lambda *_: None)
    done = doctor(*healthy, "--json")
    assert done.exit_code == 1
    content = json.loads(done.output)
    assert content["fit"] is False
    [wrong] = [one for one in content["findings"] if one["level"] == "error"]
    assert wrong["about"] == "locks"
    assert wrong["advice"]


def test_only_open_runs_need_something(healthy, slurm):
    plan = planned(mem_mb=10**6)
    results = Path("results/tiny")
    site = Site(partition="gpu")
    assert "no node has" in messages(checkup.before_submission(plan, None, site, ROOT), "error")
    for path in plan.runs:
        (results / "runs" / path).mkdir(parents=True)
        (results / "runs" / path / "parameters.json").write_text(run_parameter(plan, path))
    assert not messages(checkup.before_submission(plan, None, site, ROOT), "error")


def test_errors_stop_a_campaign_and_warnings_do_not(healthy, slurm, monkeypatch):
    plan = planned(runtime=60)
    with pytest.raises(InputError, match="no GPU h100"):
        checkup.check_before_submission(plan, None, Site(partition="gpu", gpu="h100"), ROOT)
    lines = checkup.check_before_submission(plan, TINY, Site(account="lab", jobs=100), ROOT)
    assert [line for line in lines if line.startswith("warning: account: it may have 20 jobs")]
