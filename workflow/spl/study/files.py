"""The files that jobs leave behind, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# A prepared data set.
DATA_FILES = ("images.safetensors", "dataset.json")
# A training run.
RUN_FILES = ("parameters.json", "metrics.csv", "predictions.safetensors", "weights.safetensors")
# Of a training run, what the summary of an experiment reads.
SUMMARISED = ("parameters.json", "metrics.csv", "predictions.safetensors")
# Endings of the files of a figure, a table or a spreadsheet.
ENDINGS = {
    "figure": (".pdf", ".png", ".csv"),
    "table": (".csv", ".md", ".tex", ".runs.json"),
    "spreadsheet": (".xlsx",),
}


@dataclass(frozen=True)
class RunInputs:
    """The files that a training run reads.

    Attributes:
        data: folder of the prepared data set.
        split: file of the labelled set.
        calibration: file of the loss weights whose setting is "calibrated"; None if there are none.
        start: file of the weights of another run, from whose end this one starts; None to draw initial weights.
    """

    data: Path
    split: Path
    calibration: Path | None = None
    start: Path | None = None

    @classmethod
    def of(cls, parameter: Mapping[str, Any], paths: Sequence[Path]) -> RunInputs:
        """The inputs of a job, in the order in which the DAG lists them, given the run's canonical parameter."""
        further = iter(paths[len(DATA_FILES) + 1 :])
        optional = {name: next(further) for name in ("calibration", "start") if parameter.get(name)}
        return cls(paths[0].parent, paths[len(DATA_FILES)], **optional)

    @property
    def described(self) -> list[Path]:
        """Files that tell these inputs from others: of the data set its description, which holds its checksums."""
        return [path for path in (self.data / "dataset.json", self.split, self.calibration, self.start) if path]
