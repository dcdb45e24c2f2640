"""Manifests, the seal, the audit and the crate: evidence of how results were computed.

May import ``campaign`` and all rooms below it.
"""
