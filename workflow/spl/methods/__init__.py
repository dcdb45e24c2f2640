"""One file per method; the registry finds them by name.

May import the registry of ``code``, and torch only where tensors are computed: planning must not wait for it.
"""
