"""The study: its settings, schema, checks, precedence of settings, and plan.

May import ``methods`` and ``data``; never torch.
"""
