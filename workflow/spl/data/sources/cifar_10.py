"""CIFAR-10 (Krizhevsky, 2009)."""

from pathlib import Path

from spl.data.cifar import cifar_files, read_cifar
from spl.data.source import Description, Source
from spl.data.store import Dataset

CLASSES = "airplane automobile bird cat deer dog frog horse ship truck"
BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta")


def read_cifar_10(*files: Path) -> Dataset:
    """CIFAR-10, as :func:`spl.data.cifar.read_cifar` reads it."""
    return read_cifar("CIFAR10", files)


SOURCE = Source(
    read_cifar_10,
    Description((5_000,) * 10, 32, tuple(CLASSES.split())),
    cifar_files("CIFAR10", "cifar-10-python.tar.gz", "cifar-10-batches-py", BATCHES),
)
