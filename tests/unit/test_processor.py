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
PLAN = make_plan(check_study(STUDY, ""))


@pytest.fixture(autouse=True)
def old_processor(monkeypatch):
    """One with SSE4 and without AVX2."""
    monkeypatch.setattr(processor, "lacking", lambda level: ["avx2", "fma"] if level == "avx2" else [])


def test_the_refusal_names_study_setting_and_instructions(tmp_path):
    with pytest.raises(InputError) as caught:
        processor.check_processor(PLAN, tmp_path)
    assert str(caught.value).startswith("tiny: instructions: avx2: expected a processor with avx2, fma; ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"instructions": "sse4"}, {"instructions": "native"}, {"device": "cuda"}])
def test_runs_that_do_not_need_them_are_not_refused(tmp_path, changes):
    training = STUDY["training"] | changes
    processor.check_processor(make_plan(check_study(STUDY | {"training": training}, "")), tmp_path)


def test_runs_that_are_done_need_no_processor(tmp_path):
    for place, path in enumerate(PLAN.runs, start=1):
        (tmp_path / "runs" / path).mkdir(parents=True)
        (tmp_path / "runs" / path / "parameters.json").write_text(run_parameter(PLAN, path))
        if place < len(PLAN.runs):
            with pytest.raises(InputError):
                processor.check_processor(PLAN, tmp_path)
    processor.check_processor(PLAN, tmp_path)


def test_spl_plan_refuses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(app, ["plan", str(TINY)])
    assert isinstance(refused.exception, InputError)
    assert refused.stdout == ""


def test_snakemake_asks_the_same():
    common = (TINY.parents[2] / "workflow/rules/common.smk").read_text()
    assert "check_processor(PLAN, Path(RESULTS))" in common[: common.index("write_plan_file(JOBS")]
