"""The benchmark of images that are read answers; what it answers is for people to judge."""

import json
import subprocess
import sys
from pathlib import Path


def test_it_states_ratios_and_what_they_are_of():
    spl = Path(sys.executable).parent / "spl"
    done = subprocess.run([spl, "bench", "--images", "--quick", "--json"], capture_output=True, text=True, check=True)
    measured = json.loads(done.stdout)
    ratios = ("over_decoding", "over_decoding_and_resizing", "all_cores_over_decoding")
    assert set(measured) == {*ratios, "images", "kilobytes", "cores"}
    assert all(measured[name] > 0 for name in ratios)
