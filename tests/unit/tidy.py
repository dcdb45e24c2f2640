"""How a reader of a tidy file gets at its numbers."""


def lines(tidy, by="method"):
    """The numbers that are computed from several runs, a line for each ``by``, a column for each quantity."""
    single = tidy[[name for name in ("fold", "run") if name in tidy]].notna().any(axis=1)
    return tidy[~single].pivot(index=by, columns="quantity", values="value")
