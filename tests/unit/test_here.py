"""As many runs at once as the machine, or the container around them, has cores and memory for."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spl.campaign.here import UNSTATED_MB, cores_here, memory_here, memory_of_run, runs_on_gpu
from spl.campaign.requests import Request

GROUPS = {"v2": "0::/a/b\n", "v1": "4:memory:/a/b\n3:cpu,cpuacct:/a/b\n1:name=systemd:/\n"}


@pytest.fixture(autouse=True)
def _outside_slurm(monkeypatch):
    monkeypatch.delenv("SLURM_CPUS_ON_NODE", raising=False)


@pytest.fixture
def root(tmp_path):
    """Writes the files of a control group: ``root("v1", {"a": {"cpu,cpuacct/cpu.cfs_quota_us": "100"}})``."""

    def written(version, files, meminfo="MemTotal:       16000000 kB\nMemFree: 1 kB\n"):
        files = {f"sys/fs/cgroup/{path}": text for path, text in files.items()}
        for path, text in {**files, "proc/self/cgroup": GROUPS[version], "proc/meminfo": meminfo}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return tmp_path

    return written


@pytest.mark.parametrize(
    ("version", "files", "cores"),
    [
        ("v2", {}, 64),
        ("v2", {"a/b/cpu.max": "max 100000\n", "cpu.max": "400000 100000\n"}, 4),
        ("v2", {"a/b/cpu.max": "150000 100000\n", "a/cpu.max": "800000 100000\n"}, 2),
        ("v2", {"a/b/cpu.max": "10000 100000\n"}, 1),
        ("v2", {"a/b/cpu.max": "12800000 100000\n"}, 64),
        ("v2", {"a/b/cpu.max": "garbage\n"}, 64),
        ("v1", {"cpu,cpuacct/a/b/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/a/b/cpu.cfs_period_us": "100000\n"}, 64),
        ("v1", {"cpu,cpuacct/a/b/cpu.cfs_quota_us": "250000\n", "cpu,cpuacct/a/b/cpu.cfs_period_us": "100000\n"}, 3),
        # Docker shows the host's path, and mounts the container's own group at the top.
        ("v1", {"cpu,cpuacct/cpu.cfs_quota_us": "50000\n", "cpu,cpuacct/cpu.cfs_period_us": "50000\n"}, 1),
    ],
)
def test_the_quota_of_any_group_around_the_process_counts(root, version, files, cores):
    assert cores_here(64, root(version, files)) == cores


@pytest.mark.parametrize(
    ("version", "files", "memory"),
    [
        ("v2", {}, 16384),
        ("v2", {"a/b/memory.max": "max\n", "a/memory.max": "4000000000\n"}, 4000),
        ("v1", {"memory/a/b/memory.limit_in_bytes": "9223372036854771712\n"}, 16384),
        ("v1", {"memory/memory.limit_in_bytes": "2000000000\n"}, 2000),
    ],
)
def test_so_does_the_limit_of_memory(root, version, files, memory):
    assert memory_here(root(version, files)) == memory


def test_what_slurm_gave_to_an_interactive_job_counts(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "4")
    assert (cores_here(64, tmp_path), cores_here(2, tmp_path)) == (4, 2)


def test_where_nothing_tells_the_machine_is_taken_as_it_is(tmp_path):
    assert cores_here(3, tmp_path) == 3
    assert memory_here(tmp_path) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 4096))
def test_this_machine_offers_from_one_core_to_all(cores):
    assert 1 <= cores_here(cores) <= cores


def request(stated_mb=None, gpu=0, runs_per_gpu=1):
    memory = {"mem_mb": stated_mb or 16000, "stated_mb": stated_mb}
    return Request(gpu=gpu, runs_per_gpu=runs_per_gpu, cpus=1, runtime=60, hours=None, **memory)


def test_one_run_at_a_time_uses_the_gpu_unless_the_study_lets_them_share_it():
    assert runs_on_gpu([request(), request(gpu=1)]) == 1
    assert runs_on_gpu([request(gpu=1, runs_per_gpu=3), request(gpu=1, runs_per_gpu=2)]) == 2
    assert runs_on_gpu([request(gpu=1, runs_per_gpu=3), request(gpu=2)]) == 1
    assert runs_on_gpu([]) == 1


def test_a_run_counts_by_the_memory_that_its_study_states():
    """The default is meant for jobs of a cluster: by it, a laptop would train one run at a time."""
    assert memory_of_run(request(3000)) == 3000
    assert memory_of_run(request()) == UNSTATED_MB
