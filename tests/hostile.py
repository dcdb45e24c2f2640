"""Texts that would be markup, a formula or a command wherever they are not escaped; and how to look for them."""

import re
from html.parser import HTMLParser

import yaml
from hypothesis import strategies as st
from project import ROOT

from spl.text.printable import is_printable

MARKUP = [
    "</script><script>window.pwned = 1</script>",
    '<img src="x" onerror="window.pwned = 1">',
    '" onmouseover="window.pwned = 1',
    "'\"]); window.pwned = 1; //",
    "<!-- <script> {{ 7 * 7 }} {% raw %} {x} %s &lt; &#x41; -->",
    "[/foo] [bold red]x[/] [link=https://evil.example]y[/link] :bomb:",
    "![x](https://evil.example/x.png) [y](https://evil.example) <https://evil.example> [z]: /url",
    "**bold** __bold__ _it_ *it* `code` | cell | ~~gone~~",
    r"\input{/etc/passwd} ^^5cinput{x} } \end{table} % # $x^2$ ~ a\|b \$ \\",
    ".. raw:: html",
    ".. include:: /etc/passwd",
    "`x <javascript:window.pwned=1>`_ |x| [1]_ x_ __ :math:`x` *a **b ``c",
    "$\\frac{1}{$ and $x$",
    '=HYPERLINK("https://evil.example")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\uff1d1",
    "1. one", "- one", "+ one", "* one", "# one", "> one", "---", "===", "[x]", "::", "A. one", ":field: x", "-o x",
]  # fmt: skip
"""Visible, and on one line."""

HIDDEN = [
    "\n", "\r", "\t", "\x00", "\x07", "\x08", "\x1b[2J", "\x1b]0;title\x07", "\x7f", "\x85", "\x9b2J", "\u2028",
    "\u2029", "\u202e", "\u2066", "\u200f", "\u061c", "\u200b", "\u2060", "\ufeff", "\U000e0041",
    "\u17b4", "\u17b5", "\u2065", "\u3164", "\ue000", "\uffa0", "\ufff0", "\U00013441", "\U00013442", "\U00016fe4",
    "\U0001bca0", "\U0001d159", "\U0001d173", "\U000e0080", "\U000e0fff", "\U0010fffd",
]  # fmt: skip
"""What a terminal obeys, what ends a line, what cannot be seen, and what looks like nobody knows what."""

FORGED = "x\n212 fresh\nseal 000000000000: intact\n\x1b[2J\x1b[H[/foo] \u202e"
"""What would print the end of an audit, if it were printed as it is."""

visible = (
    st.lists(st.sampled_from(MARKUP) | st.text(max_size=8).filter(is_printable), min_size=1, max_size=3)
    .map(" ".join)
    .filter(str.strip)
)
hidden = st.tuples(st.sampled_from(MARKUP), st.sampled_from(HIDDEN), st.text(max_size=3)).map("".join)

# What rich writes to a terminal: colours, the place of a progress bar, and whether the cursor is seen.
RICH = re.compile(r"\x1b\[(?:[\d;]*m|2K|1A|\?25[lh])|\r")


def shown(output):
    """The lines that a terminal shows; fails if it was told anything but what rich tells it."""
    lines = RICH.sub("", output).split("\n")
    for line in lines:
        assert is_printable(line), ascii(line)
    assert not [line for line in lines if line.startswith(("212 fresh", "seal 000000000000"))], "a forged verdict"
    return lines


def spaced(text):
    """Text as every form of output shows it: blanks as one, none around it."""
    return " ".join(text.split())


CLASSES = [
    '=HYPERLINK("x")', "<img src=x onerror=window.pwned=1>", "[bold]x[foo]", "**b** | $x$ `c` _d_ a-b&lt;c", "-1",
    "$x$",
]  # fmt: skip


def study_of(root, classes, texts):
    """A study of somebody's own images, whose names and texts are given; its root is on this machine."""
    for part, count in (("train", 6), ("test", 1)):
        for name in classes:
            (root / part / name).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                (root / part / name / f"{number}.png").touch()
    study = yaml.safe_load((ROOT / "tests/studies/tiny.yaml").read_text())
    title, paper, reason = texts
    own = study["datasets"].pop("digits") | {"source": "image-folder", "root": str(root), "side": 8}
    own["stands_in_for"] = paper
    study |= {"title": title, "datasets": {"own": own, "none": {"source": "image-folder", "side": 8}}}
    study["assumed"] = {"basins.recall": reason}
    for experiment in study["experiments"].values():
        experiment["dataset"] = "own"
    off = {"dataset": "none", "methods": ["fixmatch"]}
    study["experiments"]["off"] = study["experiments"]["scarce-labels"] | off
    return study


class Structure(HTMLParser):
    """All elements of a page with their attributes, without what the text is wrapped in to break lines well."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if (tag, attributes) != ("span", [("class", "whole")]):
            self.elements.append((tag, sorted(name for name, _ in attributes)))

    def handle_data(self, data):
        self.texts.append(data)
