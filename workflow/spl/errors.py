"""What can go wrong without a bug."""


class InputError(Exception):
    """Something given from outside is wrong: each line of the message names where, what, and what was expected."""


class NotFiniteError(Exception):
    """The loss of a training became infinite or undefined: more of the same would not mend it."""


class InterruptedTrainingError(Exception):
    """A training was asked to stop; it saved its state and goes on when started again."""
