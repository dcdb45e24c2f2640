"""The benchmark answers; what it answers is for people to judge."""

import json
import subprocess
import sys
from pathlib import Path


def test_the_quick_benchmark_states_ratios_parameters_and_machine():
    spl = Path(sys.executable).parent / "spl"
    done = subprocess.run([spl, "bench", "--quick", "--json"], capture_output=True, text=True, check=True)
    measured = json.loads(done.stdout)
    assert measured["parameters"]["wrn-28-2"] == 1_469_642
    assert measured["parameters"]["wrn-28-2, bias in the stem alone"] == 1_467_626
    assert set(measured["step_over_bare"]) == {"wrn-10-1, B = 8", "wrn-28-2, B = 8"}
    assert all(ratio > 0 for ratio in (*measured["step_over_bare"].values(), measured["augment_over_pillow"]))
    assert measured["machine"]["threads"] == 1
