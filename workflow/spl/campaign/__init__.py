"""The jobs of a study, the plan file that they follow, and how far a campaign is.

May import ``page``, ``attempts`` and the rooms below them.
"""
