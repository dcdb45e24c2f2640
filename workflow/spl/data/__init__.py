"""Data sets: sources, readers, the store of prepared arrays, and splits.

Imports nothing of the other rooms.
"""
