"""One file per figure: its ``draw`` returns the figure and the numbers that it shows.

May import ``analysis``, ``study`` and ``data``; never what trains.
"""
