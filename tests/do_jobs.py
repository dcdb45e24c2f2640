"""Do jobs of a plan file one after the other in one process: importing packages takes most of the time of a short job.

do_jobs.py LEVEL PLAN NAMES.JSON limits torch to a level of instructions from the start, as some jobs import it before a
training run would.
"""

import json
import sys
from pathlib import Path

from spl.campaign.plan_file import read_plan_file
from spl.cli.main import main
from spl.code import subcommands
from spl.training.instructions import limit

LEVEL, PLAN, NAMES = sys.argv[1:]

limit(LEVEL)
subcommands.check_loaded = lambda *_: None  # every job finds the modules of those before it
_, jobs = read_plan_file(Path(PLAN))
for name in json.loads(Path(NAMES).read_text()):
    sys.argv = ["spl", jobs[name].subcommand, PLAN, name]
    if jobs[name].subcommand == "train":
        sys.argv += ["--checkpoints", f"checkpoints/{name}"]
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
