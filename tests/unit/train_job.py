"""One short run as the only job of a plan file, and the command that does it."""

import sys
from pathlib import Path

from spl.campaign.job import Job, canonical
from spl.campaign.plan_file import write_plan_file
from spl.code.subcommands import present_code
from spl.methods.registry import METHODS
from spl.study.files import DATA_FILES, RUN_FILES
from spl.study.known_methods import METHOD_SETTINGS
from spl.study.settings import Settings

SHORT = Settings(
    network="wrn-10-1", steps=20, batch=4, mu=2, flip=False, crop_padding=1, ema=0.9, batch_norm_momentum=0.1,
    threshold=0.6, evaluate_every=10, evaluate_late_every=10,
)  # fmt: skip


def train_parameter(method="fixmatch", code=None, **changes):
    """The canonical parameter of a run on the digits with these changes of the short settings."""
    settings = SHORT.model_copy(update=changes).model_dump()
    used = {key: value for key, value in settings.items() if key not in METHOD_SETTINGS - METHODS[method].settings}
    code = code or present_code("train", {"method": method})
    return canonical({"method": method, "seed": 0, "settings": used, "code": code})


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
