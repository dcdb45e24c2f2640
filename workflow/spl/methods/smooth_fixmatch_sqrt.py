"""Smooth FixMatch-sqrt (section 3.5): the weight is the square root of the smoothness factor."""

from spl.methods.method import Method
from spl.methods.smoothness import smooth

METHOD = Method(
    "Smooth FixMatch-sqrt",
    smooth,
    reads=("power",),
    calibration=("fixmatch", "smooth-fixmatch-sqrt"),
    defaults={"power": 0.5, "lambda_u": "calibrated"},
)
