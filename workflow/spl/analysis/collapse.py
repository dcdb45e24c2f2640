"""Measures of confusion matrices: which classes are collapsed, recognised or learnt, and when."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray


def column_shares(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often each class is predicted, relative to how often it is true.

    Args:
        confusion: int (classes, classes), rows true, columns predicted; every class has test images.

    Returns:
        float (classes,); 1 for a class predicted as often as it occurs, 0 for a collapsed one.
    """
    shares: NDArray[np.float64] = confusion.sum(axis=0) / confusion.sum(axis=1)
    return shares


def recalls(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """The share of each class's test images that is predicted to belong to it: its recall.

    Args:
        confusion: as :func:`column_shares`.

    Returns:
        float (classes,); never above the class's column share.
    """
    shares: NDArray[np.float64] = np.diagonal(confusion) / confusion.sum(axis=1)
    return shares


def collapsed_classes(confusion: NDArray[np.int64], basins: Mapping[str, float]) -> tuple[list[int], list[int]]:
    """Classes that are wholly and partly collapsed: rarely predicted, and their own images are not found.

    The column of a wholly collapsed class sums to about 0, that of a partly collapsed class is small, and either has a
    low recall. A recall is never above the column share, so its limit is the lower one: a class that is predicted for
    40 % as many images as it has, all of them its own, has a small column, but is not collapsed.

    Args:
        confusion: as :func:`column_shares`.
        basins: the limits ``collapsed`` and ``partly_collapsed`` of the column and that of the ``recall``, as shares of
            the class's test images.
    """
    shares = column_shares(confusion)
    lost = recalls(confusion) < basins["recall"]
    wholly = lost & (shares < basins["collapsed"])
    partly = lost & (shares < basins["partly_collapsed"]) & ~wholly
    return np.flatnonzero(wholly).tolist(), np.flatnonzero(partly).tolist()


def populated_diagonal(confusion: NDArray[np.int64], basins: Mapping[str, float]) -> int:
    """How many classes a network recognises: those whose entry on the diagonal is not small.

    The paper counts populated diagonal entries (section 4.5.2) without a definition. This project counts an entry from
    the limit below which a column is small, as a share of the class's test images.

    Args:
        confusion: as :func:`column_shares`; a class that was never labelled has an empty column.
        basins: the limit ``partly_collapsed``.
    """
    return int((recalls(confusion) >= basins["partly_collapsed"]).sum())


def learnt_classes(confusion: NDArray[np.int64], basins: Mapping[str, float]) -> NDArray[np.bool_]:
    """Which classes are learnt: recognised, and not because nearly every image is predicted to belong to them.

    Args:
        confusion: as :func:`column_shares`.
        basins: the limit ``partly_collapsed``, a share of the class's test images and of its predictions.

    Returns:
        bool (classes,).
    """
    needed = basins["partly_collapsed"] * np.maximum(confusion.sum(axis=1), confusion.sum(axis=0))
    learnt: NDArray[np.bool_] = np.diagonal(confusion) >= needed
    return learnt


def collapse_intervals(
    shares: NDArray[np.float64], steps: NDArray[np.int64], limit: float
) -> list[tuple[int, int, int | None]]:
    """When each class was wholly collapsed.

    Args:
        shares: float (evaluations, classes), the :func:`column_shares` of each evaluation.
        steps: int (evaluations,), ascending.
        limit: share of a class's test images below which it counts as collapsed.

    Returns:
        class, step of the first evaluation at which it was collapsed, and step of the next one at which it was not,
        None if there was none; by class and time.
    """
    turns = np.diff((shares < limit).astype(int), axis=0, prepend=0)
    intervals: list[tuple[int, int, int | None]] = []
    for label, turn in enumerate(turns.T):
        starts, ends = steps[turn == 1].tolist(), steps[turn == -1].tolist()
        intervals += [(label, start, end) for start, end in zip_longest(starts, ends)]
    return intervals
