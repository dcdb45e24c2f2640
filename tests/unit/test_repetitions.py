"""Jobs done again for an audit: samples of runs and what they prove, comparison of outcomes."""

import hashlib
import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from chain import CHAIN, RESULTS, make, write
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from scipy.stats import hypergeom

from spl.audit import rerun
from spl.audit.planned import PlannedStudy, plan_study
from spl.audit.rerun import Repetition
from spl.audit.sampling import missed, surely_found, what_a_sample_proves
from spl.campaign.rates import Rate, Rates, rates_file, workload
from spl.campaign.requests import run_requests
from spl.errors import InputError
from spl.provenance.clone import CRATE

TINY = Path(__file__).parents[1] / "studies/tiny.yaml"


@pytest.fixture
def console():
    return Console(file=StringIO(), width=300)


def printed(console):
    return console.file.getvalue().splitlines()


@pytest.fixture(scope="module")
def study():
    return plan_study(TINY)


# ---- samples

POPULATION = st.integers(1, 60).flatmap(
    lambda runs: st.tuples(st.just(runs), st.integers(0, runs), st.integers(1, runs))
)


@given(POPULATION)
def test_the_probability_to_miss_is_hypergeometric(numbers):
    runs, forged, drawn = numbers
    assert missed(runs, forged, drawn) == pytest.approx(hypergeom.pmf(0, runs, forged, drawn))


@given(POPULATION)
def test_what_a_sample_excludes_is_missed_rarely_and_one_forged_run_less_is_not(numbers):
    runs, _, drawn = numbers
    least = surely_found(runs, drawn)
    assert missed(runs, least, drawn) <= 0.05 < missed(runs, least - 1, drawn)


@given(POPULATION)
def test_what_a_sample_proves_can_be_said_of_any_number_of_runs(numbers):
    runs, _, drawn = numbers
    said = what_a_sample_proves(runs, drawn)
    assert said.startswith(
        f"{drawn} of {runs} runs reproduced. The probability that such a draw misses every forged run"
    )
    assert said.endswith(" So no run is forged.") == (drawn == runs)


def test_what_six_of_ninety_runs_prove():
    assert what_a_sample_proves(90, 6) == (
        "6 of 90 runs reproduced. The probability that such a draw misses every forged run is 93.3 % if 1, 70.2 % if "
        "5, 52.1 % if 9, 16 % if 23 of the 90 are forged. With 95 % confidence, fewer than 35 runs are forged; 25 runs "
        "would show that fewer than 9 are."
    )


