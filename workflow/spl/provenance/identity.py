"""The identity of a run: only a run with the same identity may resume from its checkpoints."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from spl.code.subcommands import code_packages
from spl.provenance import machine
from spl.study.files import RunInputs


def run_identity(parameter: Mapping[str, Any], inputs: RunInputs) -> str:
    """32 hexadecimal digits computed from a run's parameter, the files that it reads, and the versions of its packages.

    A run never resumes from a checkpoint that other versions of packages computed.
    """
    packages = machine.installed(code_packages("train", parameter))
    digest = hashlib.sha256(json.dumps([parameter, packages], sort_keys=True).encode())
    for path in inputs.described:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]
