"""SLURM against a study: its account, its partition's limits, and its nodes, as SLURM's own commands tell them."""

from __future__ import annotations

import getpass
import re
import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from spl.attempts.slurm import plain_environment
from spl.campaign.requests import Request, run_requests
from spl.campaign.shared_gpus import gpu_groups
from spl.doctor.finding import Finding, Level
from spl.doctor.site import Site
from spl.study.plan import Plan

# Seconds that each command has to answer.
PATIENCE = 20
# Seconds for which SLURM must remember a job that has ended, for Snakemake to see its end.
LEAST_JOB_AGE = 120
UNLIMITED = ("UNLIMITED", "INFINITE", "NONE", "")
GPUS = re.compile(r"\bgpu(?::([^:,()]+))?:(\d+)(?![\w:.])")
GONE = re.compile(r"(down|drain|drng|drained|fail|unk|maint|power|inval)")


class SilentError(Exception):
    """A command of SLURM failed or did not answer: which, and what it said."""


@dataclass(frozen=True)
class ClusterNode:
    """A node of a partition.

    Attributes:
        cores, memory: their number, and MB.
        gpus: number of GPUs by the type that SLURM knows them by, "" if it knows none.
        is_up: whether it takes jobs.
    """

    cores: int
    memory: int
    gpus: Mapping[str, int]
    is_up: bool


def has_slurm() -> bool:
    """Whether jobs can be submitted from this host."""
    return shutil.which("sbatch") is not None


def cluster(plan: Plan, runs: Collection[str], site: Site) -> Iterator[Finding]:
    """What keeps SLURM from running a study's jobs.

    Args:
        plan: of the study.
        runs: paths of those to train.
        site: account, partition and GPUs that the profile asks for.
    """
    if not has_slurm():
        yield Finding("slurm", "error", "no sbatch on this host", "start Snakemake on a login node of the cluster")
        return
    try:
        partitions = {one["PartitionName"]: one for one in _partitions()}
    except SilentError as error:
        yield Finding("slurm", "warning", str(error), "try again later, or ask the administrators")
        return
    requests = _jobs(plan, runs, site.requests)
    chosen = site.partition.split(",") if site.partition else _default(partitions)
    yield from _account(site, requests)
    if unknown := [name for name in chosen if name not in partitions]:
        yield Finding("partition", "error", f"{unknown[0]}: SLURM has {', '.join(partitions)}", "set slurm_partition")
        return
    if not chosen:
        yield Finding("partition", "error", "none by default", f"set slurm_partition: {', '.join(partitions)}")
        return
    # A site may direct jobs without a partition to another one than the default.
    severe: Level = "error" if site.partition else "warning"
    for name in chosen:
        yield from _partition(name, partitions[name], requests, site, severe)
    yield from _memory_of_jobs()


def _jobs(plan: Plan, runs: Collection[str], instead: Mapping[str, int]) -> list[Request]:
    """What each job requests: of runs that share a GPU, all of them together.

    Args:
        plan: of the study.
        runs: paths of those to train.
        instead: what each run requests in place of what the study states.
    """
    requests = {path: request for path, request in run_requests(plan).items() if path in runs}
    groups = gpu_groups(plan, requests)
    size = {path: len(paths) for paths in groups.values() for path in paths}
    return [
        Request(
            gpu=one.gpu,
            runs_per_gpu=one.runs_per_gpu,
            cpus=instead.get("cpus_per_task", one.cpus) * size.get(path, 1),
            mem_mb=instead.get("mem_mb", one.mem_mb) * size.get(path, 1),
            stated_mb=one.stated_mb,
            runtime=instead.get("runtime", one.runtime),
            hours=one.hours,
        )
        for path, one in requests.items()
    ]


def _partition(
    name: str, limits: Mapping[str, str], requests: list[Request], site: Site, severe: Level
) -> Iterator[Finding]:
    about = f"partition {name}"
    state = limits.get("State", "UP")
    if state != "UP":
        yield Finding(about, "warning", f"is {state}: jobs wait until it is up")
    longest, most = max((one.runtime for one in requests), default=0), minutes(limits.get("MaxTime", ""))
    if most is not None and longest > most:
        yield Finding(
            about,
            severe,
            f"jobs request {longest:,} minutes, its limit is {most:,}: they would wait for ever or be refused",
            f"set `runtime: {most}` in `resources` of the study; runs resume from their checkpoints",
        )
    accounts = limits.get("AllowAccounts", "ALL")
    if site.account and accounts != "ALL" and site.account not in accounts.split(","):
        yield Finding(about, "error", f"is not open to {site.account}, but to {accounts}", "set slurm_account")
    try:
        nodes = list(_nodes(name))
    except SilentError as error:
        yield Finding(about, "warning", str(error))
        return
    yield from _fit(about, nodes, requests, site, severe)


def _fit(about: str, nodes: list[ClusterNode], requests: list[Request], site: Site, severe: Level) -> Iterator[Finding]:
    """Whether each job fits on a node."""
    types = sorted({kind for node in nodes for kind in node.gpus if kind})
    if site.gpu and site.gpu not in types:
        known = f"its GPUs are {', '.join(types)}" if types else "SLURM knows no types of its GPUs"
        yield Finding(about, severe, f"no GPU {site.gpu}: {known}", "set gpu_model in the profile, or leave it out")
        return
    homeless = [one for one in requests if not any(_holds(node, one, site.gpu) for node in nodes)]
    if homeless:
        one = max(homeless, key=lambda request: (request.gpu, request.mem_mb, request.cpus))
        largest = max(
            nodes, key=lambda node: (sum(node.gpus.values()), node.memory), default=ClusterNode(0, 0, {}, False)
        )
        yield Finding(
            about,
            severe,
            f"no node has {_amounts(one.cpus, one.mem_mb, one.gpu)} for a job; the largest has "
            f"{_amounts(largest.cores, largest.memory, sum(largest.gpus.values()))}",
            "choose another partition, or lower `mem_mb`, `threads` or `processes` in the study",
        )
    elif not any(node.is_up for node in nodes):
        yield Finding(about, "warning", "none of its nodes is up: jobs wait")
    else:
        gpus = f", GPUs: {', '.join(types)}" if types else ""
        yield Finding(about, "ok", f"{len(nodes)} nodes, jobs fit{gpus}")