@pytest.fixture
def sampled(study, tmp_path, monkeypatch, console):
    """Draws from a study whose runs all come out as they were, but for those called ``forged``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rerun, "_print_upstream", lambda *_: True)
    forged = set()

    def attempt(job):
        return Repetition(job.name, job.name not in forged, "outcome")

    def draw(count, seed=7, study=study, targets=()):
        monkeypatch.setattr(rerun, "_attempt", attempt)
        console.file.truncate(0), console.file.seek(0)
        same = rerun.rerun_sampled_runs(study, list(targets), count, seed, console)
        return same, [line.strip() for line in printed(console) if line.startswith("  runs/")]

    draw.forged = forged
    return draw


def test_the_draw_is_the_same_on_every_machine_and_a_longer_one_contains_a_shorter(sampled, study):
    runs = [name for name, job in study.jobs.items() if job.subcommand == "train"]
    expected = sorted(runs, key=lambda name: hashlib.sha256(f"audit:7:{name}".encode()).digest())
    backwards = replace(study, jobs=dict(reversed(study.jobs.items())))
    for count in range(1, len(runs) + 1):
        assert sampled(count) == sampled(count, study=backwards) == (True, expected[:count])
    assert {tuple(sampled(2, seed)[1]) for seed in range(20)} > {tuple(expected[:2])}, "the seed counts"


def test_runs_are_drawn_among_those_behind_a_result(sampled, study):
    _, every = sampled(6)
    _, behind = sampled(4, targets=["tables/table1.csv"])
    assert set(behind) < set(every)
    with pytest.raises(InputError, match=r"^--rerun-sample 7: expected 1 to 6, the number of runs to draw from$"):
        sampled(7)
    with pytest.raises(InputError, match="expected 1 to 6"):
        sampled(0)


def test_a_forged_run_is_found_if_it_is_drawn(sampled, console):
    _, drawn = sampled(3)
    sampled.forged.add(drawn[-1])
    assert sampled(2)[0]
    assert "2 of 6 runs reproduced" in printed(console)[-1]
    assert not sampled(3)[0]
    assert printed(console)[-1] == "1 of 3 runs are not what training gives"


def test_the_time_of_a_sample_is_that_of_its_runs(sampled, study, console, monkeypatch):
    monkeypatch.setattr(rerun, "_cores", lambda: 1)

    def heading():
        sampled(2)
        return printed(console)[0]

    assert heading() == "2 of 6 runs, drawn by seed 7, which take an unknown time:"
    for job in study.jobs.values():
        if job.subcommand == "train":
            job.outputs[0].parent.mkdir(parents=True)
            job.outputs[0].touch()
            write(replace(job, inputs=(), outputs=job.outputs[:1]), attempts=[{"seconds": 300.0}] * 2)
    assert heading() == "2 of 6 runs, drawn by seed 7, about 20 minutes, as their manifests record:"
    requests = run_requests(study.plan)
    works = [workload(study.plan, path, request) for path, request in requests.items()]
    rates = [Rate(method="any", workload=work, steps_per_second=0.01) for work in works]
    file = rates_file("cpu", study.results)
    file.parent.mkdir(parents=True)
    file.write_text(Rates(device="cpu", torch="2", commit=None, rates=rates).model_dump_json())
    _, drawn = sampled(2)
    settings = [study.plan.runs[name.removeprefix("runs/")].settings for name in drawn]
    hours = sum(one["stop"] or one["steps"] for one in settings) / 0.01 / 3600
    assert heading() == f"2 of 6 runs, drawn by seed 7, about {hours:.1f} hours, at the rates in {file}:"
    file.with_name("rates-other.json").write_text("")
    assert "as their manifests record" in heading(), "rates of two devices are no rates"


def test_the_last_error_is_read_from_metrics_alone(tmp_path):
    metrics = tmp_path / "metrics.csv"
    metrics.write_text("step,test_error\n1,0.5\n2,0.25\n")
    assert rerun._last_error(tmp_path) == 0.25
    for other in ("," * 10**6 + "\n", "step\n1\n", ""):
        metrics.write_text(other)
        assert rerun._last_error(tmp_path) is None


# ---- outcomes


@pytest.fixture
def again(tmp_path, monkeypatch):
    """The chain, of which a job that is done again writes what the dictionary says, or what it wrote before."""
    monkeypatch.chdir(tmp_path)
    make()
    outcome = {}

    def do_again(job, outputs, folder, loud):
        for path in outputs:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(outcome.get(job.name, json.dumps(job.name)))

    monkeypatch.setattr(rerun, "_do_again", do_again)
    return outcome


def repeated(console, archive=False, targets=()):
    study = PlannedStudy(Path("study.yaml"), None, CHAIN, RESULTS, archive)
    return rerun.rerun_all_but_training(study, list(targets), console), printed(console)


def test_everything_that_trains_nothing_is_repeated_and_each_difference_has_a_line(again, console):
    assert repeated(console) == (True, ["4 of 4 jobs have the same bytes as before; 0 training runs were not repeated"])
    again["second"] = "other"
    same, lines = repeated(console)
    assert not same
    assert lines[1:] == [
        "✗ second: second.json differs from line 1 on",
        "3 of 4 jobs have the same bytes as before; 0 training runs were not repeated",
    ]


def test_an_edit_is_found_whatever_manifest_and_seal_say(again, console):
    CHAIN["third"].outputs[0].write_text("forged")
    write(CHAIN["third"])
    assert repeated(console)[0] is False


def test_a_part_of_a_study_is_repeated(again, console):
    again["aside"] = "other"
    assert repeated(console, targets=["third"])[0]
    assert not repeated(console, targets=["third", "aside"])[0]


def test_what_cannot_be_repeated_is_no_agreement(again, console):
    """But jobs whose raw data are not here are left out, as an audit leaves them out, and say so."""
    Path("raw.gz").unlink()
    same, lines = repeated(console)
    assert same
    assert lines[0] == "– first: left out, since raw.gz is not here"
    assert lines[1].startswith(
        "3 of 3 jobs have the same bytes as before; 1 left out, whose inputs are not here (1 spreadsheet); "
    )
    CHAIN["first"].outputs[0].unlink()
    same, lines = repeated(console)
    assert not same
    assert "✗ second: results/fake/first.json is missing" in lines


def test_results_that_are_not_kept_are_compared_with_their_manifest(again, console):
    CHAIN["third"].outputs[0].unlink()
    assert repeated(console, archive=True)[0]
    again["third"] = "other"
    same, lines = repeated(console, archive=True)
    assert not same
    assert "✗ third: third.json differs from what the manifest records" in lines
    CHAIN["first"].outputs[0].unlink()
    assert "– second: left out, since results/fake/first.json is not here" in repeated(console, archive=True)[1]


def test_a_folder_in_the_place_of_a_result_is_no_result_that_is_not_kept(again, console):
    output = CHAIN["third"].outputs[0]
    output.unlink()
    output.mkdir()
    same, lines = repeated(console, archive=True)
    assert not same
    assert "✗ third: results/fake/third.json: expected a file or nothing" in lines


def test_a_result_of_holes_is_one_outcome_among_the_others(again, console):
    again["first"] = "other"
    with CHAIN["third"].outputs[0].open("wb") as file:
        file.truncate(2**40)
    same, lines = repeated(console)
    assert not same
    assert "✗ first: first.json differs from line 1 on" in lines
    assert "✗ third: results/fake/third.json: expected a file with an end, and not of holes" in lines
    assert lines[-1].startswith("2 of 4 jobs have the same bytes as before")


def test_one_job_is_repeated_by_any_name(again, console):
    study = PlannedStudy(Path("study.yaml"), None, CHAIN, RESULTS)
    for name in (
        "third",
        "third.json",
        "results/fake/third.json",
        str(Path.cwd() / "results/fake/third.manifest.json"),
    ):
        assert rerun.rerun_one(study, name, console)
    assert printed(console)[-1] == "✓ third: the same bytes"
    Path("raw.gz").rename("aside")
    assert rerun.rerun_one(study, "third", console)
    assert printed(console)[-2] == "✓ first fresh: raw.gz is not on this machine, so it was not compared"
    Path("aside").rename("raw.gz")
    CHAIN["first"].outputs[0].write_text("edited")
    assert not rerun.rerun_one(study, "third", console), "from inputs that are not fresh"
    assert "first tampered" in printed(console)[-3]
    assert printed(console)[-1] == "✗ third: the same bytes, from inputs that are not fresh"
    with pytest.raises(InputError, match=r"^results: expected one result of study.yaml to compute again, found 0$"):
        rerun.rerun_one(study, "results", console)
    CHAIN["first"].outputs[0].unlink()
    with pytest.raises(InputError, match=r"first\.json: missing; make it with `snakemake results/fake/first\.json"):
        rerun.rerun_one(study, "second", console)
    Path(CRATE).touch()  # of a crate, whose code may be anybody's
    with pytest.raises(InputError, match=r"first\.json: missing; no commands are advised: only an audit"):
        rerun.rerun_one(study, "second", console)
    Path(CRATE).unlink()
    Path("raw.gz").unlink()
    with pytest.raises(InputError, match=r"^first: not computed again and not compared, since raw\.gz is not here$"):
        rerun.rerun_one(study, "first", console)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (b"a\nb\n", b"a\nc\n", "x.csv differs from line 2 on"),
        (b"a\n", b"a\nb\n", "x.csv differs from line 2 on"),
        (b"a\r\n", b"a\n", "x.csv differs in ends of lines"),
        (b"\xff", b"\xfe", "x.csv differs from line 1 on"),
    ],
)
def test_a_difference_of_texts_has_a_line(tmp_path, before, after, expected):
    for folder, content in (("old", before), ("new", after)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.csv").write_bytes(content)
    assert rerun._difference(tmp_path / "old/x.csv", tmp_path / "new/x.csv") == expected


def test_metrics_that_cannot_be_read_are_a_difference(tmp_path):
    job = replace(CHAIN["first"], outputs=(tmp_path / "run/metrics.csv",))
    again = tmp_path / "again"
    for folder, content in ((tmp_path / "run", "nonsense\n"), (again, "test_error\n0.5\n")):
        folder.mkdir()
        (folder / "metrics.csv").write_text(content)
    assert rerun._compare_runs(job, ["metrics.csv"], again) == Repetition("first", False, "metrics.csv differ")
