"""Names of the files that jobs write."""

# Files of a prepared data set
DATA_FILES = ("images.safetensors", "dataset.json")
# Files of a run
RUN_FILES = ("parameters.json", "metrics.csv", "confusion.npy", "weights.safetensors")
# Files of a run that the summary of its experiment reads
SUMMARISED = ("parameters.json", "metrics.csv", "confusion.npy")
# Endings of the files of an exhibit, by kind
ENDINGS = {"figure": (".pdf", ".png", ".csv"), "table": (".csv", ".md", ".tex"), "spreadsheet": (".xlsx",)}