def _holds(node: ClusterNode, request: Request, kind: str | None) -> bool:
    gpus = node.gpus.get(kind, 0) if kind else sum(node.gpus.values())
    return node.cores >= request.cpus and node.memory >= request.mem_mb and gpus >= request.gpu


def _amounts(cores: int, memory: int, gpus: int) -> str:
    return f"{cores} cores, {memory:,} MB and {gpus} GPUs"


def _account(site: Site, requests: list[Request]) -> Iterator[Finding]:
    """What SLURM's database allows this user; many clusters have none."""
    try:
        rows = _associations()
    except (SilentError, KeyError, OSError):
        yield Finding("account", "ok", "no database of accounts answers, so none is checked")
        return
    if not rows:
        yield Finding("account", "warning", "SLURM lists none for this user", "ask the administrators if it is needed")
        return
    accounts = sorted({row[0] for row in rows})
    if site.account and site.account not in accounts:
        yield Finding("account", "error", f"{site.account}: yours are {', '.join(accounts)}", "set slurm_account")
        return
    own = [row for row in rows if not site.account or row[0] == site.account]
    yield Finding("account", "ok", site.account or f"the default one of {', '.join(accounts)}")
    longest = max((one.runtime for one in requests), default=0)
    walls = [minutes(row[3]) for row in own]
    if walls and all(wall is not None and wall < longest for wall in walls):
        wall = max(wall for wall in walls if wall is not None)
        yield Finding(
            "account",
            "error",
            f"jobs request {longest:,} minutes, its limit is {wall:,}",
            f"set `runtime: {wall}` in `resources` of the study",
        )
    submits = [int(row[2]) for row in own if row[2].isdigit()]
    if submits and max(submits) < site.jobs:
        yield Finding(
            "account",
            "warning",
            f"it may have {max(submits)} jobs in the queue, the profile submits {site.jobs} at a time",
            f"set `jobs: {max(submits)}` in the profile",
        )


def _associations() -> list[list[str]]:
    """Account, most running jobs, most jobs and longest time of each association of this user."""
    columns = "format=Account,MaxJobs,MaxSubmit,MaxWall"
    text = _output(
        "sacctmgr", "--noheader", "--parsable2", "show", "associations", f"user={getpass.getuser()}", columns
    )
    return [line.split("|") for line in text.splitlines() if line.count("|") == 3]


def _partitions() -> Iterator[dict[str, str]]:
    for line in _output("scontrol", "--oneliner", "show", "partition").splitlines():
        fields = dict(re.findall(r"(\S+?)=(\S*)", line))
        if "PartitionName" in fields:
            yield fields


def _default(partitions: Mapping[str, Mapping[str, str]]) -> list[str]:
    return [name for name, one in partitions.items() if one.get("Default") == "YES"]


def _nodes(partition: str) -> Iterator[ClusterNode]:
    text = _output("sinfo", "--noheader", "--Node", f"--partition={partition}", "--format=%c|%m|%t|%G")
    for cores, memory, state, gres in (line.split("|", 3) for line in text.splitlines() if line.count("|") >= 3):
        gpus: dict[str, int] = {}
        for kind, count in GPUS.findall(gres):
            gpus[kind] = gpus.get(kind, 0) + int(count)
        is_up = not GONE.match(state) and not state.endswith("*")
        yield ClusterNode(int(cores.rstrip("+")), int(memory.rstrip("+")), gpus, is_up)


def _memory_of_jobs() -> Iterator[Finding]:
    """Whether SLURM remembers ended jobs for long enough."""
    try:
        age = re.search(r"MinJobAge\s*=\s*(\d+)", _output("scontrol", "show", "config"))
    except SilentError:
        return
    if age and int(age[1]) < LEAST_JOB_AGE:
        yield Finding(
            "slurm",
            "warning",
            f"squeue forgets a job after {age[1]} s (MinJobAge)",
            f"set slurm-campaign-init-seconds-before-status-checks: {max(1, int(age[1]) // 3)} in the profile",
        )


def minutes(limit: str) -> int | None:
    """A time limit as SLURM prints it ("2-00:00:00", "30:00", "UNLIMITED") in whole minutes; None if there is none."""
    if limit.upper() in UNLIMITED or not re.fullmatch(r"(\d+-)?\d+(:\d+){0,2}", limit):
        return None
    days, _, clock = limit.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    # With days the parts begin with hours; without, one or two parts are minutes and seconds.
    hours, rest = (parts[0], parts[1:]) if days or len(parts) == 3 else (0, parts)
    return int(days or 0) * 1440 + hours * 60 + (rest[0] if rest else 0)


def _output(*command: str) -> str:
    """What a command prints.

    Raises:
        SilentError: it is not installed, fails, or does not answer in time.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=PATIENCE, env=plain_environment()
        )
    except subprocess.TimeoutExpired:
        raise SilentError(f"{command[0]} did not answer within {PATIENCE} s") from None
    except OSError as error:
        raise SilentError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise SilentError(f"{command[0]}: {lines[0]}")
    return done.stdout
