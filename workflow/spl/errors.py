"""What can go wrong without a bug."""


class InputError(Exception):
    """Something given from outside is wrong: each line of the message names where, what, and what was expected."""


class DamagedError(InputError):
    """Prepared data are not what was written: no repetition mends that."""


class NotFiniteError(Exception):
    """The loss of a training became infinite or undefined: more of the same would not mend it."""


class FailedBeforeError(Exception):
    """A training failed in an earlier attempt for a reason that still holds."""


class InterruptedTrainingError(Exception):
    """A training was asked to stop; it saved its state and goes on when started again."""
