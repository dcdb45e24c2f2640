"""A study is priced by measured rates, by its own finished runs or by a guess; every hour names which of them."""

import json
import os
from pathlib import Path

import pytest
import yaml
from test_status import finish, shown

from spl.campaign.cost import GUESS, UNKNOWN, cost, cost_table
from spl.campaign.job import canonical
from spl.campaign.rates import (
    WITHOUT_COST,
    Rate,
    Rates,
    find_rates,
    method_kind,
    rates_file,
    read_rates,
    workload,
)
from spl.campaign.requests import run_requests
from spl.errors import InputError
from spl.methods.registry import METHODS
from spl.study.plan import make_plan
from spl.study.reading import check_study
from spl.study.settings import Settings

TINY = yaml.safe_load((Path(__file__).parents[1] / "studies/tiny.yaml").read_text())
CHANGED = {
    "network": "wrn-16-1", "conv_bias": "stem", "preactivate_all": True, "batch": 16, "flip": True, "crop_padding": 2,
    "randaugment": "google", "cutout": 0.25, "mu": 7, "device": "cuda", "processes": 2, "threads": 2,
    "precision": "bf16", "channels_last": False, "compiled": True, "graph": True,
    "instructions": "native", "deterministic": False,
}  # fmt: skip
"""Settings that change how long a step takes, with values that the tiny study does not have."""


def planned(method="fixmatch", hours=0.75, **training):
    study = TINY | {
        "training": TINY["training"] | {key: value for key, value in training.items() if key not in OF_DATA},
        "datasets": {"digits": TINY["datasets"]["digits"] | {"resources": {"hours": hours} if hours else {}}},
        "experiments": {"only": TINY["experiments"]["scarce-labels"] | {"methods": {method: {"lambda_u": 1.0}}}},
    }
    study["datasets"]["digits"]["training"] = TINY["datasets"]["digits"]["training"] | {
        key: value for key, value in training.items() if key in OF_DATA
    }
    return make_plan(check_study(study, ""))


OF_DATA = ("network", "flip", "crop_padding")


def workloads(plan):
    return {path: canonical(workload(plan, path, request)) for path, request in run_requests(plan).items()}


def rates(*measured, device="Test GPU"):
    """Rates of workloads in canonical form."""
    found = [Rate(method="m", workload=json.loads(work), steps_per_second=rate) for work, rate in measured]
    return Rates(device=device, torch="2.0", commit="0123456789", rates=found)


def test_what_takes_no_time_does_not_make_another_workload():
    [before] = set(workloads(planned()).values())
    cheap = {"learning_rate": 0.1, "steps": 300, "stop": 100, "threshold": 0.5, "momentum": 0.5, "evaluate_every": 7}
    assert cheap.keys() <= WITHOUT_COST
    assert set(workloads(planned(**cheap)).values()) == {before}


@pytest.mark.parametrize(("name", "value"), CHANGED.items())
def test_what_takes_time_does(name, value):
    assert set(workloads(planned(**{name: value})).values()).isdisjoint(workloads(planned()).values())


def test_every_setting_is_known_to_take_time_or_not():
    """A new setting counts until somebody says that it costs nothing; then it is listed here or there."""
    assert WITHOUT_COST | CHANGED.keys() | {"tf32"} == set(Settings.model_fields)
    assert not WITHOUT_COST & CHANGED.keys()


def test_methods_that_differ_in_their_weights_alone_are_measured_once():
    kinds = {name: method_kind(method) for name, method in METHODS.items()}
    assert kinds["smooth-fixmatch"] == kinds["smooth-fixmatch-sq"] == kinds["fixmatch"]
    others = ("fixmatch", "flexmatch", "pseudo-label", "supervised", "smooth-fixmatch-factor")
    assert len({kinds[name] for name in others}) == len(others)


def test_hours_come_from_measured_steps_where_they_were_measured(tmp_path):
    plan = planned(threads=3)
    [work] = set(workloads(plan).values())
    found = cost(plan, tmp_path, rates((work, 0.05)))
    [(source, portion)] = found.expected.items()
    assert source == "measured on Test GPU (torch 2.0, commit 0123456)"
    assert (portion.runs, found.device) == (2, "core")
    assert portion.hours == found.total == pytest.approx(2 * 3 * 150 / 0.05 / 3600)
    [(source, portion)] = cost(plan, tmp_path, rates((work.replace("wrn-10-1", "wrn-28-2"), 0.05))).expected.items()
    assert (source, portion.hours) == (GUESS, 2 * 3 * 0.75)


