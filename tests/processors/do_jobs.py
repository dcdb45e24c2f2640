"""Run `spl` with one list of arguments after the other in one process: emulated, importing packages takes most time.

do_jobs.py LEVEL JOBS.JSON limits torch to a level of instructions from the start, as some of them import it before a
training would.
"""

import json
import sys
from pathlib import Path

from spl.cli.rules import main
from spl.training.instructions import limit

limit(sys.argv[1])
for arguments in json.loads(Path(sys.argv[2]).read_text()):
    Path(arguments[arguments.index("--output") + 1]).parent.mkdir(parents=True, exist_ok=True)
    sys.argv = ["spl", *arguments]
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
