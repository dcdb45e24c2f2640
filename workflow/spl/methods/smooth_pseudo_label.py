"""Smooth Pseudo-Labeling (equation 16): Pseudo-Labeling with the smoothness factor as weight."""

from spl.methods.method import Method
from spl.methods.smoothness import smooth

METHOD = Method(
    "Smooth Pseudo-Labeling",
    smooth,
    learns="weak",
    reads=("power",),
    calibration=("pseudo-label", "smooth-pseudo-label"),
    defaults={"mu": 1, "ramp": 0.4, "lambda_u": "calibrated"},
)
