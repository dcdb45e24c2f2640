"""Manifests, the seal, the audit and the crate: what vouches for results.

May import every room but ``cli``.
"""
