"""What tests of every kind share: their tiers, a real data set, a server to download it from, copies of the project."""

import os
import shutil
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings
from project import Project
from xdist.scheduler import LoadFileScheduling

settings.register_profile("campaign", max_examples=2_000, deadline=None)
settings.register_profile("default", deadline=None)  # a test that fails on a slow or busy machine says nothing
settings.load_profile("default")

TESTS = Path(__file__).parent
VALIDATOR = Path(sys.prefix) / "validator/bin/python"
EXTRA = {"slurm", "browser", "processors", "benchmarks"}
"""Folders of tests that run in `make test-all` alone."""
EXTRA_FIXTURES = {"debian_fashion_mnist", "published_fashion_mnist", "validator"}
"""What only `make test-all` installs; a test elsewhere that needs one of these runs there, too."""
EXTRA_FILES = {
    *("test_additions", "test_documented_examples", "test_imagenet", "test_interruption", "test_large_experiment"),
    *("test_published_study", "test_whole_paper"),
}
"""Of the workflow tests, those of full-size networks, many jobs, thousands of runs or examples that train, in
`make test-all` alone."""
SLOW = {
    *("test_attempt", "test_checkpoints", "test_distributed", "test_lock"),  # training processes, killed and resumed
    *("test_semilearn", "test_basin_switches", "test_process", "test_resumption", "test_hostile_products"),
    "test_plotting",
}
"""Of the unit tests, files that start processes or have tests of more than two seconds."""
ORDER = ("slurm", "workflow", "processors", "browser", "benchmarks", "unit")
"""Folders of tests, those first whose files take longest, so that no worker begins a long one when others are done."""


def pytest_collection_modifyitems(items):
    """Mark each test by its folder, which decides its tier."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        item.add_marker(folder)
        if folder == "unit" and item.path.stem in SLOW:
            item.add_marker("slow")
        if folder in EXTRA or item.path.stem in EXTRA_FILES or EXTRA_FIXTURES & set(item.fixturenames):
            item.add_marker("extra")
    items.sort(key=lambda item: ORDER.index(item.path.relative_to(TESTS).parts[0]))
    items.sort(key=lambda item: item.get_closest_marker("smoke") is None)  # it takes longest


class OneFilePerWorker(LoadFileScheduling):
    """A worker does all tests of a file, which share their set-up, and one worker all that need the real SLURM."""

    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        return "tests/slurm" if file.startswith("tests/slurm/") else file


def pytest_xdist_make_scheduler(config, log):
    """A machine has room for one SLURM: two workers with its tests would wait for each other."""
    return OneFilePerWorker(config, log)


DEBIAN = Path("/usr/share/datasets/fashion-mnist")
COMPRESSED_AT = {
    "train-images-idx3-ubyte.gz": 1504176606,
    "train-labels-idx1-ubyte.gz": 1504176606,
    "t10k-images-idx3-ubyte.gz": 1504176627,
    "t10k-labels-idx1-ubyte.gz": 1504176627,
}


@pytest.fixture(scope="session")
def debian_fashion_mnist():
    """The folder of Debian's package."""
    if not DEBIAN.is_dir():
        pytest.fail(f"{DEBIAN} is missing: apt-get install dataset-fashion-mnist")
    return DEBIAN


@pytest.fixture(scope="session")
def published_fashion_mnist(debian_fashion_mnist):
    """The four files as they were published, by name: Debian removed name and date from their gzip headers."""
    files = {}
    for name, time in COMPRESSED_AT.items():
        content = (debian_fashion_mnist / name).read_bytes()
        header = (
            b"\x1f\x8b\x08\x08" + struct.pack("<I", time) + content[8:10] + name.removesuffix(".gz").encode() + b"\0"
        )
        files[name] = header + content[10:]
    return files


class Server(ThreadingHTTPServer):
    """Serves ``files`` by name, whatever host was asked for; breaks off once in each of ``torn``."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.address = f"http://127.0.0.1:{self.server_port}/"
        self.files, self.torn = {}, []


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.rsplit("/", 1)[1]
        if name not in self.server.files:
            self.send_error(404)
            return
        content = self.server.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.headers["Method"] == "HEAD":  # torchvision's way to ask for redirections
            return
        if name in self.server.torn:
            self.server.torn.remove(name)
            content = content[: len(content) // 2]
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """A server on this machine for the time of one test."""
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def project(tmp_path):
    """A fresh copy without results."""
    return Project(tmp_path)


@pytest.fixture(scope="session")
def validator():
    """The Python of the environment that judges RO-Crates."""
    if not VALIDATOR.exists():
        pytest.fail(f"{VALIDATOR} is missing: make test-all installs it")
    return VALIDATOR


@pytest.fixture(scope="session")
def _finished(tmp_path_factory, worker_id):
    """The project in which the whole tiny study has run: one for all workers of pytest-xdist. Nobody writes into it."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    folder = shared / "finished"
    with FileLock(shared / "finished.lock"):
        if folder.exists():
            return Project.at(folder)
        building = shared / "building"
        shutil.rmtree(building, ignore_errors=True)  # of a worker that failed, so that this one says why, too
        building.mkdir()
        built = Project(building)
        before = os.umask(0o007)
        built.snakemake("all")
        os.umask(before)
        building.rename(folder)
    return Project.at(folder)


@pytest.fixture
def finished(_finished, tmp_path):
    """A copy in which the whole tiny study has run, with Snakemake's own records."""
    return _finished.copied(tmp_path / "copy")
