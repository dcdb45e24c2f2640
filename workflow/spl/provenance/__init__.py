"""Manifests, the seal, the audit and the crate: evidence of how results were computed.

May import every room but ``cli``.
"""
