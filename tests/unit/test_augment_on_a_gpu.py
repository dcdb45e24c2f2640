"""Views of images on a GPU: nothing is left on the CPU, nothing waits for pixels, every sum has its order.

The device "meta" stands in for the GPU: its tensors have shapes, but no values, and whoever asks for values fails.
"""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from spl.training import augment

aten = torch.ops.aten
REFUSED_IN_DETERMINISTIC_MODE = {aten.bincount, aten.histc, aten.median, aten.put, aten.put_}


def devices(tree):
    return {leaf.device.type for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)}


class Gpu(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        given = devices((args, kwargs))
        assert len(given) < 2, f"{func} of tensors on {given}"
        result = func(*args, **kwargs)
        if given == {"cpu"} and devices(result) == {"meta"}:
            assert kwargs.get("non_blocking"), "a copy that waits"
        if given == {"meta"}:
            assert func.overloadpacket not in REFUSED_IN_DETERMINISTIC_MODE
            assert not (func.overloadpacket is aten.cumsum and result.is_floating_point())
        return result


def views(channels):
    draw = np.random.default_rng(0)
    strong = augment.draw_strong(100, draw, variant="torchssl")
    weak = augment.draw_weak(100, draw, flip=True, padding=2)
    on_host = vars(augment.strong_view(strong, 20, 24, 0.5)), vars(augment.weak_view(weak, 20, 24))
    strong, weak = (
        {name: value.to("meta") if isinstance(value, torch.Tensor) else value for name, value in view.items()}
        for view in on_host
    )
    strong, weak = augment.StrongView(**strong), augment.WeakView(**weak)
    images = torch.empty(100, channels, 20, 24, dtype=torch.uint8, device="meta")
    grey = torch.empty(channels, dtype=torch.uint8, device="meta")
    with Gpu():
        seen = augment.flip_and_crop(augment.cutout(augment.randaugment(images, strong), strong, grey), weak)
        return augment.normalise(seen, grey.float(), grey.float())


@pytest.mark.parametrize("channels", [1, 3])
def test_views_are_made_where_the_images_are(channels):
    seen = views(channels)
    assert seen.device.type == "meta"
    assert seen.shape == (100, channels, 20, 24)


def test_a_careful_operation_passes(monkeypatch):
    monkeypatch.setattr(augment, "_gray", lambda images: images + torch.arange(24, device=images.device))
    views(3)


@pytest.mark.parametrize(
    "careless",
    [
        lambda images: images + torch.arange(24),
        lambda images: images.index_select(3, torch.arange(24)),
        lambda images: images + torch.arange(24).to(images.device),
        lambda images: images.to("cpu"),
        lambda images: images + int(images.sum()),
        lambda images: images + images[images > 3].sum(),
        lambda images: images + torch.bincount(images.flatten().long()).sum(),
        lambda images: images.float().cumsum(2),
    ],
)
def test_an_operation_that_waits_or_stays_behind_is_noticed(careless, monkeypatch):
    monkeypatch.setattr(augment, "_gray", careless)
    # Torch says "not implemented" of what a meta tensor cannot do; our own check asserts.
    with pytest.raises((AssertionError, NotImplementedError, RuntimeError)):
        views(3)
