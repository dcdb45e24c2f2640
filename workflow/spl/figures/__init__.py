"""One file per figure: ``draw`` returns the picture and the numbers that it shows.

May import ``analysis``, ``study`` and ``data``; never what trains.
"""
