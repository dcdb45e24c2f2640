"""Confusion matrices, comparison of paired runs, statistics, and calibration.

The modules ``compare`` and ``power`` take errors from any code base (``from spl.analysis import compare, power``).

May import ``study`` and ``data``; never what trains.
"""
