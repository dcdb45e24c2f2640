"""Many tensors in one piece of memory."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from spl.training.transfer import pack, send

CPU = torch.device("cpu")
kinds = st.sampled_from([torch.bool, torch.uint8, torch.int32, torch.int64, torch.float32, torch.float64])
shapes = st.lists(st.integers(0, 4), max_size=3)


@given(given=st.lists(st.tuples(kinds, shapes), max_size=6), seed=st.integers(0, 99))
def test_tensors_arrive_as_they_were(given, seed):
    draw = torch.Generator().manual_seed(seed)
    tensors = {
        str(number): torch.randint(0, 2, shape, generator=draw).to(kind) for number, (kind, shape) in enumerate(given)
    }
    arrived = send(pack(tensors, CPU), CPU)
    assert list(arrived) == list(tensors)
    for name, tensor in tensors.items():
        assert arrived[name].dtype == tensor.dtype
        assert torch.equal(arrived[name], tensor)


def test_a_later_change_does_not_travel():
    tensor = torch.zeros(3)
    packed = pack({"one": tensor, "transposed": torch.arange(6).view(2, 3).T}, CPU)
    tensor += 1
    assert send(packed, CPU)["one"].tolist() == [0, 0, 0]
    assert send(packed, CPU)["transposed"].tolist() == [[0, 3], [1, 4], [2, 5]]
