"""Endpoints of claims: what is measured of a method on each fold, from the summary of an experiment and its runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spl.analysis.run_files import file_of_run
from spl.analysis.statistics import DECIMALS
from spl.analysis.twins import divergence

KEY = ["fold", "seed"]


@dataclass(frozen=True)
class Material:
    """What endpoints are computed from.

    Attributes:
        summaries: rows of the experiments' summaries; the claim's own experiment comes first.
        inputs: among them the metrics and the predictions of finished runs.
        defaults: of the settings that vary.
        mean_below: the error, a share, below which a number of labels is enough.
    """

    summaries: Sequence[pd.DataFrame]
    inputs: Sequence[Path]
    defaults: Mapping[str, float]
    mean_below: float

    def rows(self, method: str, variant: int = 0, experiment: int = 0) -> pd.DataFrame:
        """The rows of a method in one of its variants, counted in the order of the study."""
        own = self.all_rows(method, experiment)
        variants = own["variant"].astype(object).fillna("")
        return own[variants.isin(list(dict.fromkeys(variants))[variant : variant + 1])]

    def all_rows(self, method: str, experiment: int = 0) -> pd.DataFrame:
        """The rows of a method in all variants."""
        summary = self.summaries[experiment]
        return summary[summary["method"] == method]


# A frame indexed by fold and seed, with the ``value`` and the paths of the ``runs`` behind it
Measure = Callable[[Material, str, int], pd.DataFrame]


@dataclass(frozen=True)
class Endpoint:
    """An endpoint of a claim.

    Attributes:
        name: as printed.
        measure: of the method that the claim favours, in a variant; and of the other one, if ``other`` is None.
        less_is_better: whether the claim says that the favoured method has less.
        points: whether it is a share, whose differences are printed in points.
        other: measure of the other method, where it differs.
    """

    name: str
    measure: Measure
    less_is_better: bool = True
    points: bool = True
    other: Measure | None = None


def endpoint_differences(
    endpoint: Endpoint, material: Material, method: str, against: str, variant: int = 0
) -> pd.DataFrame:
    """The differences of an endpoint between two methods, paired by fold and seed, averaged over the seeds of a fold.

    Args:
        endpoint: what to compare.
        material: what it is computed from.
        method: the method that the claim favours.
        against: the method that it is compared with; "" if the endpoint itself is a difference.
        variant: of both methods, for endpoints of one variant.

    Returns:
        indexed by fold, ascending; ``difference``, positive if in favour of the claim, and the paths of the ``runs``.
    """
    sign = -1 if endpoint.less_is_better else 1
    values = endpoint.measure(material, method, variant)
    if against:
        other = (endpoint.other or endpoint.measure)(material, against, variant)
        values = _combined(values, other, lambda ours, theirs: sign * (ours - theirs))
    by_fold = values.groupby(level="fold")
    differences = (by_fold["value"].mean().round(DECIMALS) + 0.0).rename("difference").to_frame()  # no negative zeros
    return differences.assign(runs=by_fold["runs"].agg(_joined))


def _combined(
    ours: pd.DataFrame, theirs: pd.DataFrame, operation: Callable[[pd.Series[float], pd.Series[float]], Any]
) -> pd.DataFrame:
    """Two measures as one, on the folds and seeds that both have."""
    both = ours.merge(theirs, left_index=True, right_index=True, suffixes=("", "_other"))
    value = operation(both["value"], both["value_other"])
    return pd.DataFrame({"value": value, "runs": both["runs"] + both["runs_other"]})


def _joined(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(run for group in groups for run in group))


def movements(runs: pd.DataFrame, setting: str, default: float | None) -> pd.DataFrame:
    """Range, rise and fall of one method's error over a setting on each complete fold, and the ``runs`` behind them.

    The ``range`` is the largest error over the values of the setting minus the smallest. With a default, the ``rise``
    is the largest error at the values below the default minus the error at the default, and the ``rise_above`` the same
    above it. ``best`` is the value with the smallest error, the mean of several.

    Args:
        runs: rows of the summary.
        setting: the column of the summary that varies.
        default: of the setting; None if nothing is compared with it.

    Returns:
        indexed by fold and seed.
    """
    errors = runs.pivot(index=KEY, columns=setting, values="error_last").dropna()  # noqa: PD010 - a pivot table would average duplicates
    moved = pd.DataFrame({"range": errors.max(axis=1) - errors.min(axis=1)})
    best = errors.eq(errors.min(axis=1), axis=0).to_numpy(float)
    moved["best"] = best @ errors.columns.to_numpy(float) / best.sum(axis=1)
    if default is not None and default in errors:
        values = errors.columns.to_numpy(float)
        sides = {"rise": values < default, "rise_above": values > default}
        for name, side in sides.items():
            if side.any():
                moved[name] = errors.loc[:, side].max(axis=1) - errors[default]
    return moved.round(DECIMALS).assign(runs=runs.groupby(KEY)["run"].agg(tuple).reindex(moved.index))


def late_means(metrics: pd.DataFrame, after: float, columns: Iterable[str]) -> dict[str, float]:
    """Means of measures over the last part of a run, NaN for those that were never measured there.

    An evaluation has the mean over the steps since the one before, and counts by their number.

    Args:
        metrics: one row for each evaluation.
        after: the share of the steps after which evaluations count.
        columns: of the metrics.
    """
    steps = metrics["step"].diff().fillna(metrics["step"].iloc[0])
    late = metrics["step"] > after * metrics["step"].max()
    means = {}
    for column in columns:
        known = late & metrics[column].notna()
        means[column] = float(np.average(metrics.loc[known, column], weights=steps[known])) if known.any() else np.nan
    return means


def _measured(rows: pd.DataFrame, values: pd.Series[Any]) -> pd.DataFrame:
    """One value for each run that is done and has it."""
    frame = pd.DataFrame({"value": values.astype(float), "runs": [(run,) for run in rows["run"]]})
    return frame.set_axis(pd.MultiIndex.from_frame(rows[KEY])).dropna(subset="value")


def _done(material: Material, method: str, variant: int) -> pd.DataFrame:
    return material.rows(method, variant).dropna(subset="error_last")


def of_column(column: str) -> Measure:
    """A column of the summary."""
    return lambda material, method, variant: _measured(
        rows := _done(material, method, variant), rows[column].astype(float)
    )


def _low_basin(material: Material, method: str, variant: int) -> pd.DataFrame:
    rows = _done(material, method, variant)
    return _measured(rows, rows["basin"] == "low")


def _lost(material: Material, method: str, variant: int) -> pd.DataFrame:
    rows = _done(material, method, variant)
    return _measured(rows, rows["error_last"] - rows["error_best"])


def _ahead_of_fixmatch(material: Material, method: str, variant: int) -> pd.DataFrame:
    """Whether a run is better than FixMatch's of the same fold and seed."""
    ours, theirs = (of_column("error_last")(material, name, variant) for name in (method, "fixmatch"))
    return _combined(ours, theirs, lambda own, fixmatch: (own < fixmatch).astype(float))


