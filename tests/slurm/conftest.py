"""A real SLURM for the tests of a module."""

from tempfile import gettempdir

import cluster
import pytest
from filelock import FileLock


@pytest.fixture(scope="module")
def slurm(request):
    """SLURM's daemons on this machine; with a database of jobs where the module says ACCOUNTING = True."""
    accounting = getattr(request.module, "ACCOUNTING", False)
    if reason := cluster.obstacle(accounting):
        pytest.fail(reason)
    with FileLock(f"{gettempdir()}/spl-slurm.lock"):  # a machine has room for one, and tests have several workers
        cluster.stop()  # what a session left that was killed
        cluster.start(accounting)
        yield
        cluster.stop()
