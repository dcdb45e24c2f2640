"""A real SLURM for the tests of a module."""

import cluster
import pytest


@pytest.fixture(scope="module")
def slurm(request):
    """SLURM's daemons on this machine; with a database of jobs where the module says ACCOUNTING = True."""
    accounting = getattr(request.module, "ACCOUNTING", False)
    if reason := cluster.obstacle(accounting):
        pytest.fail(reason)
    cluster.stop()  # what a session left that was killed
    cluster.start(accounting)
    yield
    cluster.stop()
