"""Smooth FixMatch whose smoothness factor is itself maximised, as a further term of the loss (equation 23)."""

from spl.methods.method import Method
from spl.methods.smoothness import smooth

METHOD = Method(
    "Smooth FixMatch, factor as loss",
    smooth,
    reads=("power",),
    factor_loss=True,
    calibration=("fixmatch", "smooth-fixmatch"),
    defaults={"lambda_u": "calibrated"},
)
