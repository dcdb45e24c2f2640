"""Pseudo-Labeling (equation 3): the weak view learns its own confident predictions."""

from spl.methods.indicator import exceeds
from spl.methods.method import Method

METHOD = Method("Pseudo-Labeling", exceeds, learns="weak", defaults={"mu": 1, "ramp": 0.4})
