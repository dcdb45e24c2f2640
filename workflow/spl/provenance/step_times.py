"""The time of a training step by method, relative to FixMatch: the paper claims no computational overhead (abstract).

Times are no results: a study that runs again has other ones. They are in the file of records beside the page.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from spl.campaign.job import manifest_path
from spl.errors import InputError
from spl.provenance.manifest import Manifest, read_manifest

REFERENCE = "fixmatch"
# A setting of methods that decides how many images a step has
IMAGES = "mu"


def step_times(
    runs: Iterable[str], folder: Path, titles: Mapping[str, str], of_methods: Collection[str]
) -> list[dict[str, Any]]:
    """How long a step of each method takes, relative to FixMatch on the same machine and with the same settings.

    Each run is divided by the median of FixMatch's runs on its data set that ran on the same host and hardware and
    share the number of unlabelled images in a batch and all settings but those of single methods. Runs without such a
    partner do not count: a step of fewer images is no faster method.

    Args:
        runs: paths of runs below the folder.
        folder: of the runs.
        titles: of the methods, in the order of the result.
        of_methods: the settings that belong to single methods.

    Returns:
        for each method ``method``, its title; ``runs``, their number; ``median``, ``least`` and ``most``, ratios.
        Empty without a run of FixMatch that has a time.
    """
    seconds: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))  # by conditions, then method
    for manifest in filter(None, (_manifest(manifest_path(folder / run)) for run in runs)):
        with suppress(LookupError, TypeError, AttributeError):  # of a manifest that no run wrote, which audits name
            if time := _step_seconds(manifest):
                seconds[_conditions(manifest, of_methods)][manifest.parameter["method"]].append(time)
    ratios: dict[str, list[float]] = defaultdict(list)
    for by_method in seconds.values():
        if REFERENCE in by_method:
            unit = median(by_method[REFERENCE])
            for method, times in by_method.items():
                ratios[method] += [time / unit for time in times]
    return [
        {
            "method": title,
            "runs": len(ratios[method]),
            "median": median(ratios[method]),
            "least": min(ratios[method]),
            "most": max(ratios[method]),
        }
        for method, title in titles.items()
        if method in ratios
    ]


def _manifest(path: Path) -> Manifest | None:
    try:
        return read_manifest(path)
    except (InputError, OSError):
        return None


def _step_seconds(manifest: Manifest) -> float | None:
    """Seconds per step of the attempt that finished a run, with its start, evaluations and checkpoints."""
    settings = manifest.parameter["settings"]
    last = manifest.attempts[-1] if manifest.attempts else {"status": "open"}
    if last["status"] != "done" or not last["seconds"]:
        return None
    steps = (settings.get("stop") or settings["steps"]) - last["first"]
    return float(last["seconds"] / steps) if steps > 0 else None


def _conditions(manifest: Manifest, of_methods: Collection[str]) -> str:
    """What runs must share so that their times can be compared."""
    own = manifest.parameter["settings"].items()
    settings = {key: value for key, value in own if key == IMAGES or key not in of_methods}
    shared = [manifest.host, manifest.hardware.model_dump(), manifest.parameter["dataset"], settings]
    return json.dumps(shared, sort_keys=True)
