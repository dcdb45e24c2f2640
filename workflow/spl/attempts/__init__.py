"""Attempts at a run: one process at a time, within its job's time limit, with a journal.

May import ``training`` and the rooms below it.
"""
