"""Fashion-MNIST (Xiao et al., 2017)."""

from __future__ import annotations

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from spl.data.downloads import PublishedFiles, below, read_verified
from spl.data.source import Description, Source
from spl.data.store import Dataset

CLASSES = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"

# md5 of the decompressed files: the compressed ones that torchvision knows and Debian's differ in their gzip headers.
MD5S = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}
NAMES = tuple(MD5S)
COMPRESSED = tuple(f"{name}.gz" for name in NAMES)
RAW = "FashionMNIST/raw"


def read_fashion_mnist(*files: Path) -> Dataset:
    """Fashion-MNIST, uint8 (n, 1, 28, 28), from its four files, compressed or not.

    Raises:
        InputError: a file is not the published one.
    """
    from torchvision.datasets import FashionMNIST

    with TemporaryDirectory() as folder:  # torchvision reads its own layout alone
        raw = Path(folder, RAW)
        raw.mkdir(parents=True)
        for path in files:
            name = path.name.removesuffix(".gz")
            unpack = bytes if name == path.name else gzip.decompress
            (raw / name).write_bytes(read_verified(path, MD5S[name], unpack))
        train, test = (FashionMNIST(folder, train=part) for part in (True, False))
    train_images, test_images = (part.data.numpy()[:, np.newaxis] for part in (train, test))
    train_classes, test_classes = (np.asarray(part.targets, dtype=np.int64) for part in (train, test))
    return Dataset(train_images, train_classes, test_images, test_classes)


SOURCE = Source(
    read_fashion_mnist,
    Description((6_000,) * 10, 28, tuple(CLASSES.split(","))),
    PublishedFiles(
        "FashionMNIST",
        (COMPRESSED, below(RAW, COMPRESSED), below(RAW, NAMES), NAMES),
        system=Path("/usr/share/datasets/fashion-mnist"),  # Debian's package dataset-fashion-mnist
    ),
)
