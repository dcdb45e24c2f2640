"""The plan file: every job of a study with its parameter, written when Snakemake starts, read by each job.

The command line of a job names the file and the job, because a command takes 128 KiB at most and a summary of some
thousand runs needs more. The name of the file holds a digest of its content, so that a later edit of the study or of
the code makes another file and reaches no job that was already planned.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spl.attempts.plain_file import write_note
from spl.campaign.job import Job, canonical
from spl.campaign.strict_json import parse_json
from spl.errors import InputError

FOLDER = "campaign"  # of plan files and of what Snakemake notes about them, below results/<study>/
KEPT = 20  # plan files per study; older ones belong to plans that have long been replaced


def write_plan_file(jobs: Mapping[str, Job], study: Mapping[str, Any], results: Path) -> Path:
    """Write the plan of a study, if it is not there yet as it should be.

    Args:
        jobs: of the study, by name.
        study: its content, as Snakemake read it.
        results: folder of the study.

    Returns:
        the file, ``plan-<digest>.json``.
    """
    stated = {
        name: {
            "subcommand": job.subcommand,
            "parameter": job.content,
            "inputs": [str(path) for path in job.inputs],
            "outputs": [str(path) for path in job.outputs],
        }
        for name, job in jobs.items()
    }
    text = json.dumps({"study": study, "jobs": stated}, indent=1) + "\n"
    path = results / FOLDER / f"plan-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    if not path.is_file() or path.read_bytes() != text.encode():
        write_note(path, text.encode())
        for old in sorted(path.parent.glob("plan-*.json"), key=lambda file: file.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)
    return path


def read_plan_file(path: Path) -> tuple[dict[str, Any], dict[str, Job]]:
    """The study and the jobs of a plan file, by name.

    Raises:
        InputError: it is absent or no plan file.
    """
    with _reading(path):
        content = parse_json(path.read_bytes())
        return content["study"], {name: _job(name, stated) for name, stated in content["jobs"].items()}


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Report a plan file that cannot be read."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: expected a plan file, which Snakemake writes: {error.strerror}") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: expected a plan file, with the keys study and jobs: {error}") from error


def _job(name: str, stated: Mapping[str, Any]) -> Job:
    inputs, outputs = (tuple(map(Path, stated[key])) for key in ("inputs", "outputs"))
    return Job(name, stated["subcommand"], canonical(stated["parameter"]), inputs, outputs)


def read_job(path: Path, name: str, subcommand: str) -> Job:
    """One job of a plan file.

    Raises:
        InputError: the file cannot be read, or the subcommand has no such job in it.
    """
    with _reading(path):
        jobs = parse_json(path.read_bytes())["jobs"]
        names = [known for known, stated in jobs.items() if stated["subcommand"] == subcommand]
        if name in names:
            return _job(name, jobs[name])
    near = difflib.get_close_matches(name, names, 1) or names[:1]
    hint = f"; did you mean {near[0]}?" if near else ""
    raise InputError(f"{path}: spl {subcommand} has no job {name}{hint}")