def _flips(material: Material, method: str, variant: int) -> pd.DataFrame:
    rows = _done(material, method, variant)
    metrics = (pd.read_csv(file_of_run(material.inputs, run, "metrics.csv")) for run in rows["run"])
    flips = [late_means(of_run, 0.5, ["flips"])["flips"] for of_run in metrics]
    return _measured(rows, pd.Series(flips, rows.index, float))


def _drop(material: Material, method: str, variant: int) -> pd.DataFrame:
    """The error with an imbalance minus that of the same fold and seed without."""
    others = material.rows(method, variant, experiment=1).dropna(subset="error_last")
    ours, theirs = of_column("error_last")(material, method, variant), _measured(others, others["error_last"])
    return _combined(ours, theirs, lambda imbalanced, balanced: imbalanced - balanced)


def _moved(setting: str, quantity: str) -> Measure:
    def measure(material: Material, method: str, variant: int) -> pd.DataFrame:
        moved = movements(material.all_rows(method), setting, material.defaults[setting])
        empty = pd.DataFrame({"value": [], "runs": []}, moved.index[:0])
        return moved.rename(columns={quantity: "value"})[["value", "runs"]] if quantity in moved else empty

    return measure


def _over_seeds(statistic: str) -> Measure:
    """A statistic of the errors over the seeds of a fold; undefined for one seed and where runs are missing."""

    def measure(material: Material, method: str, variant: int) -> pd.DataFrame:
        by_fold = material.rows(method, variant).groupby("fold")
        complete = by_fold["error_last"].agg(lambda errors: bool(errors.notna().all()) and len(errors) > 1).astype(bool)
        values = pd.DataFrame(
            {"value": by_fold["error_last"].agg(statistic), "runs": by_fold["run"].agg(tuple), "seed": 0}
        )[complete]
        return values.set_index("seed", append=True)

    return measure


