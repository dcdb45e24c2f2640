"""What the jobs leave behind, by the names of their files."""

DATA_FILES = ("images.safetensors", "dataset.json")
"""What a prepared data set consists of."""
RUN_FILES = ("parameters.json", "metrics.csv", "confusion.npy", "weights.safetensors")
"""What every training leaves in its folder."""
SUMMARISED = ("parameters.json", "metrics.csv", "confusion.npy")
"""What the summary of an experiment reads of each run."""
ENDINGS = {"figure": (".pdf", ".png", ".csv"), "table": (".csv", ".md", ".tex"), "spreadsheet": (".xlsx",)}
"""Of the files of an exhibit of the paper."""
