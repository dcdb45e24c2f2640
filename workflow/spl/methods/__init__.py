"""One file per method; the registry finds them by name.

Imports nothing of the other rooms, and torch only where tensors are computed: planning must not wait for it.
"""
