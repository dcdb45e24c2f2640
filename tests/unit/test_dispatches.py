"""How many tensor operations a step costs the host of a GPU."""

import torch

from dispatches import count, dispatches
from step import RECIPE, random_pools


def test_a_step_of_the_paper_s_network_dispatches_few_operations():
    """With B = 64 and mu = 7, 960 images a step. Only the number of steps in a block matters, not that of images."""
    counted = dispatches(RECIPE.model_copy(update={"batch": 2}), random_pools(3, 32), images=960)
    assert counted["batch"] <= 60
    assert counted["step"] <= 300


def test_operations_are_counted():
    assert count(lambda: torch.ones(2) + torch.ones(2)) == 3
