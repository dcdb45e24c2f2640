"""The paper's claims: where each stands, and the experiment, endpoint and test by which its verdict is computed.

What no experiment can test is no claim here: gains within a basin, whose pairs are chosen by their outcome (section
4.1); the aggregate over experiments that share folds (4.4); that some runs learn until the end; the cost of a step,
which depends on the machine. Tables of their own describe these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spl.analysis.claims import ClaimTest


@dataclass(frozen=True)
class Claim:
    """A claim of the paper.

    Attributes:
        text: what it says, in our words.
        section: where it stands; "control" for a comparison of ours that rules out another explanation.
        experiments: the one that tests it, and one that its endpoint needs besides.
        method: the method that it favours; of two methods that it calls equal, the new one.
        against: the method that it compares with; "" if it is about one method.
        endpoint: key of :data:`spl.analysis.endpoints.ENDPOINTS`.
        family: claims that are corrected together; those that answer one question.
        test: how the differences of the endpoint are tested.
        primary: whether it is the main claim; the others are secondary.
        gated: whether the paper makes it for the regime of few labels and high performance alone.
        variant: of both methods, counted from 0 in the order of the study.
        reads: names of the files of the experiment's runs that its endpoint reads besides the summary.
    """

    text: str
    section: str
    experiments: tuple[str, ...]
    method: str
    against: str
    endpoint: str
    family: str
    test: ClaimTest = "better"
    primary: bool = False
    gated: bool = True
    variant: int = 0
    reads: tuple[str, ...] = ()


SMOOTH, SQ, SQRT = "smooth-fixmatch", "smooth-fixmatch-sq", "smooth-fixmatch-sqrt"
FIXMATCH, FLEXMATCH, FACTOR, JUMP = "fixmatch", "flexmatch", "smooth-fixmatch-factor", "jump-fixmatch"

SCARCE = ("scarce-labels",)
IMBALANCE = ("class-imbalance",)
RANDOM = ("random-labels",)

# By a short name; the primary claim first, the others in the order of the paper
CLAIMS = {
    "scarce-labels": Claim(
        "With scarce labels, Smooth FixMatch has a lower error than FixMatch",
        "4.1", SCARCE, SMOOTH, FIXMATCH, "error", "primary", primary=True,
    ),
    "flips": Claim(
        "Smooth FixMatch changes its pseudo-labels less often than FixMatch",
        "3.3", SCARCE, SMOOTH, FIXMATCH, "flips", "mechanism", reads=("metrics.csv",),
    ),
    "twins": Claim(
        "A tiny disturbance at the start changes Smooth FixMatch's predictions less than FixMatch's",
        "3.3", ("twins",), SMOOTH, FIXMATCH, "disagreement", "mechanism",
        reads=("metrics.csv", "predictions.safetensors"),
    ),
    "half-jump": Claim(
        "A weight that jumps by half at the threshold has a lower error than FixMatch's, which jumps by 1",
        "3.3", ("half-jump",), JUMP, FIXMATCH, "error", "mechanism",
    ),
    "no-jump": Claim(
        "Smooth FixMatch, whose weight does not jump, has a lower error than the weight that jumps by half",
        "3.3", ("half-jump",), SMOOTH, JUMP, "error", "mechanism",
    ),
    "matched-threshold": Claim(
        "Smooth FixMatch has a lower error than FixMatch at the threshold where the smooth weight is 1/2",
        "control", ("matched-threshold",), SMOOTH, FIXMATCH, "error", "controls",
    ),
    "matched-weight": Claim(
        "Smooth FixMatch has a lower error than FixMatch with a loss weight that makes up for its larger loss",
        "control", ("matched-weight",), SMOOTH, FIXMATCH, "error", "controls",
    ),
    "unit-weight": Claim(
        "Smooth FixMatch has a lower error than FixMatch without its calibrated weight, too",
        "control", ("unit-weight",), SMOOTH, FIXMATCH, "error", "controls",
    ),
    "factor-as-loss": Claim(
        "The factor as an additional loss raises the error of Smooth FixMatch",
        "3.7, A.3.7", ("tipping-value",), SMOOTH, FACTOR, "error", "factor as loss",
    ),
    "square": Claim(
        "With scarce labels, Smooth FixMatch-sq at a lower threshold has a lower error than FixMatch",
        "4.1, 4.3.1", SCARCE, SQ, FIXMATCH, "error", "shapes",
    ),
    "square-root": Claim(
        "With scarce labels, Smooth FixMatch-sqrt at a higher threshold has a lower error than FixMatch",
        "4.1, 4.3.1", SCARCE, SQRT, FIXMATCH, "error", "shapes",
    ),
    "smallest-column": Claim(
        "Smooth FixMatch predicts its rarest class more often than FixMatch, nearer to that class's images",
        "4.1", SCARCE, SMOOTH, FIXMATCH, "smallest column", "collapse",
    ),
    "low-basin": Claim(
        "Fewer runs of Smooth FixMatch than of FixMatch end in the low basin, with a class collapsed",
        "4.1", SCARCE, SMOOTH, FIXMATCH, "low basin", "collapse", "switches",
    ),
    "square-switches": Claim(
        "At the standard threshold, Smooth FixMatch-sq brings runs of FixMatch from the high to the low basin",
        "4.1, 4.3.1", ("shapes",), FIXMATCH, SQ, "low basin", "basin switches", "switches",
    ),
    "square-root-switches": Claim(
        "At the standard threshold, Smooth FixMatch-sqrt brings runs of FixMatch from the high to the low basin",
        "4.1, 4.3.1", ("shapes",), FIXMATCH, SQRT, "low basin", "basin switches", "switches",
    ),
    "more-folds": Claim(
        "Smooth FixMatch is ahead of FixMatch on more folds than FlexMatch is",
        "4.1, 4.4", SCARCE, SMOOTH, FLEXMATCH, "ahead", "FlexMatch", "switches",
    ),
    "instability": Claim(
        "FixMatch loses more between its best and its last error than Smooth FixMatch",
        "4.0, 4.4", SCARCE, SMOOTH, FIXMATCH, "last minus best", "instability",
    ),
    "strong-supervision": Claim(
        "With strong supervision, Smooth FixMatch and FixMatch are equally good",
        "4.2", ("strong-supervision",), SMOOTH, FIXMATCH, "error", "strong supervision", "equivalent", gated=False,
    ),
    "strong-supervision-wide": Claim(
        "With strong supervision and the wider network, Smooth FixMatch and FixMatch are equally good",
        "4.2", ("strong-supervision",), SMOOTH, FIXMATCH, "error", "strong supervision", "equivalent", gated=False,
        variant=1,
    ),
    "threshold": Claim(
        "Smooth FixMatch's error depends less on the threshold than FixMatch's",
        "4.3.2", ("thresholds",), SMOOTH, FIXMATCH, "threshold range", "threshold",
    ),
    "shapes-of-threshold": Claim(
        "Smooth FixMatch-sq is best at a lower threshold than Smooth FixMatch-sqrt",
        "4.3.1, 4.3.2", ("thresholds",), SQ, SQRT, "best threshold", "threshold",
    ),
    "imbalance-flexmatch": Claim(
        "With one class thinned out, FlexMatch has a higher error than FixMatch",
        "4.3.3", IMBALANCE, FIXMATCH, FLEXMATCH, "error", "class imbalance",
    ),
    "imbalance-smooth": Claim(
        "With one class thinned out, Smooth FixMatch has a lower error than FixMatch",
        "4.3.3", IMBALANCE, SMOOTH, FIXMATCH, "error", "class imbalance",
    ),
    "drop-fixmatch": Claim(
        "The imbalance raises FlexMatch's error more than FixMatch's",
        "4.3.3", (*IMBALANCE, *SCARCE), FIXMATCH, FLEXMATCH, "drop", "class imbalance",
    ),
    "drop-smooth": Claim(
        "The imbalance raises FlexMatch's error more than Smooth FixMatch's",
        "4.3.3", (*IMBALANCE, *SCARCE), SMOOTH, FLEXMATCH, "drop", "class imbalance",
    ),
    "low-momentum": Claim(
        "Less momentum raises FixMatch's error more than Smooth FixMatch's",
        "4.3.4", ("momentum",), SMOOTH, FIXMATCH, "momentum rise", "momentum",
    ),
    "high-momentum": Claim(
        "Momentum far above its default raises FixMatch's error",
        "4.3.4", ("momentum",), FIXMATCH, "", "momentum rise above", "momentum",
    ),
    "seeds": Claim(
        "On a hard fold, Smooth FixMatch's error varies less with the training seed than FixMatch's",
        "4.3.5", ("initial-condition",), SMOOTH, FIXMATCH, "seed spread", "initial condition",
    ),
    "worst-seed": Claim(
        "On a hard fold, Smooth FixMatch's worst seed is no worse than FixMatch's best",
        "4.3.5", ("initial-condition",), SMOOTH, FIXMATCH, "worst seed", "initial condition",
    ),
    "random-labels": Claim(
        "With random labels, Smooth FixMatch has a lower error than FixMatch",
        "4.5.2", RANDOM, SMOOTH, FIXMATCH, "mean error", "random labels",
    ),
    "labels-needed": Claim(
        "Smooth FixMatch's error stays low from fewer random labels on than FixMatch's",
        "4.5.2", RANDOM, SMOOTH, FIXMATCH, "labels needed", "random labels",
    ),
    "monotonicity": Claim(
        "Additional random labels raise the error of Smooth FixMatch less often than that of FixMatch",
        "4.5.2", RANDOM, SMOOTH, FIXMATCH, "worse transitions", "random labels",
    ),
    "populated": Claim(
        "At the fewest random labels, Smooth FixMatch recognises more classes than FixMatch",
        "4.5.2", RANDOM, SMOOTH, FIXMATCH, "populated at fewest", "random labels",
    ),
}  # fmt: skip
