"""The handwritten digits that scikit-learn ships."""

from __future__ import annotations

import numpy as np

from spl.data.ranking import ranked
from spl.data.source import Description
from spl.data.store import Dataset

TEST_PER_CLASS = 50
DIGITS = Description((128, 132, 127, 133, 131, 132, 131, 129, 124, 130), 8, tuple("0123456789"))


def read_digits() -> Dataset:
    """The 1,797 handwritten digits (8 x 8 pixels, grey levels 0-16, here stretched to 0-255).

    They come without a division into training and test: 50 images of each digit, by rank, are the test set, so that
    one collapsed class costs exactly ten points of error.
    """
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    images = np.rint(pixels.reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
    classes = classes.astype(np.int64)
    test = np.concatenate(
        [ranked("digits-test", 0, np.flatnonzero(classes == digit))[:TEST_PER_CLASS] for digit in range(10)]
    )
    in_test = np.zeros(len(classes), dtype=bool)
    in_test[test] = True
    return Dataset(images[~in_test], classes[~in_test], images[in_test], classes[in_test])
