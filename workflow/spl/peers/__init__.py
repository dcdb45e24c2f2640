"""Other code bases to compare with: each script runs by path, with a Python of its own, and imports nothing of spl."""