def _over_sizes(measure_of_sizes: Callable[[pd.DataFrame, Material], Any], column: str = "error_last") -> Measure:
    """A number that a column of the summary yields over all numbers of labels of a fold and seed.

    ``measure_of_sizes`` takes a frame with a row for each complete fold and a column for each number of labels,
    ascending, and returns a number for each row.
    """

    def measure(material: Material, method: str, variant: int) -> pd.DataFrame:
        rows = material.rows(method, variant)
        sizes = rows.pivot(index=KEY, columns="labels", values=column).dropna()  # noqa: PD010 - a pivot table would average duplicates
        behind = rows.groupby(KEY)["run"].agg(tuple).reindex(sizes.index)
        return pd.DataFrame({"value": measure_of_sizes(sizes, material), "runs": behind}, sizes.index)

    return measure


def _labels_needed(errors: pd.DataFrame, material: Material) -> pd.Series[float]:
    """The number of labels from which a fold's error stays below the limit; if it never does, one step beyond them."""
    sizes = errors.columns.to_numpy(float)
    beyond = sizes[-1] + (sizes[-1] - sizes[-2] if len(sizes) > 1 else 1)
    low = (errors < material.mean_below).to_numpy(bool)[:, ::-1]
    stable = np.logical_and.accumulate(low, axis=1).sum(axis=1)
    return pd.Series(np.append(sizes, beyond)[len(sizes) - stable], errors.index)


def _disagreement(material: Material, method: str, variant: int) -> pd.DataFrame:
    """The share of the test images that a run and its twin class differently at the last evaluation."""
    apart = divergence(material.summaries[0][material.summaries[0]["method"] == method], material.inputs)
    last = apart.groupby(KEY).last()
    return pd.DataFrame(
        {"value": last["disagreement"], "runs": list(zip(last["run"], last["twin"], strict=True))}, last.index
    )


ENDPOINTS = {
    "error": Endpoint("last error", of_column("error_last")),
    "smallest column": Endpoint("smallest column", of_column("smallest_column"), less_is_better=False),
    "low basin": Endpoint("low basin", _low_basin),
    "last minus best": Endpoint("last − best error", _lost),
    "ahead": Endpoint("ahead of FixMatch", _ahead_of_fixmatch, less_is_better=False),
    "flips": Endpoint("flips of pseudo-labels", _flips),
    "disagreement": Endpoint("disagreement of twins", _disagreement),
    "threshold range": Endpoint("range of the error over τ", _moved("threshold", "range")),
    "best threshold": Endpoint("τ with the lowest error", _moved("threshold", "best"), points=False),
    "momentum rise": Endpoint("rise of the error below the default", _moved("momentum", "rise")),
    "momentum rise above": Endpoint("rise of the error above the default", _moved("momentum", "rise_above")),
    "drop": Endpoint("rise due to imbalance", _drop),
    "seed spread": Endpoint("std of the error over seeds", _over_seeds("std")),
    "worst seed": Endpoint("worst seed against best", _over_seeds("max"), other=_over_seeds("min")),
    "mean error": Endpoint("error, mean over sizes", _over_sizes(lambda errors, _: errors.mean(axis=1))),
    "labels needed": Endpoint("labels from which the error stays low", _over_sizes(_labels_needed), points=False),
    "worse transitions": Endpoint(
        "transitions at which the error rises",
        _over_sizes(lambda errors, _: (errors.diff(axis=1) > 0).sum(axis=1).astype(float)),
        points=False,
    ),
    "populated at fewest": Endpoint(
        "recognised classes at the fewest labels",
        _over_sizes(lambda classes, _: classes.iloc[:, 0], column="populated_diagonal"),
        less_is_better=False,
        points=False,
    ),
}
