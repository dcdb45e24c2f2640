"""`spl bench --device` measures the runs of a study, and `spl plan` prices the study by what it finds."""

import json

import pytest

from rates import _rate
from spl.study.known_methods import METHOD_SETTINGS
from spl.study.settings import Settings

TINY = "tests/studies/tiny.yaml"
WRITTEN = "results/tiny/campaign"


def test_a_measured_study_is_priced_by_what_was_measured(project):
    guessed = project.spl("plan", TINY)
    assert "no `hours` in the study" in guessed.stdout
    assert f"spl bench --study {TINY} --device cpu" in guessed.stdout
    done = project.run("spl", "bench", "--study", TINY, "--device", "cpu", "--quick", "--json")
    assert done.returncode == 0, done.stderr
    [file] = (project.folder / WRITTEN).glob("rates-*.json")
    assert json.loads(file.read_text()) == json.loads(done.stdout)
    [rate] = json.loads(done.stdout)["rates"]
    assert (rate["method"], rate["workload"]["network"]) == ("fixmatch", "wrn-10-1"), "one kind of run"
    planned = project.spl("plan", TINY, "--price", "1")
    assert "measured on" in planned.stdout
    assert "no `hours`" not in planned.stdout
    assert "spl bench" not in planned.stdout, "nothing is left to measure"
    assert project.spl("plan", TINY, "--rates", str(file)).returncode == 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--device", "cuda"], "--device cuda: no CUDA device on this machine; measure on a node"),
        (["--device", "gpu"], "--device gpu: expected cuda or cpu"),
        (["--study", TINY], "--study and --output need --device cuda or --device cpu"),
        (["--plan", "--audit"], "--plan cannot be combined with --audit"),
        (["--images", "--semilearn", "python"], "--images cannot be combined with --semilearn"),
        (["--audit", "--device", "cpu"], "--audit cannot be combined with --device"),
        (["--device", "cpu", "--study", "config/paper.yaml"], "config/paper.yaml: no run on device cpu"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_line(project, options, reason):
    done = project.run("spl", "bench", *options, CUDA_VISIBLE_DEVICES="")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {reason}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("several", [{"runs_per_gpu": 2}, {"processes": 2}])
def test_runs_that_share_a_device_and_runs_of_several_are_timed_as_they_train(several):
    chosen = Settings(network="wrn-10-1", batch=4, flip=False, crop_padding=1, processes=several.get("processes", 1))
    settings = {name: value for name, value in chosen.model_dump().items() if name not in METHOD_SETTINGS}
    work = {"pixels": 8, "classes": 3, "runs_per_gpu": several.get("runs_per_gpu", 1)}
    assert _rate("supervised", settings, work, 0.5) > 0
    assert _rate("supervised", settings | {"network": "none"}, work, 0.5) is None, "it ended, and said why"
