"""One builder per form of table: ``build`` returns the numbers and their printed form.

May import ``analysis``, ``study`` and ``data``; never what trains.
"""
