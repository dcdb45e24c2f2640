"""One file per data source; the registry finds them by name.

May import the readers and the store of ``data``; libraries that read images only where images are read.
"""
