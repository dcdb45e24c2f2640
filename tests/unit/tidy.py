"""Summaries as tables read them, and the numbers of a tidy file as a reader gets at them."""

import pandas as pd


def summary(rows, columns=None):
    """Rows of a summary, each with a path of its own."""
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(run=[f"run{number}" for number in range(len(frame))])


def lines(tidy, by="method"):
    """The numbers that are computed from several runs, a line for each ``by``, a column for each quantity."""
    single = tidy[[name for name in ("fold", "run") if name in tidy]].notna().any(axis=1)
    return tidy[~single].pivot(index=by, columns="quantity", values="value")  # noqa: PD010 - a pivot table would average duplicates
