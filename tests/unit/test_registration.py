"""A registration holds everything that decides the runs and the tests of a study, and the audit names what deviates."""

import copy
import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from project import ROOT
from snakemake.cli import parse_config
from test_registered_study import content, with_folds

from spl.audit.deviations import check_registration
from spl.audit.look import record_look
from spl.audit.recorded_looks import RecordedLook, runs_digest
from spl.audit.register import registration_text, write_registration
from spl.audit.report import registration_lines
from spl.audit.verdicts import Node
from spl.campaign.registration import at_last_look, registered_jobs, registration, registration_file
from spl.code import equivalence
from spl.errors import InputError
from spl.provenance.manifest import Code, Manifest
from spl.study.plan import make_plan
from spl.study.reading import check_study

STUDY = Path("config/tiny.yaml")


def changed(path, value):
    """The registered study with another value at a dotted path."""
    study = content()
    at = study
    *above, last = path.split(".")
    for key in above:
        at = at.setdefault(key, {})
    at[last] = value
    return study


def text(study):
    return registration_text(registration(check_study(study, "study.yaml"), {}))


def test_the_same_study_has_the_same_registration():
    assert text(content()) == text(content())


def reordered():
    study = content()
    return study | {"experiments": dict(reversed(study["experiments"].items()))}


SAME = {
    "title": changed("title", "Another title"),
    "why a value was chosen": changed("assumed", {"training.steps": "to save time"}),
    "resources": changed("datasets.digits.resources", {"mem_mb": 1, "runtime": 1}),
    "the order of the experiments": reordered(),
    "a range in place of its numbers": with_folds("0-1"),
    "the folds of the next look": with_folds([0, 1, 2]),
    "a default that is written out": changed("training.learning_rate", 0.03),
}


@pytest.mark.parametrize("what", SAME)
def test_it_does_not_depend_on(what):
    assert text(SAME[what]) == text(content())


OTHER = {
    "a claim": content(claims=["scarce-labels", "twins"]),
    "the primary claim": content(primary="flips"),
    "the looks": content(looks=[1, 3]),
    "a level": content(levels=[0.02, 0.03]),
    "another setting": changed("training.steps", 151),
    "a setting of a data set": changed("datasets.digits.training.network", "wrn-16-1"),
    "a setting of a method": changed("methods", {"smooth-fixmatch": {"threshold": 0.9}}),
    "a setting of an experiment": changed("experiments.scarce-labels.training", {"momentum": 0.8}),
    "a setting of one method in one experiment": changed(
        "experiments.scarce-labels.methods", {"fixmatch": {"lambda_u": 0.5}, "smooth-fixmatch": {}}
    ),
    "a variant": changed("experiments.scarce-labels.variants", [{}, {"threshold": 0.9}]),
    "a method": changed("experiments.scarce-labels.methods", ["fixmatch", "smooth-fixmatch", "flexmatch"]),
    "a training seed": changed("experiments.scarce-labels.seeds", [1]),
    "a seed of the last look": changed("fold_seeds", [0, 1, 3]),
    "a labelled set": changed("experiments.scarce-labels.split.per_class", 2),
    "a labelled set without runs": changed("experiments.random-labels.split.labels", [20, 31]),
    "the calibration": changed("datasets.digits.calibration.steps", 50),
    "the instructions": changed("training.instructions", "sse4"),
    "what counts as a collapsed class": changed("basins", {"collapsed": 0.02}),
    "the margin of equivalence": changed("no_effect", {"margin": 0.01}),
    "when a method counts as stable": changed("stability", {"mean_below": 0.2}),
}


@pytest.mark.parametrize("what", OTHER)
def test_it_depends_on(what):
    assert text(OTHER[what]) != text(content())


def test_every_parameter_up_to_the_last_look_can_be_read_from_it():
    study = check_study(content(), "study.yaml")
    jobs = registered_jobs(make_plan(at_last_look(study)))
    arms = json.loads(text(content()))["jobs"]
    stated = {}
    for arm, parameters in arms.items():
        for place, own in parameters["each"].items():
            parts = iter(place.split())
            stated[re.sub(r"\*", lambda _: next(parts), arm)] = parameters["all"] | own  # noqa: B023 - used at once
    planned = {job.name: {key: value for key, value in job.content.items() if key != "code"} for job in jobs}
    assert stated == planned
    assert any("fold2" in name for name in stated), "the folds of the last look are in it"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A repository with the study in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("spl.provenance.git.PROJECT", tmp_path)
    STUDY.parent.mkdir()
    write(content())
    git("init", "--quiet")
    return tmp_path


