"""Colour, marker and line of each method in all figures of a study."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle
from typing import NamedTuple

# From Okabe and Ito's palette, distinguishable with any colour vision. Orange marks collapsed classes.
BLACK, GREY, BLUE, ORANGE, GREEN = "#000000", "#707070", "#0072B2", "#D55E00", "#009E73"
AMBER, SKY, PURPLE = "#E69F00", "#56B4E9", "#CC79A7"


class Look(NamedTuple):
    """Colour, marker and style of the line of a method in every figure."""

    colour: str
    marker: str
    line: str = "-"


# By method. The colour encodes how scores become weights: black for the indicator; blue, green and amber for the shapes
# of the smoothness factor, with distinct lightness so that they differ in grey.
LOOKS: dict[str, Look] = {
    "supervised": Look(GREY, "*"),
    "pseudo-label": Look(BLACK, "P"),
    "smooth-pseudo-label": Look(BLUE, "X"),
    "fixmatch": Look(BLACK, "o"),
    "flexmatch": Look(PURPLE, "v"),
    "smooth-fixmatch": Look(BLUE, "s"),
    "smooth-fixmatch-sq": Look(AMBER, "^"),
    "smooth-fixmatch-sqrt": Look(GREEN, "D"),
    "smooth-fixmatch-factor": Look(SKY, "p"),
    # Methods beyond the paper: colours as far apart as they can be from each other and from those of FixMatch, Smooth
    # FixMatch and FlexMatch; a smooth version has the marker of its original, turned, and a broken line
    "jump-fixmatch": Look("#B06A2A", "8", "-."),
    "softmatch": Look("#3FAF1F", "d"),
    "adamatch": Look("#7B5CFF", "*"),
    "freematch": Look("#56600A", "<"),
    "uda": Look("#E8175D", "h"),
    "smooth-flexmatch": Look("#4B0F87", "^", "--"),
    "smooth-freematch": Look("#00B4B4", ">", "--"),
    "smooth-uda": Look("#780F1E", "H", "--"),
}
# Of other methods; the colours are from Paul Tol's muted palette.
COLOURS = ("#882255", "#44AA99", "#999933", "#AA4499", "#117733", "#332288")
MARKERS = "<>hdH8"


def looks_of(methods: Iterable[str]) -> dict[str, Look]:
    """The looks of a study's methods: from :data:`LOOKS`; others get one of 36 by their order, each another one.

    Neighbours differ in colour first. A 37th method shares the look of the first.
    """
    others = cycle(Look(colour, marker) for marker in MARKERS for colour in COLOURS)
    return {method: LOOKS.get(method) or next(others) for method in dict.fromkeys(methods)}
