"""One attempt at a run: the only one at a time, within its job's time limit, on record.

May import ``training`` and the rooms below it.
"""
