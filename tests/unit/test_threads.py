"""A job on a login node of many cores starts no thread for each of them."""

import os
import subprocess
import sys

SHORT_JOB = """
import os, sys
sys.argv = ["spl", "schema"]
from spl.cli.main import main
try:
    main()
except SystemExit:
    pass
import numpy, scipy.linalg
print("\\nnow running", len(os.listdir("/proc/self/task")))
"""


def threads(**environment):
    given = {name: value for name, value in os.environ.items() if "NUM_THREADS" not in name}
    done = subprocess.run([sys.executable, "-c", SHORT_JOB], env=given | environment, capture_output=True, text=True)
    return int(done.stdout.split("now running ")[1])


def test_what_needs_one_core_has_one_thread():
    assert threads() == 1


def test_a_user_may_ask_for_more():
    assert threads(OPENBLAS_NUM_THREADS="2") >= 2
