"""Networks, augmentation, batches, the step, the loop, evaluation and checkpoints.

May import ``study``, ``methods`` and ``data``; nothing that shows or vouches.
"""
