"""The logs of two code bases of the field, TorchSSL and USB (``semilearn``): which run they are of, and its errors.

Both write ``SAVE_DIR/SAVE_NAME/log.txt``, and their generated studies name runs METHOD_DATASET_LABELS_SEED. A seed
draws the labelled images and everything else, so it is the fold of a run.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from spl.analysis.error_texts import read_bytes
from spl.analysis.statistics import DECIMALS
from spl.errors import InputError
from spl.text.printable import printable

LOG = "log.txt"
# The line after an evaluation. TorchSSL prints a dictionary, in which numbers may be tensors, USB "name: number".
ITERATION, BEST = re.compile(r"\b(\d{1,18}) iteration, "), "BEST_EVAL_ACC: "
ACCURACY = r"{part}/top-1-acc'?: (?:tensor\()?([^\s,)}}]+)"
ARGUMENTS = "Arguments: Namespace("
ARGUMENT = r"\b(?:{name})=(?:'([^']*)'|(\d+))"
RUN_NAME = re.compile(r"(.+)_([^_]+)_(\d+)_(\d+)")


class _Evaluation(NamedTuple):
    iteration: int
    selecting: float  # the accuracy that tells which evaluation is the best
    accuracy: float  # on the test images


def read_logs(folder: Path, best: bool) -> tuple[str, pd.DataFrame]:
    """Read the runs whose logs lie in a folder or below it.

    The accuracy is ``test/top-1-acc`` in logs that have it, else ``eval/top-1-acc``, which both code bases measure on
    the test images where they have no others. The last one is that of the last evaluation; the best one that of the
    evaluation with the highest ``eval/top-1-acc``, over all evaluations, also those before an interruption.

    Args:
        folder: of one run, or of several.
        best: the best error in place of the last.

    Returns:
        which errors these are, in words; a row for each run with the columns ``run`` (its folder), ``setting`` (data
        set and number of labels), ``method``, ``variant`` (empty), ``fold``, ``seed`` and ``error_last``, a share.

    Raises:
        InputError: no logs, a run whose name tells too little, or one that ended before others of its setting.
    """
    # not Path.rglob, which fails if a folder vanishes or cannot be read
    found = (Path(place, LOG) for place, _, files in os.walk(folder) if LOG in files)
    logs = sorted(path for path in found if path.is_file())
    if not logs:
        raise InputError(f"{folder}: expected folders of TorchSSL or USB, each with a {LOG}, or a CSV file")
    runs = pd.DataFrame([_run(log, best) for log in logs])
    for setting, of_setting in runs.groupby("setting"):
        last = of_setting["iteration"].max()
        for run, iteration in zip(of_setting["run"], of_setting["iteration"], strict=True):
            if iteration < last:
                raise InputError(
                    f"{run}/{LOG}: expected a last evaluation after {last} iterations, as in other runs of {setting}, "
                    f"got {iteration}; remove runs that are not finished"
                )
    which = "best" if best else "last"
    parts = " and ".join(sorted(set(runs["part"])))
    return f"{which} evaluation of each run ({parts} in {LOG})", runs.drop(columns=["part", "iteration"])


def _run(log: Path, best: bool) -> dict[str, object]:
    try:
        text = read_bytes(log).decode(errors="replace")
    except OSError as error:
        raise InputError(f"{log}: cannot be read: {error.strerror}") from error
    evaluations, part = _evaluations(log, text)
    method, dataset, labels, seed = _identity(log, text)
    chosen = max(evaluations, key=lambda found: found.selecting) if best else evaluations[-1]
    return {
        "run": str(log.parent),
        "setting": printable(f"{dataset}, {labels} labels"),
        "method": printable(method),
        "variant": "",
        "fold": seed,
        "seed": "0",
        "error_last": round(1 - chosen.accuracy, DECIMALS),
        "iteration": evaluations[-1].iteration,
        "part": part,
    }


def _evaluations(log: Path, text: str) -> tuple[list[_Evaluation], str]:
    """All evaluations of a log, in its order, and the name of the accuracy that counts."""
    lines = [
        (number, line, int(found[1]))
        for number, line in enumerate(text.splitlines(), 1)
        if (found := ITERATION.search(line.rpartition(BEST)[0]))
    ]
    if not lines:
        raise InputError(f"{log}: expected lines of evaluations, with eval/top-1-acc and BEST_EVAL_ACC, got none")
    part = "test" if "test/top-1-acc" in lines[-1][1] else "eval"
    evaluations = []
    for number, line, iteration in lines:
        selecting, accuracy = (_accuracy(log, number, line, name) for name in ("eval", part))
        evaluations.append(_Evaluation(iteration, selecting, accuracy))
    return evaluations, f"{part}/top-1-acc"


def _accuracy(log: Path, number: int, line: str, part: str) -> float:
    found = re.search(ACCURACY.format(part=part), line)
    try:
        value = float(found[1]) if found else float("nan")
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 1:
        raise InputError(f"{log}, line {number}: expected {part}/top-1-acc with a share from 0 to 1")
    return value


def _identity(log: Path, text: str) -> tuple[str, str, str, str]:
    """Method, data set, number of labels and seed of a run: from its arguments in the log, or from its folder's name.

    The method is what the folder's name has before the other three, which keeps variants of an algorithm apart; where
    the name has another form, the algorithm.
    """
    name = log.resolve().parent.name
    arguments = next((line for line in text.splitlines() if ARGUMENTS in line), "")
    found = {key: _argument(arguments, key) for key in ("algorithm|alg", "dataset", "num_labels", "seed")}
    algorithm, dataset, labels, seed = found.values()
    if dataset and labels and seed:
        method = name.removesuffix(f"_{dataset}_{labels}_{seed}")
        if method != name or algorithm:
            return method if method != name else algorithm, dataset, labels, seed
    if parts := RUN_NAME.fullmatch(name):
        return parts[1], parts[2], parts[3], parts[4]
    raise InputError(
        f"{log}: expected the arguments of the run (a line with {ARGUMENTS}...), or a folder that is named "
        f"METHOD_DATASET_LABELS_SEED, as in fixmatch_cifar10_40_0, got {name}"
    )


def _argument(arguments: str, name: str) -> str:
    found = re.search(ARGUMENT.format(name=name), arguments)
    return (found[1] or found[2]) if found else ""
