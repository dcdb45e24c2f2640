"""What is to be done: settings, the schema of a study, its resolution and its plan.

May import ``methods`` and ``data``, and never torch.
"""
