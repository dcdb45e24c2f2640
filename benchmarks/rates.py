"""How fast this machine trains the runs of a study: steps per second of each workload, by which `spl plan` prices it.

Each workload is measured with the training loop itself, on random images, in processes of its own: as many at the same
time as runs share a GPU. Evaluations and checkpoints are left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import torch

from report import report
from spl.campaign.job import canonical
from spl.campaign.rates import Rate, Rates, rates_file, workload, workload_name
from spl.campaign.requests import run_requests
from spl.errors import InputError
from spl.provenance.git import repository
from spl.provenance.machine import processor
from spl.study.plan import Plan, make_plan
from spl.study.reading import read_study

TIMED_RUN = Path(__file__).parent / "timed_run.py"


def measure(study: Path, device: str, seconds: float, output: Path | None = None) -> dict[str, Any]:
    """Measure the workloads of a study, and write their rates.

    Args:
        study: the study's file.
        device: "cuda" or "cpu"; runs on other devices are left out.
        seconds: that each measurement takes, besides its start.
        output: file for the rates; None for the default, among the study's results.

    Returns:
        the content of the file, as :class:`spl.campaign.rates.Rates` has it.

    Raises:
        InputError: there is no such device here, or nothing to measure.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: no CUDA device on this machine; measure on a node with the GPUs to be used")
    plan = make_plan(read_study(study))
    paths = _one_run_each(plan, device)
    if not paths:
        raise InputError(f"{study}: no run on device {device}")
    requests = run_requests(plan)
    rates = []
    for path in paths:
        run, work = plan.runs[path], workload(plan, path, requests[path])
        name = workload_name(run.method, work)
        if device == "cuda" and work["processes"] > torch.cuda.device_count():
            print(f"not measured, needs {work['processes']} GPUs: {name}", file=sys.stderr)
        elif rate := _rate(run.method, run.settings, work, seconds):
            print(f"{rate:.3g} steps/s: {name}", file=sys.stderr)
            rates.append(Rate(method=run.method, workload=work, steps_per_second=rate))
        else:
            print(f"not measured, the reason is above: {name}", file=sys.stderr)
    if not rates:
        raise InputError(f"{study}: nothing could be measured")
    here = torch.cuda.get_device_name() if device == "cuda" else processor()
    commit = (repository() or {}).get("commit")
    measured = Rates(device=here, torch=torch.__version__, commit=commit, rates=rates)
    file = output or rates_file(here, Path("results") / plan.study.name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(measured.model_dump_json(indent=1) + "\n", encoding="utf-8")
    print(f"written to {file}", file=sys.stderr)
    return measured.model_dump()


def _one_run_each(plan: Plan, device: str) -> list[str]:
    """A run of each workload of a plan: of several methods of one kind the first."""
    first: dict[str, str] = {}
    for path, request in run_requests(plan).items():
        if plan.runs[path].settings["device"] == device:
            first.setdefault(canonical(workload(plan, path, request)), path)
    return list(first.values())


def _rate(method: str, settings: Mapping[str, Any], work: Mapping[str, Any], seconds: float) -> float | None:
    """Steps per second of one run while all that share its GPU train; None if one of them fails."""
    together = work["runs_per_gpu"]
    task = {"method": method, "settings": dict(settings), "seconds": seconds, "waits": together > 1}
    task |= {key: work[key] for key in ("pixels", "classes")}
    command = [sys.executable, str(TIMED_RUN), json.dumps(task)]
    runs = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(together)
    ]
    try:
        if together > 1 and not all(run.stdout and run.stdout.readline() for run in runs):
            return None
        answers = []
        for run in runs:  # all have been started: they begin together
            if run.stdin and together > 1:
                print("go", file=run.stdin, flush=True)
        for run in runs:
            told, _ = run.communicate()
            answers.append(float(told) if run.returncode == 0 else None)
        known = [answer for answer in answers if answer is not None]
        return mean(known) if len(known) == together else None
    finally:
        for run in runs:
            run.kill()


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path, help="the study's YAML file")
    parser.add_argument("device", choices=["cuda", "cpu"], help="the device whose runs are measured")
    parser.add_argument("--quick", action="store_true", help="a second for each measurement in place of twenty")
    parser.add_argument("--output", type=Path, help="file for the rates")
    options = parser.parse_args()
    report(lambda: measure(options.study, options.device, 1 if options.quick else 20, options.output))


if __name__ == "__main__":
    main()
