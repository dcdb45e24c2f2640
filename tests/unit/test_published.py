"""A download is whole or absent."""

import hashlib

import pytest
from torchvision.datasets import CIFAR10, FashionMNIST

from spl.data.downloads import download
from spl.errors import InputError

NAME = "train-labels-idx1-ubyte.gz"
CONTENT = bytes(range(256)) * 400


@pytest.fixture
def served(server, monkeypatch):
    """A server that stands in for those of torchvision, with one file that torchvision expects for once."""
    md5 = hashlib.md5(CONTENT).hexdigest()
    monkeypatch.setattr(FashionMNIST, "mirrors", [server.address])
    monkeypatch.setattr(FashionMNIST, "resources", [(NAME, md5)])
    monkeypatch.setattr(CIFAR10, "url", f"{server.address}cifar/{CIFAR10.filename}")
    monkeypatch.setattr(CIFAR10, "tgz_md5", md5)
    server.files = {NAME: CONTENT, CIFAR10.filename: CONTENT}
    return server


@pytest.mark.parametrize(("torchvision", "name"), [("FashionMNIST", NAME), ("CIFAR10", CIFAR10.filename)])
def test_a_file_comes_from_where_torchvision_has_it(served, tmp_path, torchvision, name):
    download(torchvision, tmp_path / name)
    assert (tmp_path / name).read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("what", ["altered", "torn", "absent"])
def test_what_is_not_the_published_file_is_not_kept(served, tmp_path, what):
    if what == "altered":
        served.files[NAME] = b"x" + CONTENT[1:]
    elif what == "torn":
        served.torn = [NAME]
    else:
        served.files = {}
    with pytest.raises(InputError) as caught:
        download("FashionMNIST", tmp_path / NAME)
    assert f"{served.address}{NAME}: expected the file with md5 {hashlib.md5(CONTENT).hexdigest()}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / NAME).exists()


def test_a_download_that_was_killed_is_not_taken_for_whole(served, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT[:100])
    download("FashionMNIST", tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == CONTENT
