"""Runs that share a GPU are grouped or request a part of it, and each remains a run of its own."""

from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from spl.campaign.rates import workload
from spl.campaign.requests import run_requests
from spl.campaign.shared_gpus import GpuRequest, failed_runs, gpu_groups, gpu_requests
from spl.errors import InputError
from spl.study.plan import make_plan
from spl.study.reading import check_study

STUDY = yaml.safe_load((Path(__file__).parents[1] / "studies/tiny.yaml").read_text())
EXPERIMENT = STUDY["experiments"]["scarce-labels"]


def planned(runs_per_gpu, folds=3, processes=1):
    """The tiny study on GPUs, with a second experiment that starts from the first one's runs."""
    digits = STUDY["datasets"]["digits"] | {"resources": {"runs_per_gpu": runs_per_gpu}}
    both = {"folds": list(range(folds)), "methods": ["fixmatch", "flexmatch", "smooth-fixmatch"]}
    later = {"split": {"scheme": "balanced", "per_class": 8}, "start_from": "first"}
    changed = {
        "training": {key: value for key, value in STUDY["training"].items() if key != "instructions"}
        | {"device": "cuda", "processes": processes},
        "datasets": {"digits": digits},
        "experiments": {"first": EXPERIMENT | both, "second": EXPERIMENT | both | later},
    }
    return make_plan(check_study(STUDY | changed, ""))


def parents(plan, path):
    run = plan.runs[path]
    calibrating = plan.calibrations[run.calibration].runs if run.calibration else ()
    return {*calibrating, *filter(None, [run.start])}


def depth(plan, path):
    return max((1 + depth(plan, parent) for parent in parents(plan, path)), default=0)


@given(st.integers(1, 7), st.integers(1, 3))
@settings(max_examples=15, deadline=None)
def test_groups_join_runs_that_take_equally_long_and_do_not_wait_for_each_other(runs_per_gpu, folds):
    plan = planned(runs_per_gpu, folds)
    requests = run_requests(plan)
    groups = gpu_groups(plan, requests)
    members = [path for paths in groups.values() for path in paths]
    assert len(members) == len(set(members))
    assert all(1 < len(paths) <= runs_per_gpu for paths in groups.values())
    for paths in groups.values():
        assert (
            len({str((workload(plan, path, requests[path]), plan.runs[path].settings["stop"])) for path in paths}) == 1
        )
        assert len({depth(plan, path) for path in paths}) == 1, "or some would wait for what others need"
    job_of = {path: path for path in plan.runs} | {path: name for name, paths in groups.items() for path in paths}
    graph = defaultdict(set)
    for path in plan.runs:
        graph[job_of[path]] |= {job_of[parent] for parent in parents(plan, path)}
    TopologicalSorter(graph).prepare()  # raises if a job would wait for itself
    assert bool(groups) == (runs_per_gpu > 1)


def test_groups_are_as_full_as_the_number_of_runs_allows():
    sizes = sorted(len(paths) for paths in gpu_groups(planned(2), run_requests(planned(2))).values())
    assert sizes == [2] * len(sizes)
    plan = planned(3)
    assert next(iter(gpu_groups(plan, run_requests(plan)).values())) == plan.experiments["first"][:3]


def test_a_run_of_several_processes_has_its_gpus_to_itself():
    plan = planned(4, processes=2)
    requests = run_requests(plan)
    assert {(request.gpu, request.runs_per_gpu) for request in requests.values()} == {(2, 1)}
    assert gpu_groups(plan, requests) == {}
    assert set(gpu_requests(requests, {}, "shard:8", None, (), True).values()) == {GpuRequest(2)}


def test_a_group_requests_one_gpu_and_a_run_that_failed_for_good_is_no_part_of_it(tmp_path):
    plan = planned(3)
    requests = run_requests(plan)
    groups = gpu_groups(plan, requests)
    name, [bad, *others] = next(iter(groups.items()))
    folder = tmp_path / "checkpoints" / bad
    folder.mkdir(parents=True)
    (folder / "failed.json").write_text("{}")
    assert failed_runs(plan, tmp_path) == {bad}
    asked = gpu_requests(requests, groups, None, None, {bad}, submitting=True)
    assert asked[bad] == GpuRequest(1)
    assert {asked[path] for path in others} == {GpuRequest("1", nodes=None, group=name)}
    inside = gpu_requests(requests, groups, None, None, (), submitting=False)
    assert inside[others[0]] == GpuRequest(None, nodes=None, group=name), "SLURM has given the job its GPU"
    assert asked.keys() == plan.runs.keys()


@pytest.mark.parametrize(
    ("shares", "gres"), [("shard:8", "shard:2"), ("mps:100", "mps:33"), ("shard:a100:4", "shard:a100:1")]
)
def test_where_the_site_divides_its_gpus_each_run_requests_its_part(shares, gres):
    plan = planned(3)
    requests = run_requests(plan)
    asked = gpu_requests(requests, gpu_groups(plan, requests), shares, None, (), submitting=True)
    assert set(asked.values()) == {GpuRequest(0, gres=gres)}


@pytest.mark.parametrize(
    ("shares", "reason"),
    [
        ("shard", "expected NAME:NUMBER"),
        ("shard:0", "expected NAME"),
        ("gpu:2", "expected NAME"),
        ("shard:2", "at least"),
    ],
)
def test_shares_that_no_site_can_have_are_refused(shares, reason):
    with pytest.raises(InputError, match=f"gpu_shares={shares}: .*{reason}"):
        gpu_requests(run_requests(planned(3)), {}, shares, None, (), submitting=True)


@pytest.mark.parametrize("gpu_type", ["4090", "rtx-3090", "nvidia_a100_3g.39gb"])
def test_a_type_of_gpu_is_requested_with_the_number_and_the_job_itself_asks_for_the_number_alone(gpu_type):
    plan = planned(3)
    requests, two = run_requests(plan), run_requests(planned(4, processes=2))
    groups = gpu_groups(plan, requests)
    asked = gpu_requests(requests, groups, None, gpu_type, (), submitting=True)
    in_groups = {path for paths in groups.values() for path in paths}
    assert in_groups
    assert {(asked[path].gpu, asked[path].gpu_type, asked[path].nodes) for path in in_groups} == {
        (None, f"{gpu_type}:1", None)
    }
    assert set(gpu_requests(two, {}, None, gpu_type, (), True).values()) == {GpuRequest(None, gpu_type=f"{gpu_type}:2")}
    assert set(gpu_requests(two, {}, None, gpu_type, (), False).values()) == {GpuRequest(2)}


@pytest.mark.parametrize("gpu_type", ["", "rtx 3090", "a100:1", "a100;true", "$(id)"])
def test_what_is_no_type_of_gpu_is_refused(gpu_type):
    with pytest.raises(InputError, match="gpu_type=.*: expected the name of a GPU type in SLURM"):
        gpu_requests({}, {}, None, gpu_type, (), submitting=True)
