"""Smooth FixMatch-sq (section 3.5): the weight is the square of the smoothness factor."""

from spl.methods.method import Method
from spl.methods.smoothness import smooth

METHOD = Method(
    "Smooth FixMatch-sq",
    smooth,
    reads=("power",),
    calibration=("fixmatch", "smooth-fixmatch-sq"),
    defaults={"power": 2, "lambda_u": "calibrated"},
)
