"""The files that jobs leave behind, by name."""

from __future__ import annotations

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
