"""What follows about all runs of a study if those of a random sample are reproduced."""

from __future__ import annotations

import math

# Shares of forged runs for which the probability to miss them is printed, besides a single one
SHARES = (0.05, 0.1, 0.25)
MISSED = 0.05  # probability up to which forged runs count as found


def what_a_sample_proves(runs: int, drawn: int) -> str:
    """What follows if all runs of a random sample are reproduced: how likely such a draw misses forged runs."""
    numbers = sorted({1, *(math.ceil(share * runs) for share in SHARES)})
    chances = [f"{_percent(missed(runs, forged, drawn))} if {forged}" for forged in numbers]
    sentence = f"{drawn} of {runs} runs reproduced. The probability that such a draw misses every forged run is "
    sentence += f"{', '.join(chances)} of the {runs} {'are' if runs > 1 else 'is'} forged. "
    least = surely_found(runs, drawn)
    if least == 1:
        return f"{sentence}{'So' if drawn == runs else 'With 95 % confidence,'} no run is forged."
    tenth = math.ceil(runs / 10)
    needed = next(number for number in range(1, runs + 1) if missed(runs, tenth, number) <= MISSED)
    more = f"; {needed} runs would show that fewer than {tenth} are" if needed > drawn and tenth > 1 else ""
    return f"{sentence}With 95 % confidence, fewer than {least} runs are forged{more}."


def missed(runs: int, forged: int, drawn: int) -> float:
    """The probability that a draw without replacement contains none of the forged runs: hypergeometric."""
    return math.comb(runs - forged, drawn) / math.comb(runs, drawn)


def surely_found(runs: int, drawn: int) -> int:
    """The least number of forged runs that a draw misses with a probability of at most 5 %."""
    return next(forged for forged in range(1, runs + 1) if missed(runs, forged, drawn) <= MISSED)


def _percent(probability: float) -> str:
    return "0 %" if not probability else "< 0.1 %" if probability < 0.001 else f"{100 * probability:.3g} %"
