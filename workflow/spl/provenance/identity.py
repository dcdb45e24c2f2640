"""What a training's checkpoints belong to: nothing else may go on from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spl.code.subcommands import code_packages
from spl.provenance import machine


def run_identity(parameter: Mapping[str, Any], data: Path, split: Path, calibration: Path | None) -> str:
    """What names a run's checkpoints: 32 hexadecimal digits from its parameter, the files that it reads, and packages.

    Nothing goes on, or is written again, from what other packages computed.
    """
    packages = machine.installed(code_packages("train", parameter))
    digest = hashlib.sha256(json.dumps([parameter, packages], sort_keys=True).encode())
    for path in filter(None, (data / "dataset.json", split, calibration)):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]
