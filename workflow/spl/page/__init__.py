"""The page: all figures, tables and runs of a study in one HTML file.

May import ``paper``, ``analysis`` and the rooms below them.
"""
