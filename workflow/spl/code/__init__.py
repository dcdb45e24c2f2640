"""The fingerprint of the code behind a job, and declared equivalences.

Imports nothing of the other rooms.
"""
