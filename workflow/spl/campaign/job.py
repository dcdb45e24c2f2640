"""One job of a study, as the plan states it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST = ".manifest.json"  # ending of manifests
CIRCUMSTANCES = ".records.js"  # ending of outputs that quote manifests: machines and times, and no result
FOLDERS = ("data", "train")  # subcommands that fill a folder of their own


def manifest_path(output: Path) -> Path:
    """Where the manifest of a job lies: beside its output, the stem of several outputs, or the folder that it fills."""
    return output.with_name(output.name.removesuffix(output.suffix) + MANIFEST)


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        name: of its result, below ``results/<study>/``, without ending: "figures/fig4".
        subcommand: of ``spl``.
        parameter: the canonical one.
        inputs, outputs: paths below the folder in which Snakemake runs.
    """

    name: str
    subcommand: str
    parameter: str
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]

    @property
    def content(self) -> dict[str, Any]:
        """The parameter, parsed."""
        content: dict[str, Any] = json.loads(self.parameter)
        return content

    @property
    def reproducible(self) -> tuple[Path, ...]:
        """The outputs whose bytes are the same wherever the job is done: all but those that quote circumstances."""
        return tuple(path for path in self.outputs if not path.name.endswith(CIRCUMSTANCES))

    @property
    def results(self) -> Path | None:
        """The folder of the study; None for a job that writes elsewhere, such as one that is repeated for an audit."""
        place = Path(f"{self.name}{MANIFEST}").parts
        parts = self.manifest.parts
        return Path(*parts[: -len(place)]) if parts[-len(place) :] == place else None

    @property
    def manifest(self) -> Path:
        """Where its manifest lies: beside the folder that it fills, or beside its files."""
        first = self.outputs[0]
        return manifest_path(first.parent if self.subcommand in FOLDERS else first)


def canonical(content: Mapping[str, Any]) -> str:
    """Sorted-key JSON without blanks: equal text if and only if equal content.

    Snakemake stores the parameters of a job without their names and compares them as a set. With one canonical text in
    their place, no swap of two values goes unnoticed.
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
