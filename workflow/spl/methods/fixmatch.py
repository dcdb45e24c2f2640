"""FixMatch (equation 20): the strong view learns the confident predictions of the weak view."""

from spl.methods.indicator import reaches
from spl.methods.method import Method

METHOD = Method("FixMatch", reaches)