def write(study):
    STUDY.write_text(yaml.safe_dump(study))


TIMES = {"early": "2026-01-01T00:00:00+00:00", "registered": "2026-01-02T00:00:00+00:00"}
LATER = "2026-01-03T00:00:00+00:00"


def git(*arguments, at=TIMES["registered"]):
    """Run git, as somebody at that time; returns what it prints."""
    by = {f"GIT_{role}_{what}": "a" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
    done = subprocess.run(["git", *arguments], env=os.environ | by | dates, stdout=-1, check=True, text=True)
    return done.stdout.strip()


def commit(at=TIMES["registered"]):
    git("add", "--all")
    git("commit", "--quiet", "--allow-empty", "--message", "x", at=at)
    return git("rev-parse", "HEAD")


def registered_study():
    """The study, registered and committed; returns the commit."""
    write_registration(STUDY)
    return commit()


def run_nodes(at, begun=LATER, study=None, results="1" * 64, attempts=()):
    """Verdicts on finished runs, as an audit hands them on; ``at`` is the commit that they began at."""
    nodes = []
    for job in registered_jobs(make_plan(check_study(study or content(), "study.yaml"))):
        if job.subcommand == "train":
            manifest = Manifest(
                subcommand="train", parameter=job.content, code=Code(fingerprint=job.content["code"], modules=[]),
                inputs={}, outputs={str(path): results for path in job.outputs},
                repository=at and {"commit": at, "diff": None}, lock="", packages={}, hardware={}, environment={},
                host="", slurm_job=None, begun=begun, ended="", attempts=list(attempts),
            )  # fmt: skip
            nodes.append(Node(job.name, "fresh", subcommand="train", files=job.outputs, manifest=manifest))
    return nodes


def check(nodes=(), study=None):
    return check_registration(STUDY, check_study(study or content(), str(STUDY)), list(nodes))


FIRST = "runs/digits/balanced-40/fold0/fixmatch/seed0"


def test_a_study_without_a_registration_is_none_unless_it_says_so(folder):
    plain = content()
    del plain["registered"]
    assert check(study=plain) is None
    assert check().deviations == (
        "config/tiny.registration.json is missing; `spl register config/tiny.yaml` writes it, before the first run",
    )


def test_a_study_that_keeps_its_registration_through_the_looks(folder):
    at = registered_study()
    for study in (with_folds([0]), content(), LATER_FOLDS):
        kept = check(run_nodes(at, study=study), study)
        record(look(run_nodes(at)))
        assert (kept.deviations, kept.notes) == ((), ())
    assert (
        kept.digest
        == subprocess.run(
            ["sha256sum", registration_file(STUDY)], capture_output=True, text=True, check=True
        ).stdout.split()[0]
    ), "the digest is that of the file, so that everybody can compute it"
    assert list(registration_lines(kept)) == [f"registration {kept.digest[:12]}: kept"]


def test_another_setting_is_named_with_the_runs_that_it_concerns(folder):
    at = registered_study()
    study = changed("training.steps", 160)
    lines = check(run_nodes(at, study=study), study).deviations
    assert "runs/digits/balanced-40/*/fixmatch/*: settings.steps: 150 became 160 (fold0 seed0 and 2 more)" in lines
    assert all("settings.steps: 150 became 160" in line for line in lines)


def test_another_labelled_set_is_named_once_for_all_runs_of_an_arm(folder):
    registered_study()
    lines = check(study=changed("fold_seeds", [0, 5, 6])).deviations
    assert "runs/digits/balanced-40/*/fixmatch/*: split_seed: 1 became 5 (fold1 seed0 and 1 more)" in lines
    assert len(lines) == 5, "two methods, three kinds of labelled sets"


def test_another_test_is_named(folder):
    registered_study()
    study = content(levels=[0.02, 0.03])
    assert check(study=study).deviations == ("registered.levels: [0.01, 0.04] became [0.02, 0.03]",)
    assert check(study=changed("no_effect", {"margin": 0.02})).deviations == (
        "limits.no_effect.margin: 0.005 became 0.02",
    )


def with_momenta(*momenta):
    return changed("experiments.scarce-labels.variants", [{"momentum": momentum} for momentum in momenta])


def with_default_momentum(momentum):
    """Methods keep theirs, so that all runs are the same."""
    methods = content()["experiments"]["scarce-labels"]["methods"]
    given = changed("training.momentum", momentum)
    return given | {"methods": {method: {"momentum": 0.9} for method in methods}}


def without_paper():
    study = content()
    for dataset in study["datasets"].values():
        del dataset["stands_in_for"]
    return study


COMPARED = "tests.runs.scarce-labels.smooth-fixmatch"
RETESTED = {
    "another variant, which is the first now": (
        with_momenta(0.8, 0.9), with_momenta(0.9, 0.8),
        f"{COMPARED}: the same elements, in another order",
    ),
    "another default, from which errors rise": (
        with_default_momentum(0.9), with_default_momentum(0.97),
        "tests.defaults.scarce-labels.momentum: 0.9 became 0.97",
    ),
    "no table of claims": (content(), without_paper(), "tests."),
}  # fmt: skip


@pytest.mark.parametrize("what", RETESTED)
def test_another_test_of_the_same_runs_is_named(folder, what):
    """As by somebody who chooses it by the results."""
    registered, chosen, line = RETESTED[what]
    write(registered)
    registered_study()
    jobs = [
        [(job.name, job.parameter) for job in registered_jobs(make_plan(check_study(study, "s.yaml")))]
        for study in (registered, chosen)
    ]
    assert sorted(jobs[0]) == sorted(jobs[1])
    assert check(study=registered).deviations == ()
    deviations = check(study=chosen).deviations
    assert deviations
    assert all(deviation.startswith("tests.") for deviation in deviations)
    assert any(deviation.startswith(line) for deviation in deviations)


def test_the_runs_by_which_the_gate_measures_are_registered():
    """They depend on where a study writes a setting, on which no run depends."""
    study = yaml.safe_load((ROOT / "config/digits.yaml").read_text())
    registered = registration(check_study(study, "digits.yaml"), {})
    study["experiments"]["matched-weight"] |= {
        "methods": {"fixmatch": {}, "smooth-fixmatch": {"lambda_u": "calibrated"}},
        "training": {"lambda_u": 0.73},
    }
    other = registration(check_study(study, "digits.yaml"), {})
    assert [section for section in registered if registered[section] != other[section]] == ["tests"]
    measured = [one["tests"]["gate"]["runs"]["matched-weight"] for one in (registered, other)]
    assert [arm["folds"] for [arm] in (runs.values() for runs in measured)] == ["0-59", "0-19"]


def test_a_study_without_a_table_of_claims_is_neither_registered_nor_looked_at(folder):
    registered_study()
    registration_file(STUDY).rename(kept := folder / "kept.json")
    write(without_paper())
    with pytest.raises(InputError, match=r"tiny.yaml: has no table of claims; expected a data set of the paper"):
        write_registration(STUDY)
    kept.rename(registration_file(STUDY))
    with pytest.raises(InputError, match=r"tiny.yaml: has no table of claims, and so no look"):
        record_look(STUDY)


def test_images_that_an_archive_does_not_keep_are_those_of_the_manifest(folder):
    registered_study()
    [job] = [job for job in registered_jobs(make_plan(check_study(content(), "s.yaml"))) if job.subcommand == "data"]
    for sha256, expected in ((section("data")["digits"], 0), ("f" * 64, 1)):
        manifest = Manifest(
            subcommand="data", parameter=job.content, code=Code(fingerprint=job.content["code"], modules=[]),
            inputs={}, outputs=dict.fromkeys(map(str, job.outputs), sha256), repository=None, lock="", packages={},
            hardware={}, environment={}, host="", slurm_job=None, begun=LATER, ended=LATER,
        )  # fmt: skip
        deviations = check([Node(job.name, "recorded", subcommand="data", manifest=manifest)]).deviations
        assert len(deviations) == expected
        assert all(line.startswith("data.digits: ") and line.endswith("became ffffffffffff") for line in deviations)


def test_a_study_goes_on_after_no_look_that_decided(folder):
    """Its verdict would be replaced by the one of the next look."""
    at = registered_study()
    for verdict in ("undecided", "contradicted"):
        record(look(run_nodes(at), verdict=verdict))
        assert not [line for line in check().deviations if "by now" in line]
        lines = [line for line in check(study=LATER_FOLDS).deviations if "by now" in line]
        expected = f"look at 2 folds: scarce-labels is {verdict}, and the study has 3 folds by now"
        assert lines == ([] if verdict == "undecided" else [expected])


def test_of_a_registration_without_tests_is_known_that_there_was_a_table_of_claims(folder):
    """Registrations of earlier versions."""
    registered_study()
    file = registration_file(STUDY)
    registered = json.loads(file.read_text())
    del registered["tests"]
    file.write_text(registration_text(registered))
    earlier = file.read_bytes()
    kept = check()
    assert kept.deviations == ()
    [note] = kept.notes
    assert note == "tests: the registration, of an earlier version, does not say which runs its claims compare"
    assert check(study=without_paper()).deviations == ("tests: the study has no table of claims any more",)
    assert write_registration(STUDY)[0].startswith(f"{file}: unchanged, sha256 ")
    assert file.read_bytes() == earlier


def test_runs_that_are_left_out_or_added_to_a_registered_experiment_are_named(folder):
    registered_study()
    lines = check(study=changed("experiments.scarce-labels.methods", ["fixmatch"])).deviations
    assert "runs/digits/balanced-40/*/smooth-fixmatch/*: no longer planned (fold0 seed0 and 2 more)" in lines
    [line] = check(study=changed("experiments.scarce-labels.seeds", [0, 1])).deviations
    assert line == 'experiments.scarce-labels.seeds: "0" became "0-1"'
    study = with_folds([0, 1, 2, 3]) | {"fold_seeds": [0, 1, 2, 3]}
    record(look(()), look((), folds=3, level=0.04))
    assert check(study=study).deviations == ('experiments.scarce-labels.folds: "0-2" became "0-3"',)


def test_a_further_experiment_is_exploratory_and_no_deviation(folder):
    at = registered_study()
    study = content()
    study["experiments"]["more"] = copy.deepcopy(study["experiments"]["scarce-labels"]) | {"seeds": [5]}
    kept = check(run_nodes(at, study=study), study)
    assert (kept.deviations, kept.notes) == ((), ("experiments.more is not registered",))


def test_a_study_that_no_longer_says_that_it_is_registered(folder):
    registered_study()
    study = content()
    del study["registered"]
    assert check(study=study).deviations == ("registered: no longer in config/tiny.yaml",)


SCARCE = "runs/digits/balanced-40/*/{}/*: not in the registration (fold0 seed0 and 2 more)"


def frozen_without(**emptied):
    """Write another registration in the place of the study's: with these sections."""
    file = registration_file(STUDY)
    file.write_text(registration_text(json.loads(file.read_text()) | emptied))


def section(name):
    return json.loads(registration_file(STUDY).read_text())[name]


def test_whatever_a_registration_lacks_of_its_experiments_is_named(folder):
    registered_study()
    whole = {name: section(name) for name in ("jobs", "code", "data", "experiments")}
    runs = {arm for arm in whole["jobs"] if arm.startswith("runs/")}
    without_runs = {arm: jobs for arm, jobs in whole["jobs"].items() if arm not in runs}
    for jobs in (
        {},
        without_runs,
        {arm: given | {"each": {}} for arm, given in whole["jobs"].items()},
    ):
        frozen_without(jobs=jobs)
        lines = check().deviations
        assert {SCARCE.format(method) for method in ("fixmatch", "smooth-fixmatch")} <= set(lines)
        assert len(lines) == len(runs if jobs == without_runs else whole["jobs"])
    frozen_without(**whole | {"jobs": without_runs | {arm: whole["jobs"][arm] for arm in sorted(runs)[1:]}})
    assert [line.partition(":")[0] for line in check().deviations] == sorted(runs)[:1]
    frozen_without(**whole | {"code": {}})
    assert check().deviations == tuple(f"code of {kind}: not in the registration" for kind in whole["code"])
    frozen_without(**whole | {"code": whole["code"] | {"split": ""}})
    assert check().deviations == (f"code of split:  became {whole['code']['split'][:12]}, not declared equivalent",)
    frozen_without(**whole | {"data": {}})
    assert check().deviations == ("data.digits: not in the registration",)
    frozen_without(**whole | {"experiments": {}, "jobs": {}, "code": {}, "data": {}})
    kept = check()
    assert kept.deviations == ("experiments.scarce-labels: not in the registration",)
    assert kept.notes == ("experiments.random-labels is not registered",), "no claim is about it"
    frozen_without(**whole)
    assert check().deviations == ()


def test_the_experiments_of_the_gate_are_registered_with_it(folder):
    study = content() | {"gate": {"coverage": 0.9, "distance": 0.05, "low_basin": [0.05, 0.6]}}
    study["experiments"]["fully-supervised"] = {
        "dataset": "digits", "split": {"scheme": "full"}, "methods": ["supervised"]
    }  # fmt: skip
    write(study)
    registered_study()
    assert check(study=study).deviations == ()
    whole = section("experiments")
    frozen_without(experiments={name: whole[name] for name in whole if name != "fully-supervised"})
    assert "experiments.fully-supervised: not in the registration" in check(study=study).deviations


def test_images_that_were_not_here_when_they_were_registered_are_a_note(folder, monkeypatch):
    """Nobody can tell whether they were still to be downloaded, or whether their sha256 was taken out."""
    study = content()
    study["datasets"]["digits"]["source"] = "fashion-mnist"
    monkeypatch.setattr("spl.audit.register._described", lambda study: {})
    write(study)
    registered_study()
    kept = check(study=study)
    assert (kept.deviations, kept.notes) == ((), ("data.digits: not in the registration",))


@pytest.mark.parametrize(
    "emptied", [{}, {"jobs": {}}, {"jobs": {}, "code": {}, "data": {}, "experiments": {}}, {"experiments": {}}]
)
def test_runs_that_a_registration_leaves_out_began_before_it_all_the_same(folder, emptied):
    before = commit(TIMES["early"])
    write_registration(STUDY)
    frozen_without(**emptied)
    commit()
    lines = check(run_nodes(before)).deviations
    assert f"{FIRST} and 5 more: began at commit {before[:12]}, which has no config/tiny.registration.json" in lines


@pytest.fixture
def declared(tmp_path, monkeypatch):
    """Declares equivalences."""

    def declare(*declarations):
        file = tmp_path / "equivalent.yaml"
        file.write_text(yaml.safe_dump([dict(one) for one in declarations]))
        monkeypatch.setattr(equivalence, "DECLARED", file)
        equivalence.declared.cache_clear()

    yield declare
    equivalence.declared.cache_clear()


def test_other_code_is_named_unless_it_is_declared_equivalent(folder, declared):
    registered_study()
    file = registration_file(STUDY)
    frozen = json.loads(file.read_text())
    present, before = frozen["code"]["train fixmatch"], "0" * 64
    frozen["code"]["train fixmatch"] = before
    file.write_text(registration_text(frozen))
    assert check().deviations == (
        f"code of train fixmatch: 000000000000 became {present[:12]}, not declared equivalent",
    )
    declared({"subcommand": "train", "old": before, "new": present, "reason": "compared on all runs"})
    kept = check()
    assert (kept.deviations, kept.notes) == (
        (), ("code of train fixmatch, declared equivalent: compared on all runs",)
    )  # fmt: skip


def test_code_that_was_declared_equivalent_to_older_code_after_the_registration_is_the_same_code(folder, declared):
    registered_study()
    present = json.loads(registration_file(STUDY).read_text())["code"]["train fixmatch"]
    declared({"subcommand": "train", "old": "0" * 64, "new": present, "reason": "results of another study"})
    kept = check()
    assert (kept.deviations, kept.notes) == ((), ())


def test_other_images_are_named(folder):
    registered_study()
    description = Path("results/tiny/data/digits/dataset.json")
    description.parent.mkdir(parents=True)
    description.write_text("{}")
    [line] = check().deviations
    assert re.fullmatch(r"data\.digits: [0-9a-f]{12} became 44136fa355b3", line)


@pytest.mark.parametrize(
    "make",
    [lambda path: path.symlink_to("/etc/hostname"), lambda path: path.touch() or os.truncate(path, 2**42), os.mkfifo],
    ids=["a link", "holes", "a pipe"],
)
def test_what_is_no_description_of_images_counts_as_none(folder, make):
    """The audit says what is wrong with this result."""
    registered_study()
    description = Path("results/tiny/data/digits/dataset.json")
    description.parent.mkdir(parents=True)
    make(description)
    assert check().deviations == ()


def test_runs_that_began_before_the_registration_was_committed(folder):
    before = commit(TIMES["early"])
    registered_study()
    place = "config/tiny.registration.json"
    [line] = check(run_nodes(before)).deviations
    assert line == f"{FIRST} and 5 more: began at commit {before[:12]}, which has no {place}"
    last = check(run_nodes(before)[:1]).deviations
    assert last == (f"{FIRST}: began at commit {before[:12]}, which has no {place}",)


def test_runs_that_began_at_another_registration(folder):
    write(content(levels=[0.02, 0.03]))
    other = registered_study()
    write(content())
    registered_study()
    [line] = check(run_nodes(other)).deviations
    assert f"began at commit {other[:12]}, whose config/tiny.registration.json is another one" in line


def test_runs_that_were_resumed_count_from_their_first_attempt(folder):
    at = registered_study()
    attempts = [{"begun": TIMES["early"]}, {"begun": LATER}]
    [line] = check(run_nodes(at, attempts=attempts)).deviations
    assert "began before the registration was committed (2026-01-02T00:00:00+00:00)" in line
    assert check(run_nodes(at, attempts=attempts[1:])).deviations == ()


def test_a_registration_counts_from_when_it_first_had_its_content(folder):
    write(content(levels=[0.02, 0.03]))
    write_registration(STUDY)
    commit(TIMES["early"])
    write(content())
    registered_study()
    registered = registration_file(STUDY).read_bytes()
    begun = "2026-01-01T12:00:00+00:00"  # between the two
    assert check(run_nodes(commit(LATER), begun=begun)).deviations
    registration_file(STUDY).write_text("{}")
    commit(LATER)
    registration_file(STUDY).write_bytes(registered)
    at = commit("2026-02-01T00:00:00+00:00")
    assert check(run_nodes(at)).deviations == (), "the same content again, and later commits, move it nowhere"


def test_what_cannot_be_compared_is_a_note(folder, monkeypatch):
    registered_study()
    kept = check(run_nodes("f" * 40))
    assert kept.deviations == ()
    assert kept.notes == (
        f"{FIRST} and 5 more: not compared with the registration: commit ffffffffffff is not in this repository",
    )
    assert check(run_nodes("--help")).notes, "what a manifest says is never an option of git"
    monkeypatch.setattr("spl.provenance.git.PROJECT", folder / "elsewhere")
    assert "config/tiny.registration.json is not in a repository of this project" in check(run_nodes("f" * 40)).notes[0]
    assert check([]).notes == (), "of no run there is nothing to compare"


def test_runs_that_nothing_dates(folder):
    at = registered_study()
    [line] = check(run_nodes(None)).deviations
    assert "was run outside a repository, so nothing shows that it began after the registration" in line
    [line] = check(run_nodes(at, begun="")).deviations
    assert "has no time of its beginning in its manifest" in line


@pytest.mark.parametrize("damage", ["", "[]", '{"study": "tiny"}', "\0"])
def test_a_damaged_registration_or_record_of_looks_is_named(folder, damage):
    registered_study()
    registration_file(STUDY).write_text(damage)
    assert check().deviations == (
        "config/tiny.registration.json: expected a registration, as `spl register` writes it",
    )
    registration_file(STUDY).unlink()
    write_registration(STUDY)
    STUDY.with_suffix(".looks.json").write_text(damage or "{}")
    if damage != "[]":
        assert check().deviations == ("config/tiny.looks.json: expected looks, as `spl register --look` records them",)


def test_a_registration_that_is_nested_too_deeply_is_none(folder):
    registered_study()
    file = registration_file(STUDY)
    deep = '{"a": ' * 900 + "1" + "}" * 900
    file.write_text(file.read_text().replace('"limits": {', f'"limits": {{"deep": {deep},', 1))
    assert check().deviations == (f"{file}: expected a registration, as `spl register` writes it",)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_file_in_the_place_of_the_record_of_looks_is_named_and_not_waited_for(folder, make):
    registered_study()
    make(STUDY.with_suffix(".looks.json"))
    assert check().deviations == ("config/tiny.looks.json: expected looks, as `spl register --look` records them",)


def look(nodes, **changes):
    """The look at two folds, as it was recorded after these runs."""
    looked_at = [node.name.removeprefix("runs/") for node in nodes if "stop" not in node.name]
    runs = runs_digest({node.name: node for node in nodes}, looked_at)
    outcome = {"claim": "scarce-labels", "effect": 0.002, "p": 0.5, "p_opposite": 0.75, "verdict": "undecided"}
    return RecordedLook(**{"folds": 2, "level": 0.01, "runs": runs, **outcome, **changes})


def record(*looks):
    STUDY.with_suffix(".looks.json").write_text(json.dumps([one.model_dump() for one in looks]))


LATER_FOLDS = with_folds([0, 1, 2])


def test_results_that_changed_after_they_were_looked_at(folder):
    at = registered_study()
    nodes = run_nodes(at)
    record(look(nodes))
    assert check(nodes).deviations == ()
    assert check(run_nodes(at, study=LATER_FOLDS), LATER_FOLDS).deviations == ()
    assert check(nodes[:1]).deviations == (), "an audit of a part"
    assert check(run_nodes(at, results="2" * 64)).deviations == (
        "look at 2 folds: its runs have other results than those looked at",
    )


@pytest.mark.parametrize("name", ["tiny study.yaml", "tiny$(touch ran).yaml", "tiny\"'.yaml"])
def test_the_command_that_builds_the_table_of_claims_holds_the_study_as_one_word(folder, monkeypatch, name):
    study = STUDY.with_name(name)
    STUDY.rename(study)
    write_registration(study)
    stale = Node("tables/claims", "stale", subcommand="table", why=("its code changed",))
    monkeypatch.setattr("spl.audit.look.run_state", lambda *_: "done")
    monkeypatch.setattr("spl.audit.look.judge", lambda *_, **__: {stale.name: stale})
    with pytest.raises(InputError, match="tables/claims: stale: its code changed; ") as refused:
        record_look(study)
    command = str(refused.value).partition("`")[2].rpartition("`")[0]
    *words, last = shlex.split(command)
    assert words == ["snakemake", "claims", "--config", "partial=true"]
    assert parse_config([last]) == {"study": str(study)}


def claims_table(n, verdict="fresh"):
    """The verdict on a table of claims that tests the primary one on n folds."""
    path = Path("results/tiny/tables/claims.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {"n": n, "effect": 0.002, "p_supported": 0.5, "p_contradicted": 0.75}
    lines = [f"scarce-labels,,,{name},{value}" for name, value in values.items()]
    lines += ["scarce-labels,,undecided,verdict_at_level,0.01", "scarce-labels,0,,difference,0.5", "flips,,,effect,9"]
    path.write_text("\n".join(["claim,fold,verdict,quantity,value", *lines, ""]))
    return Node("tables/claims", verdict, subcommand="table", files=(path,))


@pytest.mark.parametrize(
    ("changes", "deviation"),
    [
        ({"effect": 0.02}, "effect is 0.02, the table of claims has 0.002"),
        ({"p": 0.001}, "p is 0.001, the table of claims has 0.5"),
        ({"p_opposite": None}, "p_opposite is null, the table of claims has 0.75"),
        ({"verdict": "supported"}, 'verdict is "supported", the table of claims has "undecided"'),
        ({"level": 0.05}, "level is 0.05, the registration has 0.01"),
        ({"claim": "flips"}, 'claim is "flips", the registration has "scarce-labels"'),
    ],
)
def test_a_look_on_record_is_as_registered_and_as_the_table_of_claims_has_it(folder, changes, deviation):
    nodes = run_nodes(registered_study())
    record(look(nodes))
    assert check([*nodes, claims_table(2)]).deviations == ()
    record(look(nodes, **changes))
    assert check([*nodes, claims_table(2)]).deviations == (f"look at 2 folds: {deviation}",)
    for table in ((3, "fresh"), (2, "stale")):
        assert check([*nodes, claims_table(*table)]).deviations == (f"look at 2 folds: {deviation}",) * (
            "registration" in deviation
        )


@pytest.mark.parametrize("audited", [True, False], ids=["a table that is missing", "a part"])
def test_a_look_whose_table_is_not_here_is_as_the_findings_have_it(folder, monkeypatch, audited):
    """As in an archive of a study that goes on, and in an audit of a part."""
    runs, table = run_nodes(registered_study()), claims_table(2, "missing")
    monkeypatch.setattr("spl.audit.recorded_looks.COMMITTED", folder)
    table.files[0].rename(folder / "tiny-claims.csv")
    nodes = [*runs, table] if audited else runs
    record(look(runs))
    assert check(nodes).deviations == ()
    record(look(runs, verdict="supported"))
    assert check(nodes).deviations == ('look at 2 folds: verdict is "supported", docs/findings has "undecided"',)
    (folder / "tiny-claims.csv").write_text((folder / "tiny-claims.csv").read_text().replace(",n,2", ",n,3"))
    assert check(nodes).deviations == (), "the findings are of another look"


def test_a_look_at_more_folds_than_the_study_has_is_named(folder):
    """It was invented, or folds were taken back."""
    nodes = run_nodes(registered_study())
    record(look(nodes), look(nodes, folds=3, level=0.04))
    assert check(nodes).deviations == ("look at 3 folds: on record, and the study has 2 folds",)


def test_a_look_that_nothing_in_an_archive_can_be_compared_with_is_named(folder):
    nodes = run_nodes(registered_study())
    record(look(nodes))
    table = claims_table(2, "recorded")
    assert check([*nodes, table]).deviations == (), "another file of the table is not kept"
    table.files[0].unlink()
    assert check([*nodes, table]).deviations == (
        "results/tiny/tables/claims.csv is not here, with which the look at 2 folds is compared",
    )
    assert check([*run_nodes(commit(), study=LATER_FOLDS), table], LATER_FOLDS).deviations == (), "an earlier look"
    assert check(nodes).deviations == (), "an audit of a part"


def test_a_look_that_is_not_on_record_any_more_is_named(folder):
    at = registered_study()
    assert check(run_nodes(at)).deviations == (), "it may still be recorded"
    assert check(run_nodes(at, study=LATER_FOLDS), LATER_FOLDS).deviations == (
        "look at 2 folds: not on record, and the study has 3 folds by now",
    )
    record(look(run_nodes(at)), look(run_nodes(at), p=0.001))
    assert check().deviations == ("config/tiny.looks.json: expected looks, as `spl register --look` records them",)


def test_registering_again_changes_nothing_unless_the_study_changed(folder):
    said = write_registration(STUDY)
    before = registration_file(STUDY).read_bytes()
    assert re.fullmatch(r"config/tiny.registration.json: sha256 [0-9a-f]{64}", said[0])
    assert said[1:] == ["commit it with config/tiny.yaml before the first run"]
    write(content() | {"title": "Another title"})
    assert write_registration(STUDY)[0].startswith("config/tiny.registration.json: unchanged, sha256 ")
    assert registration_file(STUDY).read_bytes() == before
    write(content(levels=[0.02, 0.03]))
    write_registration(STUDY)
    assert registration_file(STUDY).read_bytes() != before


@pytest.mark.parametrize(
    "trace",
    ["runs/digits/balanced-40/fold0/fixmatch/seed0/parameters.json", "checkpoints/any/run/seed0/journal.jsonl"],
)
def test_once_a_run_has_begun_a_registration_neither_changes_nor_is_written(folder, trace):
    path = Path("results/tiny") / trace
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    with pytest.raises(InputError, match="the registration would come too late: a run of tiny has begun, and left res"):
        write_registration(STUDY)
    path.unlink()
    write_registration(STUDY)
    before = registration_file(STUDY).read_bytes()
    path.write_text("{}")
    write_registration(STUDY)
    write(content(levels=[0.02, 0.03]))
    with pytest.raises(InputError, match="the registration cannot change any more"):
        write_registration(STUDY)
    assert registration_file(STUDY).read_bytes() == before


def test_a_study_that_registers_nothing_is_refused(folder):
    plain = content()
    del plain["registered"]
    write(plain)
    with pytest.raises(InputError, match=r"^config/tiny.yaml: registered: missing; expected the claims"):
        write_registration(STUDY)
