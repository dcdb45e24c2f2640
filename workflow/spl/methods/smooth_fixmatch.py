"""Smooth FixMatch (equation 21): FixMatch with the smoothness factor as weight."""

from spl.methods.method import Method
from spl.methods.smoothness import smooth

METHOD = Method(
    "Smooth FixMatch",
    smooth,
    reads=("power",),
    calibration=("fixmatch", "smooth-fixmatch"),
    defaults={"lambda_u": "calibrated"},
)
