"""The time of a step by method: a ratio within one machine and one way of training."""

import json

import pytest

from spl.provenance.step_times import step_times

TITLES = {"fixmatch": "FixMatch", "smooth-fixmatch": "Smooth FixMatch"}


def manifest(folder, name, method, seconds, host="here", first=0, status="done", threshold=0.95, **settings):
    """The manifest of a run of 100 steps whose last attempt took so many seconds; an earlier one was interrupted."""
    content = {
        "subcommand": "train", "code": {"fingerprint": "", "modules": []}, "inputs": {}, "outputs": {},
        "parameter": {"method": method, "dataset": "digits",
                      "settings": {"steps": 100, "threshold": threshold, "mu": 7} | settings},
        "repository": None, "lock": "", "packages": {}, "hardware": {"processor": "one"}, "environment": {},
        "host": host, "slurm_job": None, "begun": "", "ended": "",
        "attempts": [{"first": 0, "status": "interrupted", "seconds": 1000.0},
                     {"first": first, "status": status, "seconds": seconds}],
    }  # fmt: skip
    (folder / f"{name}.manifest.json").write_text(json.dumps(content))
    return name


def times(folder, *runs):
    return {row["method"]: row for row in step_times(runs, folder, TITLES, ["mu", "threshold"])}


def test_each_run_is_compared_with_the_median_of_fixmatch(tmp_path):
    runs = [manifest(tmp_path, f"f{number}", "fixmatch", time) for number, time in enumerate((10, 20, 60))]
    runs += [manifest(tmp_path, f"s{number}", "smooth-fixmatch", time) for number, time in enumerate((18, 22, 24, 30))]
    found = times(tmp_path, *runs)
    assert list(found) == ["FixMatch", "Smooth FixMatch"]
    ratios = {"median": 1.15, "least": 0.9, "most": 1.5}
    assert found["Smooth FixMatch"] == {"method": "Smooth FixMatch", "runs": 4} | {
        name: pytest.approx(ratio) for name, ratio in ratios.items()
    }


def test_only_the_steps_of_the_attempt_that_finished_count(tmp_path):
    runs = [manifest(tmp_path, "f", "fixmatch", 10), manifest(tmp_path, "s", "smooth-fixmatch", 5, first=50)]
    assert times(tmp_path, *runs)["Smooth FixMatch"]["median"] == pytest.approx(1)


@pytest.mark.parametrize("other", [{"host": "there"}, {"batch": 8}, {"status": "failed"}, {"first": 100}])
def test_other_machines_and_settings_and_unfinished_runs_are_not_compared(tmp_path, other):
    runs = [manifest(tmp_path, "f", "fixmatch", 10), manifest(tmp_path, "s", "smooth-fixmatch", 5, **other)]
    assert list(times(tmp_path, *runs)) == ["FixMatch"]


def test_methods_whose_steps_have_another_number_of_unlabelled_images_are_left_out(tmp_path):
    runs = [manifest(tmp_path, "f", "fixmatch", 10), manifest(tmp_path, "s", "smooth-fixmatch", 5, mu=1)]
    assert list(times(tmp_path, *runs)) == ["FixMatch"]


@pytest.mark.parametrize(
    "changes",
    [
        {"attempts": [{"begun": ""}]},
        {"attempts": [{"status": "done", "seconds": 5.0}]},
        {"parameter": {"settings": []}},
    ],
)
def test_a_manifest_that_no_run_wrote_stops_nothing(tmp_path, changes):
    runs = [manifest(tmp_path, "f", "fixmatch", 10), manifest(tmp_path, "s", "smooth-fixmatch", 5)]
    path = tmp_path / "s.manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    assert list(times(tmp_path, *runs)) == ["FixMatch"]


def test_settings_of_methods_may_differ_and_a_missing_manifest_stops_nothing(tmp_path):
    runs = [manifest(tmp_path, "f", "fixmatch", 10), manifest(tmp_path, "s", "smooth-fixmatch", 5, threshold=0.9)]
    assert times(tmp_path, "absent", *runs)["Smooth FixMatch"]["median"] == pytest.approx(0.5)
    assert times(tmp_path, "absent", runs[1]) == {}
