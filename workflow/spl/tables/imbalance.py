"""Tables of the runs with an imbalanced class, against the baseline and the balanced runs (Tables 3 and 10)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.statistics import gain, summarise
from spl.tables.arms import arms, baseline_of, counterpart, paired, run_names
from spl.tables.form import Table, counted, gain_cells, gain_columns, percent
from spl.tables.published import Published


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """One column for each method, and in the lines what it gains on the baseline and what the imbalance costs it.

    The drop is the error with the imbalance minus that without, fold by fold; its p-value is that of the error's rising
    (paper, section 4.3.3).

    Args:
        parameter: ``titles`` of the methods, key of the ``baseline``, and the ``rows`` above gain and drop, in order,
            of "folds" (a line for each), "mean", "std", "max", "min" and "range"; what :class:`Published` reads.
        inputs: summaries of the experiment with the imbalance and of the one without.

    Raises:
        InputError: the experiment without imbalance lacks a method of the other.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    found, balanced = (arms(pd.read_csv(path), titles) for path in inputs)
    names = run_names(found)
    full = len(names)
    beside = Published(parameter, inputs[0])
    tidy: list[dict[str, Any]] = []
    columns: dict[str, dict[str, str]] = {}
    for arm in found:
        of_arm = summarise(arm.values())
        numbers = {name: getattr(of_arm, name) for name in parameter["rows"] if name != "folds"}
        column: dict[str, str] = {}
        for row in parameter["rows"]:
            if row == "folds":
                column |= {name: percent(arm.errors.get(key, float("nan")), 2) for key, name in names.items()}
            else:
                column[row] = counted(percent(numbers[row], 2), of_arm.n, full)
        numbers |= beside.numbers(arm)
        column |= dict.fromkeys(beside.names, "–") | beside.cells(arm)
        compared: dict[str, str] = {f"gain wrt {titles[baseline]}": "", "p-value": ""}
        if arm.method != baseline:
            won = gain(*paired(arm, baseline_of(arm, found, baseline)))
            numbers |= gain_columns(won)
            compared = gain_cells(won, titles[baseline], full)
        imbalanced, before = paired(arm, counterpart(arm, balanced, inputs[1]))
        drop = gain(before, imbalanced)
        numbers |= {"drop_pairs": drop.n, "drop_mean": drop.mean, "drop_std": drop.std, "drop_p_value": drop.p_value}
        compared["drop due to imbalance"] = counted(f"{percent(drop.mean, 2)} ± {percent(drop.std, 2)}", drop.n, full)
        compared["p-value of the drop"] = counted(f"{percent(drop.p_value)} %", drop.n, full)
        columns[arm.label] = column | compared
        tidy += [
            {"method": arm.label, "fold": fold, "seed": seed, "quantity": "error_last", "value": error}
            for (fold, seed), error in arm.errors.items()
        ]
        tidy += [{"method": arm.label, "quantity": name, "value": value} for name, value in numbers.items()]
    printed = pd.DataFrame(columns).rename_axis("fold" if "folds" in parameter["rows"] else "").reset_index()
    return Table(pd.DataFrame(tidy).astype({"fold": "Int64", "seed": "Int64"}), printed, beside.note)
