"""A step on a device that is not the CPU, without one.

Meta tensors have a device and shapes but no values: whatever mixes devices, or would make the host wait for a value of
the device, raises.
"""

import numpy as np
import pytest
import torch
from torch.optim.sgd import sgd

from spl.errors import InputError
from spl.methods.registry import METHODS
from spl.study.settings import Settings
from spl.training import optimiser
from spl.training.backend import set_up_torch
from spl.training.batches import Batch, Pools
from spl.training.networks import build_network
from spl.training.processes import launch
from spl.training.state import start
from spl.training.step import train_step

DEVICE = torch.device("meta")
B, MU, SIDE, POOL = 4, 2, 8, 30


@pytest.mark.parametrize("method", METHODS)
def test_a_step_keeps_to_its_device_and_never_waits_for_it(method, monkeypatch):
    def descend(*given, lr, fused, **how):
        assert lr.device == DEVICE
        sgd(*given, **how, lr=0.1, fused=False)  # a fused one has no meta form

    monkeypatch.setattr(optimiser, "sgd", descend)
    settings = Settings(network="wrn-10-1", batch=B, mu=MU, lambda_u=1.0, lambda_max=1.0, lambda_phi=0.1)
    images, classes = torch.empty(POOL, 3, SIDE, SIDE, device=DEVICE), torch.zeros(POOL).long().to(DEVICE)
    grey = torch.ones(3, device=DEVICE), torch.ones(3, device=DEVICE)
    pools = Pools(images.byte(), classes, torch.arange(5), torch.arange(POOL), *grey)
    state = start(build_network(settings, 3, 10, np.random.default_rng(0)), pools, 10, METHODS[method], settings)
    views, drawn = images[: B + (2 if METHODS[method].strong_view else 1) * MU * B], classes[: MU * B]
    number = torch.ones((), device=DEVICE)
    batch = Batch(views, classes[:B], drawn, drawn, classes.sum(), number.long(), number, number)
    for _ in range(2):
        measured = train_step(state, batch, METHODS[method], settings)
        assert measured.device == DEVICE
    assert all(value.device == DEVICE for value in state.tensors().values())


def test_meta_tensors_do_refuse_to_wait_and_to_mix():
    values = torch.zeros(3, dtype=torch.long, device=DEVICE)
    for waits in (torch.Tensor.tolist, torch.Tensor.nonzero, torch.bincount, lambda values: values[values > 0]):
        # Torch says "not implemented" of some operations that need a meta tensor's values.
        with pytest.raises((RuntimeError, NotImplementedError)):
            waits(values)
    with pytest.raises(RuntimeError, match="device"):
        values + torch.zeros(3)


def test_a_device_that_is_not_there_is_named():
    with pytest.raises(InputError, match="device: expected 1 CUDA devices, found 0"):
        set_up_torch(Settings(device="cuda"))


def test_a_device_that_not_every_process_of_a_run_has_is_named_before_any_starts():
    """In the processes, the first one would wait for the one without a device."""
    with pytest.raises(InputError, match="device: expected 2 CUDA devices, found 0"):
        launch(2, "cuda", print)


@pytest.fixture
def failing_device(monkeypatch):
    """A device on which every kernel fails, with a reason."""

    def fail_with(reason):
        def ones(*shape, device):
            raise RuntimeError(reason)

        monkeypatch.setattr(torch, "ones", ones)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla K80")
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (3, 7))
        monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_90"])

    return fail_with


def test_a_device_that_torch_is_not_built_for_is_named_with_those_it_is_built_for(failing_device):
    failing_device("CUDA error: no kernel image is available for execution on the device")
    expected = "device: Tesla K80, compute capability 3.7: expected a device that torch .* is built for: sm_75, sm_90"
    with pytest.raises(InputError, match=expected):
        set_up_torch(Settings(device="cuda"))


def test_a_device_that_fails_for_another_reason_may_be_tried_again(failing_device):
    failing_device("CUDA error: all CUDA-capable devices are busy or unavailable")
    with pytest.raises(RuntimeError, match="busy"):
        set_up_torch(Settings(device="cuda"))
