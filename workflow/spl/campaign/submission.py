"""What SLURM's refusals mean: which ones time mends, and how long to wait before the next try."""

from __future__ import annotations

import ast
import builtins
import re
import threading
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from spl.attempts.journal import read_attempts, read_refusal
from spl.errors import InputError
from spl.text.printable import in_lines, printable

# Resources that a site sets in the profile, whose values Snakemake takes for Python expressions.
SITE_RESOURCES = ("slurm_account", "slurm_partition", "gpu_model", "constraint", "qos")
# What Snakemake knows in such an expression, besides Python's own names.
EXPRESSION_NAMES = {"attempt", "input", "shutil", "system_tmpdir", "threads", "wildcards"}
GPU_MODEL = re.compile(r"[A-Za-z0-9_.]+")  # as Snakemake's plugin expects it

# Of sbatch, and of Snakemake's plugin before it calls sbatch: the same request will be refused in the same words.
FINAL = re.compile(
    r"Invalid account|appears to be invalid|not running a supported accounting_storage"
    r"|[Ii]nvalid partition|[Ii]nvalid qos|group not permitted|not permitted to use|User's group"
    r"|Requested node configuration is not available|[Ii]nvalid (GRES|generic resource|Trackable)|GRES format"
    r"|[Ii]nvalid feature|Invalid GPU model|[Ii]nvalid time limit|Requested time limit is invalid"
    r"|Requested reservation is invalid|Access/permission denied|Pathname .* too long"
    r"|Max\w*PerJob|sbatch: (command )?not found|No such file or directory: 's"  # the last: sinfo, sacctmgr
    r"|unrecognized option|option is not allowed|expected string or bytes-like object"
    r"|valid SLURM job ID|possible SLURM job IDs"  # the job was accepted: another one would be a second one
)
# The scheduler is busy, restarted or out of reach, or a limit on jobs in the queue is reached.
TEMPORARY = re.compile(
    r"MaxSubmitJob|MaxJobCount|job queue full|temporarily|Unable to contact|Socket timed out|Zero Bytes"
    r"|[Cc]onnection (refused|failure|reset|timed out)|not connected|standby mode|Communication|rate limit"
    r"|[Aa]uthentication (error|credential)|Protocol authentication|Job credential|nodes are busy"
    r"|inactive or drain|not usable now|Failed to run sinfo|Cannot allocate memory|No route to host"
)
LONGEST_PAUSE = 600.0
# Tries of a submission that is refused in words that are neither, about 20 minutes with pauses from 40 seconds.
TRIES = 6
# SLURM's reasons for which a job stays in the queue until somebody changes the job, a limit or the partition.
STUCK = re.compile(
    r"Partition(TimeLimit|NodeLimit|Down|Inactive|Config)|\w*MaxWall\w*|\w*PerJob\w*|\w*Minutes\w*|BadConstraints"
    r"|(Account|QOS)NotAllowed|Invalid(Account|QOS)|QOSUsageThreshold|JobHeld(Admin|User)|.*held.*"
    r"|DependencyNeverSatisfied"
)
TIME = re.compile(r"PartitionTimeLimit|\w*MaxWall\w*")
WORDS = re.compile(r"The error message was '(.*?)'\.?\s*(?:sbatch call:.*)?$", re.DOTALL)


class Patience:
    """How long to wait before a refused submission is repeated; the same for all jobs, whose threads share it.

    Args:
        first: seconds of the first pause; each further one is twice as long, until SLURM accepts a job.
    """

    def __init__(self, first: float) -> None:
        self._first = first
        self._lock = threading.Lock()
        self._refused = 0
        self._unknown = Counter[str]()

    def accepted(self) -> None:
        """SLURM has accepted a job: the next pause is a short one again."""
        with self._lock:
            self._refused = 0

    def pause(self, words: str) -> float | None:
        """Seconds until the next try after a refusal; None if another try is in vain."""
        with self._lock:
            self._unknown[words] += not TEMPORARY.search(words)
            if FINAL.search(words) or self._unknown[words] > TRIES:
                return None
            self._refused += 1
            return min(LONGEST_PAUSE, self._first * 2.0 ** min(self._refused - 1, 10))


def is_in_vain(folders: Collection[Path], job: str) -> bool:
    """Whether another attempt at a failed job would fail, too: a run cannot succeed, and no other has to go on.

    Args:
        folders: of the checkpoints of the runs that it trains.
        job: its number.
    """
    refused = {folder for folder in folders if (refusal := read_refusal(folder)) and refusal.job == job}
    ended = [folder for folder in folders if (attempts := read_attempts(folder)) and attempts[-1].status == "done"]
    return bool(refused) and refused.union(ended) == set(folders)


def refusal_words(message: str) -> str:
    """What SLURM said, on one line, from the message of Snakemake's plugin."""
    quoted = WORDS.search(message.strip())
    words = quoted[1] if quoted else message
    return printable(" ".join(words.replace("sbatch: error: ", "").replace("sbatch: ", "").split()))


def why_stuck(reason: str) -> str | None:
    """Why a waiting job will not start unless somebody acts, and how; None if it waits for its turn."""
    if not STUCK.fullmatch(reason):
        return None
    if TIME.fullmatch(reason):
        return f"{reason}: its `runtime` is above a limit; see docs/cluster.md#time-limits"
    return printable(reason)


def check_site_resources(resources: Mapping[str, object]) -> None:
    """Refuse names of partitions, accounts and GPU types of which Snakemake or its plugin would make something else.

    Args:
        resources: as the profile or the command line states them in ``default-resources``, by name.

    Raises:
        InputError: a line for each, with how to write it.
    """
    stated = {
        name: str(getattr(resources[name], "raw", resources[name])) for name in SITE_RESOURCES if name in resources
    }
    mistakes = [line for name, text in stated.items() if (line := _mistake(name, text))]
    if mistakes:
        raise InputError(in_lines(f"default-resources: {line}" for line in mistakes))


def _mistake(name: str, text: str) -> str | None:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        known = hasattr(builtins, text) or text in EXPRESSION_NAMES
        value = None if known else text
    plain_number = isinstance(value, int) and str(value) == text and name != "gpu_model"
    if not isinstance(value, str) and not plain_number:
        return f"""{name}: {text}: expected quotes within quotes, {name}: "'{text}'": Snakemake reads it as Python"""
    if name == "gpu_model" and not GPU_MODEL.fullmatch(str(value)):
        return (
            f"{name}: {text}: expected letters, digits, _ and . only, as Snakemake's plugin does; "
            f"in place of it write config: [gpu_type={value}]"
        )
    return None
