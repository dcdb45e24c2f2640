"""The command ``spl``: subcommands that rules call, and subcommands that people call.

May import every other room.
"""
