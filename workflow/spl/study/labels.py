"""Names and values of settings as they are printed in a paper."""

from __future__ import annotations

from typing import Any

import numpy as np

# In place of a loss weight that a calibration run measures.
CALIBRATED = "calibrated"
# The settings that a calibration can measure
LOSS_WEIGHTS = ("lambda_u", "lambda_max")
SYMBOLS = {"threshold": "τ", "lambda_u": "λ_u", "lambda_phi": "λ_Φ", "mu": "μ"}
# Settings of the computation rather than of the method; labels of variants name them last.
TECHNICAL = {
    "evaluate_every", "evaluate_late_every", "device", "processes", "threads", "precision", "tf32", "channels_last",
    "compiled", "graph", "deterministic", "instructions",
}  # fmt: skip


def network_name(network: str) -> str:
    """The name of a network as printed: WRN-28-2, ResNet-50."""
    return network.replace("wrn", "WRN").replace("resnet", "ResNet")


def setting_name(name: str) -> str:
    """The name of a setting as printed."""
    return SYMBOLS.get(name, name.replace("_", " "))


def setting_value(value: Any) -> str:
    """The value of a setting as printed: whole numbers with all digits, others in their shortest form."""
    if value is None:
        return "none"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | float | np.number):
        return f"{int(value):,}" if value == int(value) else f"{value:g}"
    return str(value)
