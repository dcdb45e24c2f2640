"""Reading the file of calibrated loss weights."""

from __future__ import annotations

import json
from pathlib import Path

from spl.errors import InputError


def read_weights(path: Path) -> dict[str, float]:
    """The weights that :func:`spl.analysis.calibration.write_calibration` wrote.

    Raises:
        InputError: the file is absent or is not a calibration.
    """
    try:
        content: dict[str, dict[str, float]] = json.loads(path.read_text())
        return {name: float(value) for name, value in content["weights"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: not a calibration: {error}") from error
