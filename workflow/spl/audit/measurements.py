"""Whether a run can have measured what its metrics say: when, within which limits, and with losses that add up."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from itertools import chain, zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spl.audit.result_files import Measurements
from spl.methods.method import Method, MethodState

# Columns of metrics, as of spl.training.evaluation, which would load torch.
COLUMNS = (
    *("step", "test_error", "loss", "labelled_loss", "labelled_accuracy", "unlabelled_loss", "unweighted_loss"),
    *("coverage", "purity", "flips", "weight_movement", "batch_checksum"),
)
INTEGERS = ("step", "batch_checksum")
# What is measured without unlabelled images, too; ratios, which are unknown where they are of nothing.
ALWAYS = ("test_error", "loss", "labelled_loss", "labelled_accuracy")
RATIOS = ("purity", "flips", "weight_movement")
SHARES = ("test_error", "labelled_accuracy", "coverage", *RATIOS)
# Means are sums of 32-bit floats, of which each addition may be off by half a unit in the last place. Those within a
# batch are sums of parts, and 512 is far above what they are off.
LAST_PLACE, WITHIN_A_BATCH = 2.0**-23, 512

Numbers = NDArray[np.float64]


def impossible_measurements(measured: Measurements, method: Method, settings: Mapping[str, Any]) -> Iterator[str]:
    """A line for the first evaluation at another step than the settings say; else for the first measure of each kind,
    and the first sum, that no run can have.

    Args:
        measured: of ``metrics.csv``.
        method: of the run.
        settings: of the run, with its calibrated weights as far as they are known.
    """
    planned, steps = _planned_steps(settings), measured["step"]
    for number, (mine, theirs) in enumerate(zip_longest(steps, planned), 1):
        if mine != theirs:
            yield f"evaluation {number} is at step {mine}, settings say {theirs}"
            return
    wrong = {name: np.array([not isinstance(value, int) for value in measured[name]]) for name in INTEGERS}
    columns = {name: np.array(measured[name], float) for name in COLUMNS if name not in INTEGERS}
    wrong |= {name: ~_possible(name, values, method) for name, values in columns.items()}
    if method.weight is not None:
        wrong["purity"] |= (columns["coverage"] == 0) & ~np.isnan(columns["purity"])  # a ratio of nothing
    for name, places in wrong.items():
        if places.any():
            at = int(places.argmax())
            yield f"{name} at step {steps[at]} is {measured[name][at]}"
    if method.weight is not None:
        most = _most_unlabelled(columns)
        with np.errstate(invalid="ignore"):  # whatever is no number is wrong already
            if (more := columns["unlabelled_loss"] > most).any():
                at = int(more.argmax())
                leave = f"weights from 0 to 1 leave at most {most[at]:.6g}"
                yield f"unlabelled_loss at step {steps[at]} is {measured['unlabelled_loss'][at]}, {leave}"
    with np.errstate(all="ignore"):  # whatever is infinite then is named
        yield from _other_sums(np.array(steps), columns, method, settings)


def evaluation_steps(settings: Mapping[str, Any]) -> list[int]:
    """After which steps :func:`spl.training.evaluation.is_evaluated`."""
    return list(_planned_steps(settings))


def _planned_steps(settings: Mapping[str, Any]) -> Iterator[int]:
    """These steps one after the other, since the settings of a stranger may ask for any number of them."""
    steps = settings["steps"]
    last, late = settings.get("stop") or steps, math.floor(0.8 * steps)
    every, late_every = (
        interval if isinstance(interval, int) else max(1, round(interval * steps))
        for interval in (settings["evaluate_every"], settings["evaluate_late_every"])
    )
    step = 0
    for step in chain(
        range(every, min(last, late) + 1, every),
        range((late // late_every + 1) * late_every, last + 1, late_every),
    ):
        yield step
    if step != last:
        yield last


def _possible(name: str, values: Numbers, method: Method) -> NDArray[np.bool_]:
    """Which values of a column a run can have measured."""
    if method.weight is None and name not in ALWAYS:
        return np.isnan(values)
    if name == "loss":  # with a further loss below 0
        return np.isfinite(values)
    within = (values >= 0) & (values <= (1 if name in SHARES else sys.float_info.max))
    return within | np.isnan(values) if name in RATIOS else within


def _most_unlabelled(columns: Mapping[str, Numbers]) -> Numbers:
    """The loss that weights from 0 to 1 can leave: nothing where all are 0, or so small that their mean is."""
    unweighted = columns["unweighted_loss"] * (1 + LAST_PLACE * WITHIN_A_BATCH)
    return np.where(columns["coverage"] == 0, np.finfo(np.float32).tiny, unweighted)


def _other_sums(
    steps: NDArray[np.int64], columns: Mapping[str, Numbers], method: Method, settings: Mapping[str, Any]
) -> Iterator[str]:
    """A line for the first loss that is not the labelled one plus lambda_u times the unlabelled one (equation 20)."""
    weight = settings.get("lambda_u", 0.0)
    if isinstance(weight, str) or method.state.further_loss is not MethodState.further_loss:
        return  # not known here, or not known from the columns
    before = np.concatenate([[0], steps[:-1]])
    unlabelled = weight * columns["unlabelled_loss"] if method.weight else np.zeros(len(steps))
    least, most = (columns["labelled_loss"] + _ramp(at, settings) * unlabelled for at in (before, steps - 1))
    slack = LAST_PLACE * (steps - before + WITHIN_A_BATCH) * most
    loss = columns["loss"]
    if (wrong := ~((least - slack <= loss) & (loss <= most + slack))).any():
        at = wrong.argmax()
        sums = f"{least[at]:.6g}" if least[at] == most[at] else f"{least[at]:.6g} to {most[at]:.6g}"
        yield f"loss at step {steps[at]} is {loss[at]}, labelled_loss and {weight:g} unlabelled_loss make {sums}"


def _ramp(steps: NDArray[np.int64], settings: Mapping[str, Any]) -> Numbers:
    """The part of lambda_u that is in force, as in :func:`spl.training.optimiser.unlabelled_weight`."""
    length = settings.get("ramp", 0) * settings["steps"]
    return np.minimum(1, steps / length) if length else np.ones(len(steps))
