"""Draws by counter: each follows from (seed, stream, step), and no two share their numbers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spl.training.random_streams import generator

names = st.text(max_size=20)
seeds = st.integers(0, 2**63 - 1)


@given(seed=seeds, stream=names, step=st.integers(0, 2**32))
def test_a_draw_follows_from_seed_stream_and_step_alone(seed, stream, step):
    first, again = generator(seed, stream, step), generator(seed, stream, step)
    assert np.array_equal(first.random(9), again.random(9))


@given(one=st.tuples(seeds, names), other=st.tuples(seeds, names), step=st.integers(0, 2**32))
def test_seed_and_stream_are_the_key_and_the_step_is_the_highest_word_of_the_counter(one, other, step):
    """So that the numbers of two steps cannot overlap, however many each of them draws."""
    states = [generator(*key, step).bit_generator.state["state"] for key in (one, other)]
    assert np.array_equal(*(state["key"] for state in states)) == (one == other)
    assert states[0]["counter"].tolist() == [0, 0, 0, step]


def test_no_step_of_a_long_run_repeats_the_draw_of_another():
    """A seed of 32 bits repeats one of 2^18 draws several times over."""
    steps = 2**18
    first = {int(generator(0, "labelled batch", step).integers(2**63)) for step in range(steps)}
    assert len(first) == steps


def test_the_draws_are_those_of_philox_as_published():
    """Random123's known answer for Philox4x64-10 with counter and key of zeros, and of ones (Salmon et al., 2011)."""
    answers = {
        0: [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B],
        2**64 - 1: [0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0],
    }
    for word, answer in answers.items():
        bits = np.random.Philox(key=np.full(2, word, np.uint64), counter=np.full(4, word, np.uint64))
        # numpy counts up before it draws, so that its first block is that of the next counter.
        bits.state = {**bits.state, "state": {**bits.state["state"], "counter": _before(word)}}
        assert [int(bits.random_raw()) for _ in range(4)] == answer


def _before(word):
    counter = (sum(word << (64 * place) for place in range(4)) - 1) % 2**256
    return np.array([counter >> (64 * place) & (2**64 - 1) for place in range(4)], dtype=np.uint64)
