"""What several unit tests train on."""

import pytest

from spl.data.digits import DIGITS, read_digits
from spl.data.splits import draw_split, write_split
from spl.data.store import save_dataset


@pytest.fixture(scope="session")
def inputs(tmp_path_factory):
    """Folder of the prepared digits and a split of them. Nobody writes into it."""
    folder = tmp_path_factory.mktemp("inputs")
    save_dataset("digits", DIGITS.classes, read_digits(), folder)
    write_split(draw_split(read_digits().train_classes, "balanced", 0, 2), folder / "split.json")
    return folder
