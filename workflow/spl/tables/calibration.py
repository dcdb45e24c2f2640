"""The calibration of the loss weights: each fold's ratio of the losses, and what is left of it in the study's runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pandas as pd

from spl.analysis.calibration import late_loss
from spl.analysis.formats import counted
from spl.study.weights import read_calibration
from spl.tables.layout import Cell, Numbers, Table


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """One row for each smooth method and data set, one column for each fold.

    The note names the residuals that are further from 1 than the folds of the calibration lie apart.

    Args:
        parameter: ``calibrations``, each with its ``title``, its thresholds as printed, and by fold the paths of the
            study's own ``runs``: of the reference and of the smooth method; ``runs``, the paths of those that are done.
        inputs: the file of each calibration; then the metrics of each of ``runs``.

    Raises:
        InputError: a file is not a calibration.
    """
    calibrations, runs = parameter["calibrations"], parameter["runs"]
    files, metrics = inputs[: len(calibrations)], inputs[len(calibrations) :]
    losses = {run: late_loss(pd.read_csv(path)) for run, path in zip(runs, metrics, strict=True)}
    numbers = Numbers()
    printed = [
        _row(numbers, given, read_calibration(path), losses) for given, path in zip(calibrations, files, strict=True)
    ]
    folds = dict.fromkeys(name for row in printed for name in row if name.startswith("fold "))
    columns = ["", "τ", *sorted(folds, key=lambda name: int(name.split()[1])), "λ_u", "range", "residual"]
    table = numbers.table(pd.DataFrame([{name: row.get(name, "–") for name in columns} for row in printed]))
    return replace(table, note=_note(table.tidy))


def _note(tidy: pd.DataFrame) -> str:
    """The methods whose weight no longer keeps the magnitude of the loss at the end of the study's runs."""
    whole = tidy[tidy["fold"].isna()].pivot_table("value", "method", "quantity", sort=False)
    if "residual" not in whole:
        return ""
    several = whole["range"] > 0  # a single fold says nothing of how far folds lie apart
    apart = whole[several & ((whole["residual"] - 1).abs() > whole["range"] / whole["lambda_u"])]
    told = [
        f"{method} ends with a weighted loss {100 * abs(residual - 1):.0f} % {'above' if residual > 1 else 'below'} "
        "that of the method it is calibrated to"
        for method, residual in apart["residual"].items()
    ]
    return f"{'; '.join(told)}: more than the folds lie apart." if told else ""


def _row(
    numbers: Numbers, given: Mapping[str, Any], calibration: Mapping[str, Any], losses: Mapping[str, float]
) -> dict[str, str | Cell]:
    what = {"method": given["title"]}
    row: dict[str, str | Cell] = {"": given["title"], "τ": given["threshold"]}
    behind = []
    for fold in calibration["folds"]:
        of_fold = what | {"fold": fold["fold"]}
        sides = [fold["reference"], fold["smooth"]]
        for name, side in zip(("reference", "smooth"), sides, strict=True):
            numbers.computed(of_fold, {f"{name}_loss": side["unlabelled_loss"]}, [side["run"]])
        pair = [side["run"] for side in sides]
        row[f"fold {fold['fold']}"] = _cell(numbers, of_fold, "ratio", fold["weights"]["lambda_u"], pair)
        behind += pair
    weight = calibration["weights"]["lambda_u"]
    row["λ_u"] = _cell(numbers, what, "lambda_u", weight, behind)
    row["range"] = _cell(numbers, what, "range", calibration["range"]["lambda_u"], behind)
    done = {fold: pair for fold, pair in given["runs"].items() if losses.keys() >= set(pair)}
    for fold, pair in done.items():
        for name, run in zip(("reference", "smooth"), pair, strict=True):
            numbers.computed(what | {"fold": int(fold)}, {f"late_{name}_loss": losses[run]}, [run])
    reference, smooth = (fmean(losses[pair[side]] for pair in done.values()) if done else 0.0 for side in (0, 1))
    if reference:  # else no run has pseudo-labels at its end, or none is done
        real = [run for pair in done.values() for run in pair]
        residual = _cell(numbers, what, "residual", weight * smooth / reference, real)
        row["residual"] = Cell(counted(residual.text, len(done), len(calibration["folds"])), residual.number)
    return row


def _cell(numbers: Numbers, what: Mapping[str, Any], name: str, value: float, runs: list[str]) -> Cell:
    return Cell(f"{value:.3f}", numbers.computed(what, {name: value}, runs)[name])