def test_hours_that_nobody_stated_are_no_zero(tmp_path):
    found = cost(planned(hours=None), tmp_path)
    assert found.total is None
    [(source, portion)] = found.expected.items()
    assert (source, portion.runs, portion.hours) == (UNKNOWN, 2, None)


def test_finished_runs_tell_more_than_other_measurements_unless_those_are_asked_for(tmp_path):
    plan = planned()
    path = next(iter(plan.runs))
    finish(plan, tmp_path, path)  # after 1800 s
    measured = rates((workloads(plan)[path], 1.0))
    [(source, portion)] = cost(plan, tmp_path, measured).expected.items()
    assert (source, portion.runs) == ("from 1 finished run of the study", 2)
    assert portion.hours == pytest.approx(2 * 0.5)
    [(source, portion)] = cost(plan, tmp_path, measured, chosen=True).expected.items()
    assert source.startswith("measured on Test GPU")
    assert portion.hours == pytest.approx(2 * 150 / 3600)


def test_a_run_that_shares_a_gpu_costs_its_part(tmp_path):
    alone = planned(device="cuda")
    study = alone.study.model_copy(
        update={"datasets": {"digits": alone.study.datasets["digits"].model_copy(update={"resources": SHARED})}}
    )
    shared = make_plan(study)
    [(_, whole)], [(_, part)] = cost(alone, tmp_path).expected.items(), cost(shared, tmp_path).expected.items()
    assert part.hours == whole.hours / 2
    assert cost(shared, tmp_path).limit == cost(alone, tmp_path).limit / 2
    measured = rates(*((work, 1.0) for work in set(workloads(alone).values())))
    assert set(cost(shared, tmp_path, measured).expected) == {GUESS}, "measured with the GPU for itself"


SHARED = planned().study.datasets["digits"].resources.model_copy(update={"runs_per_gpu": 2})


def test_the_table_shows_each_source_and_money_if_the_price_is_known(tmp_path):
    plan = planned("flexmatch")
    work = next(iter(workloads(plan).values()))
    text = shown(cost_table(cost(plan, tmp_path, rates((work, 0.01))), 2.0))
    rows = {line.split("  ")[0].strip(): line.split() for line in text.splitlines()}
    assert "cost at 2 an hour" in text
    assert rows["measured on Test GPU (torch 2.0, commit 0123456)"][-4:] == ["2", "4.17", "8.33", "16.7"]
    assert rows["used so far"][-2:] == ["0", "0"]
    assert "cost" not in shown(cost_table(cost(plan, tmp_path), None))


def test_a_file_of_rates_comes_back_as_it_was_and_another_file_is_refused(tmp_path):
    file = rates_file("NVIDIA H100 80GB HBM3", tmp_path)
    assert file == tmp_path / "campaign/rates-nvidia-h100-80gb-hbm3.json"
    assert find_rates(tmp_path) is None
    file.parent.mkdir()
    measured = rates((next(iter(workloads(planned()).values())), 2.5))
    file.write_text(measured.model_dump_json())
    assert read_rates(find_rates(tmp_path)) == measured
    for content in ("[]", "{", '{"device": "x"}', measured.model_dump_json().replace("2.5", "0.0"),
                    measured.model_dump_json().replace('"workload":{', '"workload":{"x":NaN,')):  # fmt: skip
        file.write_text(content)
        with pytest.raises(InputError, match="expected a file that `spl bench --device` wrote"):
            read_rates(file)
    with pytest.raises(InputError, match="No such file"):
        read_rates(tmp_path / "none.json")
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(InputError, match=r"pipe\.json: expected a file$"):
        read_rates(tmp_path / "pipe.json")
    rates_file("another", tmp_path).write_text("{}")
    with pytest.raises(InputError, match="several devices; expected --rates"):
        find_rates(tmp_path)
