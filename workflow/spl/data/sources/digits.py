"""The handwritten digits that scikit-learn ships: real data without a download."""

from spl.data.digits import DIGITS, read_digits
from spl.data.source import Source

SOURCE = Source(read_digits, DIGITS)
