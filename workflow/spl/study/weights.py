"""Reading the file of calibrated loss weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spl.errors import InputError


def read_calibration(path: Path) -> dict[str, Any]:
    """The content of a file that :func:`spl.analysis.calibration.write_calibration` wrote.

    Raises:
        InputError: the file is absent or is not a calibration.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        content["weights"] = {name: float(value) for name, value in content["weights"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: not a calibration: {error}") from error
    return content


def read_weights(path: Path) -> dict[str, float]:
    """The weights of a calibration; raises as :func:`read_calibration`."""
    weights: dict[str, float] = read_calibration(path)["weights"]
    return weights
