"""A study that asks for instructions that the processor lacks is refused once, before any job."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from spl.campaign import processor
from spl.campaign.parameters import run_parameter
from spl.cli.interactive import app
from spl.errors import InputError
from spl.study.plan import make_plan
from spl.study.reading import check_study

TINY = Path(__file__).parents[1] / "studies/tiny.yaml"
STUDY = yaml.safe_load(TINY.read_text())


def planned(**changes):
    return make_plan(check_study(STUDY | {"training": STUDY["training"] | changes}, ""))


PLAN = planned()


@pytest.fixture(autouse=True)
def old_processor(monkeypatch):
    """One with SSE4 and without AVX2."""
    monkeypatch.setattr(processor, "lacking", lambda level: ["avx2", "fma"] if level == "avx2" else [])


def test_the_refusal_names_study_setting_and_instructions():
    with pytest.raises(InputError) as caught:
        processor.check_processor(PLAN, PLAN.runs)
    assert str(caught.value).startswith("tiny: instructions: avx2: expected a processor with avx2, fma; ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"instructions": "sse4"}, {"instructions": "native"}, {"device": "cuda"}])
def test_runs_that_do_not_need_them_are_not_refused(changes):
    plan = planned(**changes)
    processor.check_processor(plan, plan.runs)
    processor.check_processor(PLAN, [])


def test_spl_plan_refuses_as_long_as_a_run_is_open(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in PLAN.runs:
        refused = CliRunner().invoke(app, ["plan", str(TINY)])
        assert isinstance(refused.exception, InputError)
        assert refused.stdout == ""
        folder = Path("results/tiny/runs") / path
        folder.mkdir(parents=True)
        (folder / "parameters.json").write_text(run_parameter(PLAN, path))
    assert CliRunner().invoke(app, ["plan", str(TINY)]).exit_code == 0


def test_runs_on_gpus_are_refused_where_there_is_none():
    plan = planned(device="cuda")
    expected = "^tiny: device: expected 1 CUDA devices, found 0; train on another machine, or as jobs of a cluster"
    with pytest.raises(InputError, match=expected):
        processor.check_machine(plan, plan.runs)
    processor.check_machine(plan, [])


def test_a_gpu_that_is_busy_now_is_no_reason_to_refuse(monkeypatch):
    def busy(processes):
        raise RuntimeError("all CUDA-capable devices are busy")

    monkeypatch.setattr(processor, "_check_cuda_elsewhere", busy)
    plan = planned(device="cuda")
    processor.check_machine(plan, plan.runs)
