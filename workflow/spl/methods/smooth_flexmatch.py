"""Smooth FlexMatch: FlexMatch with the smoothness factor at the thresholds of its classes as weight.

Not the paper's, which ends with the remark that its factor may help wherever there is a threshold. The memory that
decides the thresholds is FlexMatch's: a prediction is remembered where its score reaches tau. The equilibrium to keep
by calibration is FlexMatch's (equation 25).
"""

from spl.methods.flexmatch import ClassThresholds
from spl.methods.method import Method
from spl.methods.smoothness import smooth

METHOD = Method(
    "Smooth FlexMatch",
    smooth,
    state=ClassThresholds,
    reads=("power",),
    calibration=("flexmatch", "smooth-flexmatch"),
    defaults={"lambda_u": "calibrated"},
)
