"""One run as the only job of a plan file, and the command that does it."""

import sys
from pathlib import Path

from spl.campaign.job import Job
from spl.campaign.plan_file import write_plan_file
from spl.study.files import DATA_FILES, RUN_FILES


def train_command(parameter, inputs, output, checkpoints):
    """Arguments of `spl train`.

    Args:
        parameter: the run's canonical parameter.
        inputs: folder of the prepared data set and ``split.json``.
        output: folder of the run's files.
        checkpoints: folder of its checkpoints and the journal.
    """
    read = *(inputs / name for name in DATA_FILES), inputs / "split.json"
    job = Job("runs/one", "train", parameter, read, tuple(output / name for name in RUN_FILES))
    plan = write_plan_file({job.name: job}, {}, output.parent / "results")
    return [Path(sys.executable).parent / "spl", "train", plan, job.name, "--checkpoints", checkpoints]
