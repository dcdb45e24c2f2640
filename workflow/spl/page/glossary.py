"""The field's terms in captions: each explained where it stands, on hover and focus, and in a glossary."""

from __future__ import annotations

import re

from markupsafe import Markup

# By name: the forms in which a caption has it, and what it means.
TERMS = {
    "assumed": (
        "assumed",
        "a value that the study had to choose; its reason, if the study gives one, stands under Assumed values",
    ),
    "basin": (
        "(?:low |high )?basins?",
        "where a run ends: low if a class is partly or wholly collapsed, else high; not how large the error is",
    ),
    "collapsed": (
        "(?:partly )?collapse[ds]?",
        "a class that a run predicts for far fewer images than it has, and whose own images it does not find",
    ),
    "column": (
        "smallest column|column sums?",
        "column of a confusion matrix: the images for which one class was predicted",
    ),
    "coverage": (
        "coverage",
        "mean weight of the pseudo-labels; where weights are 0 or 1, the share of unlabelled images that are used",
    ),
    "effect size": ("effect sizes?", "rank-biserial correlation of pairs: 1 if the method wins in all, −1 if in none"),
    "EMA": ("EMA", "exponential moving average of the weights over training, which is what is tested"),
    "exploratory": ("exploratory", "not fixed before the runs: its p-value does not guard against having looked first"),
    "fold": ("folds?", "one draw of the labelled images; all methods are trained on the same folds"),
    "gain": ("gains?", "error of the baseline minus that of the method, on the same fold and seed"),
    "gate": ("gate", "the conditions on FixMatch and full supervision under which a study is in the paper's regime"),
    "Hodges–Lehmann": ("Hodges–Lehmann", "median of the means of all pairs of gains, which outliers hardly move"),
    "Holm": ("Holm", "a correction of p-values for the number of comparisons in a table"),
    "interval": ("intervals?", "exact confidence interval of the effect, from the same ranks as the p-value"),
    "pseudo-label": ("pseudo-labels?", "the class predicted on a weak view of an image, to be learnt on a strong one"),
    "purity": (
        "purity",
        "share of correct ones among the pseudo-labels, each counted by its weight; unknown if images of the pool have "
        "no class",
    ),
    "recall": ("recalls?", "share of the images of a class that are recognised"),
    "regime": ("regime", "few labels, high coverage, errors near full supervision but for collapsed classes"),
    "score": ("scores?", "largest probability that the model gives any class on the weak view"),
    "seed": ("seeds?", "what a run draws its random numbers from; the labelled images belong to the fold"),
    "twin": ("twins?", "two runs that differ in a tiny disturbance of their initial weights alone"),
    "Wilcoxon": ("Wilcoxon", "signed-rank test of paired runs; exact: counts all patterns of signs"),
}

_FORMS = {name: re.compile(rf"(?<![\w-])(?:{forms})(?![\w-])", re.IGNORECASE) for name, (forms, _) in TERMS.items()}


class Glossary:
    """The terms that a page has used so far."""

    def __init__(self) -> None:
        self._used = set[str]()

    def explained(self, text: Markup) -> Markup:
        """A caption in which the first use of each term leads to the glossary and says there and then what it means."""
        first = {name: found for name, form in _FORMS.items() if (found := form.search(text))}
        self._used |= first.keys()
        parts, end = [], 0
        for name, found in sorted(first.items(), key=lambda item: item[1].start()):
            if found.start() >= end:  # not a part of another term
                link = Markup('<a class="term" href="#term-{}" data-says="{}">{}</a>')
                parts += [
                    Markup(text[end : found.start()]),
                    link.format(anchor(name), TERMS[name][1], Markup(found[0])),
                ]
                end = found.end()
        return Markup("").join([*parts, Markup(text[end:])])

    def entries(self) -> list[tuple[str, str, str]]:
        """Anchor, name and meaning of each term used, in the order of the alphabet."""
        return [(anchor(name), name, TERMS[name][1]) for name in sorted(self._used, key=str.lower)]


def anchor(name: str) -> str:
    """The end of a term's anchor."""
    return re.sub(r"\W", "-", name).lower()
