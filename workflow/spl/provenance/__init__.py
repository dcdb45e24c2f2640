"""Manifests and the seal: the evidence of how results were computed, as it is recorded.

May import ``campaign`` and all rooms below it.
"""
