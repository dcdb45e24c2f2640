"""The one exception for what a person can put right."""


class InputError(Exception):
    """Something given from outside is wrong: each line of the message names where, what, and what was expected."""
