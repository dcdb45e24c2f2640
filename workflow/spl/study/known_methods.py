"""The methods that a study may name, and one line on each file of the folder that is no sound method.

A file that somebody is still writing stops the studies that name it, and no other.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import ValidationError

from spl.methods import registry
from spl.methods.method import Method
from spl.methods.registry import METHODS
from spl.study.base import suggestion
from spl.study.settings import Settings

FOLDER = Path(registry.__file__).parent
PROJECT = FOLDER.parents[2]

# Settings of every run, whatever its method; a method that names one of them in `reads` takes it from no other method.
COMMON = frozenset(
    {
        "network", "conv_bias", "preactivate_all", "batch_norm_eps", "batch_norm_momentum", "initial_noise", "steps",
        "stop", "batch", "learning_rate", "schedule", "momentum", "weight_decay", "ema", "flip", "crop_padding",
        "evaluate_every", "evaluate_late_every", "device", "processes", "threads", "precision", "tf32",
        "channels_last", "compiled", "graph", "deterministic", "instructions",
    }
)  # fmt: skip


@cache
def method_problem(name: str) -> str | None:
    """What keeps a study from using a method, in one line that names its file; None if nothing does."""
    try:
        METHODS.module_of(name)
    except KeyError:
        return _absence(name)
    file = _shown(name.replace("-", "_"))
    try:
        method = METHODS[name]
    except Exception as error:  # whatever the file does
        return f"{file}: cannot be imported: {type(error).__name__}: {error}"
    if not isinstance(method, Method):
        return f"{file}: METHOD: expected a Method(...), got {method!r:.60}"
    problem = _mistake(method)
    return problem and f"{file}: {problem}"


def _absence(name: str) -> str:
    files = {path.stem for path in FOLDER.glob("*.py")}
    module = name.replace("-", "_")
    if name in files and module != name:
        return f"{_shown(name)}: expected the name {module}.py, which Python can import"
    if module in files and module.replace("_", "-") not in list(METHODS):
        return f"{_shown(module)}: METHOD: missing; expected METHOD = Method(...)"
    return f"unknown method; {suggestion(name, METHODS)}"


def _shown(module: str) -> Path:
    return (FOLDER / f"{module}.py").relative_to(PROJECT)


def _mistake(method: Method) -> str | None:
    """The first mistake in a method, which Python itself does not notice."""
    if not isinstance(method.reads, tuple | list):
        return f"reads: expected a tuple of names of settings, got {method.reads!r:.60}"
    for name in method.reads:
        if name not in Settings.model_fields:
            return f"reads: unknown setting {name!r:.60}; {suggestion(str(name), Settings.model_fields)}"
    if method.learns not in ("strong", "weak"):
        return f"learns: expected strong or weak, got {method.learns!r:.60}"
    try:
        Settings(**method.defaults)
    except ValidationError as error:
        first = error.errors()[0]
        key, expected = first.get("ctx", {}).get("key") or ".".join(map(str, first["loc"])), first["msg"]
        return f"defaults: {key}: {expected}"
    if method.calibration is not None and not all(other in list(METHODS) for other in method.calibration):
        return f"calibration: expected two methods of this folder, got {method.calibration!r:.60}"
    return None


METHOD_SETTINGS = (
    frozenset[str]().union(*(METHODS[name].settings for name in METHODS if method_problem(name) is None)) - COMMON
)
"""Settings that belong to methods; each method uses some of them."""
