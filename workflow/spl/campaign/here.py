"""How many runs this machine can do at once. A container's limits on processors and memory count, too."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from spl.campaign.requests import Request

# MB of a run whose study states no memory: the default of `mem_mb` is meant for jobs of a cluster.
UNSTATED_MB = 2000
MB = 10**6


def cores_here(cores: int, root: Path = Path("/")) -> int:
    """The number of cores that this process may keep busy: at most ``cores``, and no more than its quota of them.

    Args:
        cores: number of cores of the machine, or of the set to which the process is bound.
        root: of the file system.
    """
    return max(1, min([cores, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """The cores allotted by SLURM to an interactive job, and by each control group (``docker run --cpus``)."""
    with suppress(KeyError, ValueError):
        yield int(os.environ["SLURM_CPUS_ON_NODE"])
    for folder in _groups(root, ""):
        with suppress(OSError, ValueError):
            most, period = (folder / "cpu.max").read_text().split()
            yield int(most) / int(period)  # "max" is no number
    for folder in _groups(root, "cpu"):
        with suppress(OSError, ValueError):
            quota = int((folder / "cpu.cfs_quota_us").read_text())
            if quota > 0:
                yield quota / int((folder / "cpu.cfs_period_us").read_text())


def memory_here(root: Path = Path("/")) -> int | None:
    """The memory in MB that this process may use: the machine's, or less in a container; None if nothing tells it."""
    limits = []
    with suppress(OSError, ValueError):
        lines = (line.split() for line in (root / "proc/meminfo").read_text().splitlines())
        limits += [int(line[1]) * 1024 for line in lines if line[0] == "MemTotal:"]
    for controller, name in (("", "memory.max"), ("memory", "memory.limit_in_bytes")):
        for folder in _groups(root, controller):
            with suppress(OSError, ValueError):
                limits.append(int((folder / name).read_text()))
    return min(limits) // MB if limits else None


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of the control groups around this process, from its own to the topmost.

    Args:
        root: of the file system.
        controller: of version 1; "" for version 2, which has one hierarchy for all.
    """
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(","):
                # In a container the path may be the host's, and the topmost folder the container's own.
                for group in (Path(path), *Path(path).parents):
                    yield root / "sys/fs/cgroup" / controllers / group.relative_to("/")


def runs_on_gpu(requests: Iterable[Request]) -> int:
    """How many runs may use a GPU at the same time on this machine: all of them use the first one."""
    return min((request.runs_per_gpu for request in requests if request.gpu), default=1)


def memory_of_run(request: Request) -> int:
    """The memory in MB by which a run counts on this machine."""
    return UNSTATED_MB if request.stated_mb is None else request.stated_mb
