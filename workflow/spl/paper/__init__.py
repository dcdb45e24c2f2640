"""The catalogue of figures and tables, their captions, and published error rates.

May import ``study`` and the rooms below it; figures and tables by name alone.
"""
