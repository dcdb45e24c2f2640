"""The benchmark of planning answers; what it answers is for people to judge."""

from pathlib import Path

from planning import _bare, measure
from spl.study.plan import make_plan
from spl.study.reading import read_study

TINY = Path("tests/studies/tiny.yaml").resolve()


def test_it_states_ratios_seconds_and_how_many_jobs_they_are_of():
    measured = measure(TINY, seeds=(1, 2), repetitions=1)
    ratios = ("dry_run_over_bare", "nothing_to_do_over_bare", "dry_run_growth", "figure_seconds")
    assert set(measured) == {*ratios, "jobs"}
    assert all(measured[name] > 0 for name in ratios)
    whole, few, many = measured["jobs"]
    assert whole == few
    assert many - few == 4, "one more seed is one more of each of four runs"


def test_the_empty_workflow_has_as_many_jobs(tmp_path):
    plan = make_plan(read_study(TINY))
    assert _bare(tmp_path / "bare", plan, 40).jobs() == 40
