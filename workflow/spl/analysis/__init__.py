"""Confusion matrices, comparison of paired runs, statistics, and calibration.

May import ``study`` and ``data``; never what trains.
"""
