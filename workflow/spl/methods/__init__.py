"""One file per method; the registry finds them by name.

Imports nothing of the other rooms, and torch only when a weight is computed.
"""
