"""Supervised training on the labelled images alone."""

from spl.methods.method import Method

METHOD = Method("Fully supervised", weight=None)
