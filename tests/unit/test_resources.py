"""What a training asks of a cluster follows from the study, and changes nothing that is computed."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from spl.campaign.parameters import (
    analysis_parameter,
    calibration_parameter,
    data_parameter,
    exhibit_parameter,
    page_parameter,
    run_parameter,
)
from spl.campaign.requests import Request, run_requests
from spl.paper.selection import exhibits
from spl.study.plan import make_plan
from spl.study.reading import check_study

STUDY = yaml.safe_load((Path(__file__).parents[1] / "studies/tiny.yaml").read_text())
EXPERIMENT = STUDY["experiments"]["scarce-labels"]
amounts = st.fixed_dictionaries({}, optional={"mem_mb": st.integers(1, 10**6), "runtime": st.integers(1, 10**5)})


def planned(digits, training=None, **experiments):
    """The tiny study with resources for its data set and with other experiments."""
    changed = {
        "datasets": {"digits": STUDY["datasets"]["digits"] | {"resources": digits}},
        "training": STUDY["training"] | (training or {}),
        "experiments": {name: EXPERIMENT | resources for name, resources in experiments.items()},
    }
    return make_plan(check_study(STUDY | changed, ""))


@pytest.mark.parametrize(("device", "gpu"), [("cuda", 2), ("cpu", 0)])
def test_each_process_gets_its_cores_and_on_cuda_a_gpu(device, gpu):
    plan = planned({}, {"device": device, "processes": 2, "threads": 3}, only={})
    expected = Request(gpu=gpu, runs_per_gpu=1, cpus=6, mem_mb=16000, stated_mb=None, runtime=60, hours=None)
    assert set(run_requests(plan).values()) == {expected}


def test_a_run_that_two_experiments_need_shares_its_gpu_with_as_few_as_either_of_them_allows():
    first, second = {"resources": {"runs_per_gpu": 4}}, {"resources": {"runs_per_gpu": 2}, "folds": [0]}
    plan = planned({"runs_per_gpu": 3}, {"device": "cuda", "instructions": "native"}, one=first, two=second)
    for path, request in run_requests(plan).items():
        allowed = [4] * (path in plan.experiments["one"]) + [2] * (path in plan.experiments["two"])
        assert request.runs_per_gpu == min(allowed, default=3)
    on_cpus = planned({"runs_per_gpu": 3}, only={})
    assert {request.runs_per_gpu for request in run_requests(on_cpus).values()} == {1}


@given(amounts, amounts, amounts)
@settings(max_examples=20, deadline=None)
def test_an_experiment_wins_over_its_data_set_and_the_most_demanding_over_the_others(digits, first, second):
    plan = planned(digits, one={"resources": first}, two={"resources": second, "folds": [0]})
    default = {"mem_mb": 16000, "runtime": 60}
    one, two = default | digits | first, default | digits | second
    for path, request in run_requests(plan).items():
        if path not in plan.experiments["one"]:
            expected = default | digits, "a calibration"
        elif path not in plan.experiments["two"]:
            expected = one, "needed by one experiment"
        else:
            expected = {key: max(one[key], two[key]) for key in default}, "needed by both"
        assert ({"mem_mb": request.mem_mb, "runtime": request.runtime}, expected[1]) == expected


def test_memory_that_a_study_states_is_known_from_the_default_even_where_they_are_equal():
    [default] = {request.stated_mb for request in run_requests(planned({}, only={})).values()}
    [stated] = {request.stated_mb for request in run_requests(planned({"mem_mb": 16000}, only={})).values()}
    assert (default, stated) == (None, 16000)


def test_resources_are_no_part_of_any_job_s_parameter():
    plain, asking = (
        planned(resources, {"device": "cuda"}, scarce={"resources": resources})
        for resources in ({}, {"mem_mb": 1, "runtime": 1, "runs_per_gpu": 4})
    )
    assert run_requests(plain) != run_requests(asking)

    def parameters(plan):
        yield from (run_parameter(plan, path) for path in plan.runs)
        yield from (calibration_parameter(plan, path) for path in plan.calibrations)
        yield from (analysis_parameter(plan, name) for name in plan.experiments)
        yield from (data_parameter(plan, name) for name in plan.study.datasets)
        found = exhibits(plan, "")
        yield from (exhibit_parameter(plan, exhibit) for exhibit in found.values())
        yield page_parameter(plan, found)

    assert list(parameters(plain)) == list(parameters(asking))


@pytest.mark.parametrize(("steps", "minutes"), [(2**20, 2880), (2**19, 1440), (300, 60)])
def test_the_time_limit_fits_the_steps_unless_the_study_states_one(steps, minutes):
    for stated, expected in (({}, minutes), ({"runtime": 7}, 7)):
        plan = planned({}, {"steps": steps}, only={"resources": stated})
        [path, *_] = plan.experiments["only"]
        assert run_requests(plan)[path].runtime == expected
