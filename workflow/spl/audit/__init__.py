"""Is what is here what was computed: the audit, repetitions, registrations, and the crate of what passed.

May import ``provenance`` and all rooms below it.
"""
