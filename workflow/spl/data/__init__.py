"""Data sets: sources, readers, the store of prepared arrays, and splits.

May import the registry of ``code``.
"""
