"""Smooth Pseudo-Labeling, rebuilt: everything that makes, reads, shows and vouches for the paper's numbers."""
