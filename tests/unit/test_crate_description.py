"""The parts of an archive: what it says of jobs, where files go, and the study that it is made from."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from spl.campaign.jobs import Job, jobs
from spl.errors import InputError
from spl.paper.selection import exhibits
from spl.provenance import crate
from spl.provenance.crate_entities import Content, Description, Record, property_value, refs
from spl.provenance.manifest import Code, Manifest
from spl.study.plan import crate_parameter, make_plan
from spl.study.reading import check_study, read_study

ROOT = Path(__file__).parents[2]
STUDIES = [ROOT / name for name in ("config/demo.yaml", "config/paper.yaml", "tests/studies/whole.yaml")]


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_parameter_holds_the_whole_study_in_its_order(path):
    def planned(study):
        plan = make_plan(study)
        return [(job.name, job.parameter) for job in jobs(plan, exhibits(plan, "study")).values()]

    study = read_study(path)
    again = check_study(json.loads(json.loads(crate_parameter(make_plan(study)))["study"]), "parameter")
    assert planned(again) == planned(study)


def record(name, subcommand, inputs=(), **said):
    """A job that was done, with a manifest that somebody made up."""
    output = Path(f"results/made/{name}.csv")
    manifest = {
        "subcommand": subcommand,
        "parameter": {
            "code": "planned",
            "seed": 3,
            "variant": "",
            "settings": {"power": None, "tf32": False},
            "runs": ["a", "b"],
        },
        "code": Code(fingerprint="f" * 64, modules=["spl"]),
        "inputs": dict.fromkeys(map(str, inputs), "1" * 64),
        "outputs": {str(output): "2" * 64},
        "repository": {"commit": "c" * 40, "diff": "d" * 64},
        "lock": "e" * 64,
        "packages": {"python": "3.11.7", "numpy": "2.4.6"},
        "hardware": {"processor": "made up", "gpus": ["H100", "H100"]},
        "environment": {},
        "host": "node7",
        "slurm_job": "12",
        "begun": "2026-01-01T00:00:00+00:00",
        "ended": "2026-01-01T00:00:09+00:00",
    }
    job = Job(name, subcommand, "{}", tuple(inputs), (output,), Path(f"results/made/{name}.manifest.json"))
    return Record(job, Manifest(**(manifest | said)))


def done(folder, *, content="1,2", parameter=None):
    """A job whose file and manifest are there; the manifest says that the file holds "1,2"."""
    found = record("fold0", "split")
    [output] = (folder / path for path in found.job.outputs)
    output.parent.mkdir(parents=True)
    output.write_text(content)
    said = {"outputs": {str(output): hashlib.sha256(b"1,2").hexdigest()}}
    job = replace(
        found.job,
        outputs=(output,),
        manifest=folder / found.job.manifest,
        parameter=json.dumps(found.manifest.parameter | (parameter or {})),
    )
    job.manifest.write_text(found.manifest.model_copy(update=said).model_dump_json())
    return job


def test_a_job_whose_manifest_holds_is_vouched_for(tmp_path):
    job = done(tmp_path)
    [found] = crate.vouched([job])
    assert found.job is job
    assert found.manifest.host == "node7"


def test_a_job_that_is_planned_otherwise_is_not_vouched_for(tmp_path):
    with pytest.raises(InputError, match=r"fold0.manifest.json: expected what is planned for fold0, found other"):
        crate.vouched([done(tmp_path, parameter={"seed": 4})])


def test_a_job_whose_file_is_another_or_gone_is_not_vouched_for(tmp_path):
    job = done(tmp_path, content="1,3")
    with pytest.raises(InputError, match=r"fold0.csv: expected the sha256 in .*: snakemake --force .*fold0.csv$"):
        crate.vouched([job])
    job.outputs[0].unlink()
    with pytest.raises(InputError, match=r"fold0.csv: missing"):
        crate.vouched([job])


def described(*records):
    paths = [path for one in records for path in (*one.job.outputs, one.job.manifest)]
    contents = {path: Content("2" * 64, 5, "a file") for path in (*paths, Path("workflow/Snakefile"))}
    made = Description("Made up", records, contents, [], {"spl": "1", "snakemake": "2"})
    return made, {entity["@id"]: entity for entity in (*made.files(), *made.others())}


def test_a_job_is_said_with_its_values_code_and_machine():
    _, entities = described(record("fold0", "split"))
    action = entities["#job/fold0"]
    values = {one["name"]: one["value"] for one in (entities[ref["@id"]] for ref in action["object"])}
    assert values == {"seed": 3, "variant": "", "settings.tf32": False, "runs": '["a", "b"]'}
    where = {one["name"]: one["value"] for one in (entities[ref["@id"]] for ref in action["additionalProperty"])}
    assert where == {
        "code.fingerprint": "f" * 64, "code.commit": "c" * 40, "code.diff": "d" * 64, "lock": "e" * 64, "host": "node7",
        "slurm_job": "12", "hardware.processor": "made up", "hardware.gpus": '["H100", "H100"]',
        "packages.python": "3.11.7", "packages.numpy": "2.4.6",
    }  # fmt: skip
    assert entities["#split/seed"]["additionalType"] == "Number"
    assert entities["#split/settings.tf32"]["additionalType"] == "Boolean"
    assert entities["#split/runs"]["additionalType"] == "Text"


def test_what_comes_from_outside_is_named_with_its_sha256_and_is_no_file_of_the_crate():
    _, entities = described(record("digits", "data", inputs=[Path("/home/somebody/digits.gz")]))
    outside = entities["#input/" + "1" * 64]
    assert (outside["@type"], outside["name"], outside["sha256"]) == ("CreativeWork", "digits.gz", "1" * 64)
    assert {"@id": outside["@id"]} in entities["#job/digits"]["object"]
    assert "somebody" not in json.dumps(entities)


def test_a_file_is_an_output_of_its_maker_and_an_input_of_its_readers():
    first = record("fold0", "split")
    _, entities = described(first, record("a", "train", inputs=first.job.outputs))
    roles = [ref["@id"] for ref in entities["results/made/fold0.csv"]["exampleOfWork"]]
    assert roles == ["#split/output.csv", "#train/input/split.csv"]
    assert entities["#connection/split.csv/train"]["sourceParameter"] == {"@id": "#split/output.csv"}
    assert entities["#step/train"]["connection"] == {"@id": "#connection/split.csv/train"}


def test_the_archive_is_dated_by_the_last_job():
    late = "2027-02-03T04:05:06+00:00"
    made, _ = described(record("a", "split", ended=late), record("b", "split"))
    assert made.root()["datePublished"] == late


def test_equal_values_have_one_identifier_and_no_others_do():
    def place(value):
        return property_value("#a", "a", value)["@id"]

    assert place(0.1) == place(0.1)
    assert len({place(value) for value in (1, 1.5, "1", True, "x" * 99, "x" * 98 + "y", None)}) == 7
    assert refs([]) is None
    assert refs(["#a", "#a"]) == {"@id": "#a"}
    assert refs(["#a", "#b"]) == [{"@id": "#a"}, {"@id": "#b"}]


def test_large_files_are_linked_and_small_ones_copied(tmp_path, monkeypatch):
    monkeypatch.setattr(crate, "LARGE", 10)
    for name, size in (("small", 10), ("large", 11)):
        (tmp_path / name).write_bytes(b"x" * size)
        crate.put(tmp_path / name, tmp_path / "crate" / name)
    assert not (tmp_path / "crate/small").samefile(tmp_path / "small")
    assert (tmp_path / "crate/large").samefile(tmp_path / "large")

    def refuse(*_):
        raise OSError("another file system")

    monkeypatch.setattr(os, "link", refuse)
    crate.put(tmp_path / "large", tmp_path / "elsewhere/large")
    assert not (tmp_path / "elsewhere/large").samefile(tmp_path / "large")
    assert (tmp_path / "elsewhere/large").read_bytes() == b"x" * 11
