"""What ``spl doctor`` looks at before a campaign: software, files and cluster. Nothing is submitted, nothing is left.

May import every other room but ``cli``.
"""
