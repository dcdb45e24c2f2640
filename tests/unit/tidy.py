"""Summaries as tables read them, and the numbers of a tidy file as a reader gets at them."""

import pandas as pd


def over_folds(errors, **more):
    """A row for each method and fold of errors by method, which have these columns too."""
    return [
        {"method": method, "variant": "", "fold": fold, "seed": 0, "error_last": error, **more}
        for method, of_method in errors.items()
        for fold, error in enumerate(of_method)
    ]


def summary(rows, columns=None):
    """Rows of a summary, each with a path of its own."""
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(run=[f"run{number}" for number in range(len(frame))])


def write_summary(path, rows):
    """Write such a summary; returns its file."""
    summary(rows).to_csv(path, index=False)
    return path


def lines(tidy, by="method"):
    """The numbers that are computed from several runs, a line for each ``by``, a column for each quantity."""
    single = tidy[[name for name in ("fold", "run") if name in tidy]].notna().any(axis=1)
    return tidy[~single].pivot(index=by, columns="quantity", values="value")  # noqa: PD010 - a pivot table would average duplicates
