"""Smooth UDA: UDA with the smoothness factor at its threshold as weight of the sharpened targets.

Not the paper's, which ends with the remark that its factor may help wherever there is a threshold. The equilibrium to
keep by calibration is UDA's (equation 25).
"""

from spl.methods.method import Method
from spl.methods.smoothness import smooth
from spl.methods.uda import Sharpening

METHOD = Method(
    "Smooth UDA",
    smooth,
    state=Sharpening,
    reads=("power", "temperature"),
    calibration=("uda", "smooth-uda"),
    defaults={"threshold": 0.8, "lambda_u": "calibrated"},
)
