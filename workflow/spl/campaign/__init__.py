"""The jobs of a study, the plan file that they follow, and the status and cost of a campaign.

May import ``page``, ``attempts`` and the rooms below them.
"""
