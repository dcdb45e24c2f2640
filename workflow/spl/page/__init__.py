"""The page: every figure, table and run of a study in one HTML file.

May import ``paper``, ``analysis`` and the rooms below them.
"""
