"""Wide residual networks: the published sizes, and the variants in which code bases differ."""

import numpy as np
import pytest
import torch

from spl.errors import InputError
from spl.study.settings import Settings
from spl.training.networks import build_network


def built(seed=0, channels=3, classes=10, **settings):
    return build_network(Settings(**settings), channels, classes, np.random.default_rng(seed))


@pytest.mark.parametrize(("bias", "parameters"), [("all", 1_469_642), ("stem", 1_467_626)])
def test_wrn_28_2_has_the_published_number_of_parameters(bias, parameters):
    assert sum(weight.numel() for weight in built(conv_bias=bias).parameters()) == parameters


@pytest.mark.parametrize(("everywhere", "dead"), [(False, {"blocks.4", "blocks.8"}), (True, set())])
def test_the_first_norms_of_stages_2_and_3_are_dead_unless_everything_is_preactivated(everywhere, dead):
    network = built(preactivate_all=everywhere)
    network(torch.randn(4, 3, 32, 32)).square().sum().backward()
    without = [name for name, weight in network.named_parameters() if weight.grad is None]
    assert set(without) == {f"{block}.norm1.{part}" for block in dead for part in ("weight", "bias")}


def test_the_seed_decides_the_initial_weights():
    same, again, other = built(0, network="wrn-10-1"), built(0, network="wrn-10-1"), built(1, network="wrn-10-1")
    for a, b, c in zip(same.parameters(), again.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        if a.ndim > 1:
            assert not torch.equal(a, c)


def test_initial_weights_have_the_recipe_s_deviations():
    network = built(network="wrn-28-8")
    convolution = network.blocks[-1].conv2.weight
    assert convolution.std().item() == pytest.approx((2 / (9 * 512)) ** 0.5, rel=0.01)
    assert network.classifier.weight.std().item() == pytest.approx((2 / (512 + 10)) ** 0.5, rel=0.05)
    assert not network.classifier.bias.any()


@pytest.mark.parametrize(("channels", "side", "classes"), [(1, 8, 10), (3, 32, 7)])
def test_the_classifier_has_an_output_for_each_class(channels, side, classes):
    assert built(channels=channels, classes=classes, network="wrn-10-1")(
        torch.randn(2, channels, side, side)
    ).shape == (2, classes)


def test_resnet_50_is_torchvision_s_with_the_norms_of_the_settings_and_the_seed_s_weights():
    same, again, other = (built(seed, network="resnet-50", classes=1000) for seed in (0, 0, 1))
    assert sum(weight.numel() for weight in same.parameters()) == 25_557_032
    assert (same.bn1.eps, same.bn1.momentum) == (1e-3, 1e-3)
    assert torch.equal(same.conv1.weight, again.conv1.weight)
    assert not torch.equal(same.conv1.weight, other.conv1.weight)
    before = torch.get_rng_state()
    built(network="resnet-18")
    assert torch.equal(torch.get_rng_state(), before), "drawing weights leaves torch's own generator alone"


def test_a_resnet_refuses_grey_images():
    with pytest.raises(InputError, match="resnet-50 takes colour images; these have 1 channel"):
        built(network="resnet-50", channels=1)
