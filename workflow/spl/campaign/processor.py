"""Whether this machine can train a study's runs, before any job starts: its processor's instructions, its GPUs."""

from __future__ import annotations

import multiprocessing
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor

from spl.errors import InputError
from spl.study.plan import Plan
from spl.training.instructions import LEVELS, lacking


def check_processor(plan: Plan, runs: Collection[str]) -> None:
    """Refuse runs that need instructions that this processor lacks.

    Args:
        plan: of the study.
        runs: paths of the runs to train.

    Raises:
        InputError: naming the setting and the missing instructions.
    """
    for level in LEVELS:
        missing = lacking(level)
        if missing and any(_needs(plan, path, level) for path in runs):
            raise InputError(
                f"{plan.study.name}: instructions: {level}: expected a processor with {', '.join(missing)}; "
                "run the study elsewhere, or set training.instructions to a level that this processor has"
            )


def _needs(plan: Plan, path: str, level: str) -> bool:
    settings = plan.runs[path].settings
    return bool(settings["device"] == "cpu" and settings["instructions"] == level)


def check_machine(plan: Plan, runs: Collection[str]) -> None:
    """Refuse runs that cannot be trained on this machine, after the data have been prepared and for each of them.

    Args:
        plan: of the study.
        runs: paths of the runs to train here.

    Raises:
        InputError: the processor lacks instructions, or there are too few CUDA devices that torch is built for.
    """
    check_processor(plan, runs)
    settings = [plan.runs[path].settings for path in runs]
    processes = max((one["processes"] for one in settings if one["device"] == "cuda"), default=0)
    if processes:
        try:
            _check_cuda_elsewhere(processes)
        except InputError as error:
            raise InputError(
                f"{plan.study.name}: {error}; train on another machine, or as jobs of a cluster: --profile slurm"
            ) from None
        except RuntimeError:  # a device that is busy now: the runs will tell
            pass


def _check_cuda_elsewhere(processes: int) -> None:
    """In a process that ends at once: torch keeps memory of each device that it has looked at."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(_check_cuda, processes).result()


def _check_cuda(processes: int) -> None:
    from spl.training.backend import check_cuda

    check_cuda(processes)
