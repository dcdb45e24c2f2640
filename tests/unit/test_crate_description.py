"""The parts of an archive: descriptions of jobs and files, copies of files, and the study itself."""

import json
import os
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from chain import CHAIN, PACKAGES, RESULTS, make, write

from spl.audit import crate, crate_check, report
from spl.audit.crate_check import METADATA, crate_differences, not_compared, why_no_commands
from spl.audit.crate_entities import Content, CrateEntities, Record, property_value, refs
from spl.audit.planned import plan_study
from spl.campaign.job import Job, canonical
from spl.campaign.jobs import jobs
from spl.campaign.parameters import crate_parameter
from spl.code.subcommands import with_code
from spl.data.splits import draw_split, write_split
from spl.errors import InputError
from spl.paper.selection import exhibits
from spl.provenance.files import digest
from spl.provenance.manifest import Code, Manifest
from spl.provenance.recording import recorded
from spl.provenance.seal import write_seal
from spl.study.plan import make_plan
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


def record(name, subcommand, inputs=(), **changes):
    """A finished job with an invented manifest."""
    job = Job(name, subcommand, "{}", tuple(inputs), (Path(f"results/made/{name}.csv"),))
    settings = {"power": None, "tf32": False}
    manifest = {
        "subcommand": subcommand,
        "parameter": {"code": "planned", "seed": 3, "variant": "", "settings": settings, "runs": ["a", "b"]},
        "code": Code(fingerprint="f" * 64, modules=["spl"]),
        "inputs": dict.fromkeys(map(str, inputs), "1" * 64),
        "outputs": dict.fromkeys(map(str, job.outputs), "2" * 64),
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
    return Record(job, Manifest(**(manifest | changes)))


def test_only_fresh_jobs_are_archived(tmp_path):
    content = {"draw": {"scheme": "balanced", "seed": 3, "labels": 1}}
    job = Job("fold0", "split", canonical(with_code("split", content)), (), (tmp_path / "fold0.json",))
    drawn = draw_split(np.array([0, 1]), **content["draw"])
    with pytest.raises(InputError, match=r"^fold0: missing: .*fold0.json is missing; `spl audit` prints the commands"):
        crate.fresh_records({"fold0": job}, tmp_path)
    with recorded(job):
        write_split(drawn, job.outputs[0])
    [archived] = crate.fresh_records({"fold0": job}, tmp_path)
    assert (archived.job, archived.manifest.parameter) == (job, job.content)
    job.outputs[0].write_text("{}")
    with pytest.raises(InputError, match=r"^fold0: tampered: .*fold0.json was modified after the job wrote it"):
        crate.fresh_records({"fold0": job}, tmp_path)


def described(*records):
    paths = [path for record in records for path in (*record.job.outputs, record.job.manifest)]
    contents = {path: Content("2" * 64, 5, "a file") for path in (*paths, Path("workflow/Snakefile"))}
    description = CrateEntities("Made up", records, contents, [], {"spl": "1", "snakemake": "2"})
    return description, {entity["@id"]: entity for entity in (*description.files(), *description.others())}


def values(entities, action, key):
    return {entity["name"]: entity["value"] for entity in (entities[ref["@id"]] for ref in action[key])}


def test_a_job_is_described_with_its_values_code_and_machine():
    _, entities = described(record("fold0", "split"))
    action = entities["#job/fold0"]
    assert values(entities, action, "object") == {
        "seed": 3, "variant": "", "settings.tf32": False, "runs": '["a", "b"]'
    }  # fmt: skip
    assert values(entities, action, "additionalProperty") == {
        "code.fingerprint": "f" * 64, "code.commit": "c" * 40, "code.diff": "d" * 64, "lock": "e" * 64, "host": "node7",
        "slurm_job": "12", "hardware.processor": "made up", "hardware.gpus": '["H100", "H100"]',
        "packages.python": "3.11.7", "packages.numpy": "2.4.6",
    }  # fmt: skip
    assert entities[action["instrument"]["@id"]]["name"] == "spl split"


def test_external_inputs_are_named_with_their_sha256_and_are_no_files_of_the_crate():
    _, entities = described(record("digits", "data", inputs=[Path("/home/somebody/digits.gz")]))
    external = entities["#input/" + "1" * 64]
    assert (external["@type"], external["name"], external["sha256"]) == ("CreativeWork", "digits.gz", "1" * 64)
    assert {"@id": external["@id"]} in entities["#job/digits"]["object"]
    assert "somebody" not in json.dumps(entities)


def test_a_job_refers_to_the_files_that_it_read_and_wrote():
    first = record("fold0", "split")
    _, entities = described(first, record("a", "train", inputs=first.job.outputs))
    assert entities["#job/fold0"]["result"] == {"@id": "results/made/fold0.csv"}
    assert {"@id": "results/made/fold0.csv"} in entities["#job/a"]["object"]
    assert entities["workflow/Snakefile"]["hasPart"] == [{"@id": "#spl-split"}, {"@id": "#spl-train"}]


def test_the_archive_is_dated_by_the_last_job():
    late = "2027-02-03T04:05:06+00:00"
    description, _ = described(record("a", "split", ended=late), record("b", "split"))
    assert description.root()["datePublished"] == late


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


def test_a_crate_that_is_not_of_fresh_results_alone_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make()
    assert len(crate.fresh_records(CHAIN, RESULTS)) == len(CHAIN)
    write(CHAIN["first"], packages=PACKAGES | {"numpy": "1.0"})
    with pytest.raises(InputError) as refused:
        crate.fresh_records(CHAIN, RESULTS)
    assert str(refused.value).startswith("first: stale: numpy: 1.0 was used, ")
    _, rest = str(refused.value).split(" is in the lock file, ")
    assert rest == "second: broken-chain, third: broken-chain; `spl audit` prints the commands to repair them"
    monkeypatch.setattr(crate, "MOST", 1)
    with pytest.raises(InputError, match="lock file, second: broken-chain, 1 more; `spl audit`"):
        crate.fresh_records(CHAIN, RESULTS)


NOTES = ("results/fake/logs/agreed.json", "results/fake/logs/digests.json")


@pytest.fixture
def crate_folder(tmp_path, monkeypatch):
    """A folder with two files that are described as they are, and what a check may leave there."""
    monkeypatch.chdir(tmp_path)
    entities = [{"@id": "./", "@type": "Dataset"}]
    left_behind = (*NOTES, "code/__pycache__/x.cpython-311.pyc", ".venv/bin/python")
    for name in ("a b.py", "code/x.py", "results/fake/one.csv", *left_behind):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    for name in ("a b.py", "code/x.py", "results/fake/one.csv"):
        entities.append({"@id": quote(name), "@type": "File", "sha256": digest(Path(name))})
    METADATA.write_text(json.dumps({"@graph": entities}))


def test_files_of_a_crate_that_are_not_as_described_are_named(crate_folder):
    results = Path("results/fake")
    assert crate_differences(results, {}) == []
    Path("a b.py").write_text("edited")
    Path("results/fake/one.csv").unlink()
    Path("code/sitecustomize.py").write_text("")
    assert crate_differences(results, {}) == [
        "a b.py: not as ro-crate-metadata.json describes it",
        "results/fake/one.csv: described in ro-crate-metadata.json, but missing",
        "code/sitecustomize.py: not described in ro-crate-metadata.json",
    ]


PLANTED = (
    "code/__pycache__/x.so",
    "code/__pycache__/other.cpython-311.pyc",
    "code/__pycache__/deep/x.pyc",
    "__pycache__/run.sh",
    "code/tool.egg-info/entry_points.txt",
    "tool.egg-info",
    "code/.venv/bin/python",
    "code/.snakemake/x",
    "results/other/logs/agreed.json",
    "results/fake/logs/read me first.html",
    "results/fake/partial/paper.html",
    "results/fake/campaign/made/first.manifest.json.sha256",
)


@pytest.mark.parametrize("name", PLANTED)
def test_no_name_of_a_file_keeps_it_from_the_comparison_of_a_crate(crate_folder, name):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).touch()
    assert f"{name}: not described in ro-crate-metadata.json" in crate_differences(Path("results/fake"), {})


@pytest.mark.parametrize("edited", ["a b.py", "results/fake/one.csv"])
def test_no_command_is_advised_that_could_run_what_differs_in_a_crate(crate_folder, edited):
    Path(edited).write_text("edited")
    why = why_no_commands(crate_differences(Path("results/fake"), {}))
    assert why == ("they could run what differs here" if edited == "a b.py" else None)


def test_no_command_is_advised_of_a_crate_that_was_not_compared(crate_folder):
    """As by an audit of a part."""
    assert why_no_commands(None).startswith("only an audit of the whole crate")
    METADATA.unlink()
    assert why_no_commands(None) is None


@pytest.mark.parametrize("is_crate", [True, False])
def test_no_command_is_advised_that_runs_what_snakemake_finds_in_a_received_folder(crate_folder, is_crate):
    """Each process of Snakemake can import from there, even one that only touches files."""
    Path(".snakemake/pip-deployments").mkdir(parents=True)
    if not is_crate:
        METADATA.unlink()
    unlike = crate_differences(Path("results/fake"), {})
    assert why_no_commands(unlike)
    if is_crate:
        assert unlike[0].startswith(".snakemake/pip-deployments: not described in")


@pytest.mark.parametrize(
    ("name", "line"),
    [("x.py", "not described in"), ("code/x.py", "not as ro-crate"), ("results/fake/one.csv", "not as ro-crate")],
)
def test_a_pipe_in_a_crate_is_named_and_not_waited_for(crate_folder, name, line):
    Path(name).unlink(missing_ok=True)
    os.mkfifo(name)
    assert crate_differences(Path("results/fake"), {})[0].startswith(f"{name}: {line}")


def test_a_folder_in_the_place_of_a_file_of_a_crate_is_named(crate_folder):
    Path("code/x.py").unlink()
    Path("code/x.py").mkdir()
    assert crate_differences(Path("results/fake"), {})[0] == f"code/x.py: described in {METADATA}, but missing"


@pytest.mark.parametrize("target", ["/proc/self/cwd/aside", "nowhere"])
@pytest.mark.parametrize("name", ["a b.py", "code", "code/__pycache__", "results/fake/one.csv", NOTES[0]])
def test_no_file_of_a_crate_is_a_link_or_lies_behind_one(crate_folder, name, target):
    Path(name).rename("aside")
    Path(name).symlink_to(target)
    assert any(line.startswith(f"{name}: not ") for line in crate_differences(Path("results/fake"), {}))


@pytest.mark.parametrize("name", ["results", "results/tiny"])
def test_nothing_is_noted_behind_a_link_in_a_crate(crate_folder, name):
    """Of results elsewhere, the folder of the study may be one."""
    Path("results/tiny").mkdir()
    study = STUDIES[2].with_name("tiny.yaml")
    assert plan_study(study).results == Path("results/tiny")
    Path(name).rename("aside")
    Path(name).symlink_to(Path("aside").resolve())
    with pytest.raises(InputError, match=f"^{name} is a link; expected no links to results"):
        plan_study(study)
    METADATA.unlink()
    assert plan_study(study).results == Path("results/tiny")


def test_what_lies_in_a_crate_and_is_not_compared_is_named(crate_folder):
    """As after a check, and where the program was installed."""
    results = Path("results/fake")
    Path("workflow/smooth_pseudo_labeling.egg-info").mkdir(parents=True)
    assert crate_differences(results, {}) == []
    assert list(report.crate_lines([], not_compared(results))) == [
        "crate: as it describes itself, and as this program writes it",
        f"  not compared: .venv, {', '.join(NOTES)}, workflow/smooth_pseudo_labeling.egg-info, 1 folder __pycache__",
    ]
    assert next(report.crate_lines(["a", "b"], [])) == "crate: 2 differences"
    assert list(report.crate_lines(None, [])) == []


def test_a_folder_without_a_description_is_no_crate_and_a_damaged_one_is_refused(crate_folder):
    METADATA.write_text('{"@graph": [{"sha256": "0"}]}')
    with pytest.raises(InputError, match=r"^ro-crate-metadata\.json: expected the description of a crate"):
        crate_differences(Path("results/fake"), {})
    METADATA.rename("aside")
    for put in (os.mkdir, os.mkfifo, lambda path: path.symlink_to("aside")):
        put(METADATA)
        with pytest.raises(InputError, match="found no file"):
            crate_differences(Path("results/fake"), {})
        METADATA.rmdir() if METADATA.is_dir() else METADATA.unlink()
    assert crate_differences(Path("results/fake"), {}) is None


# ---- what would be written again


@pytest.fixture
def written(tmp_path, monkeypatch):
    """The present folder is a crate of the chain; returns what differs from what this program writes."""
    monkeypatch.setattr(crate, "PROJECT", tmp_path / "project")
    for name in ("workflow/Snakefile", "workflow/spl/x.py", "LICENSE"):
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    monkeypatch.chdir(tmp_path)
    make()
    write_seal(RESULTS, "no job ran")
    study = Path("fake.yaml")
    study.write_text(STUDIES[2].with_name("tiny.yaml").read_text().replace("name: tiny", "name: fake"))
    plan, records = make_plan(read_study(study)), crate.fresh_records(CHAIN, RESULTS)
    crate._fill(tmp_path / "crate", plan, {}, records, [study])
    monkeypatch.chdir(tmp_path / "crate")
    return lambda study="study/1-fake.yaml": crate.unlike_written(plan, {}, records, Path(study))


def describe_again():
    """Edit the description of a crate so that it is that of the files that are here."""
    content = json.loads(METADATA.read_text())
    entities = {entity["@id"]: entity for entity in content["@graph"]}
    files = {str(path): path for path in Path().rglob("*") if path.is_file() and path != METADATA}
    for name in [name for name, entity in entities.items() if "sha256" in entity and name[0] != "#"]:
        if name not in files:
            del entities[name]
    for name, path in files.items():
        entity = entities.setdefault(name, {"@id": name, "@type": "File"})
        entity |= {"sha256": digest(path), "contentSize": str(path.stat().st_size)}
    METADATA.write_text(json.dumps({**content, "@graph": list(entities.values())}, indent=4, sort_keys=True))


EDITED = {
    "README.md": "README.md: not as this program writes it",
    "study/resolved.json": "study/resolved.json: not as this program writes it",
    "LICENSE": "LICENSE: not as this program writes it",
    "workflow/spl/x.py": "workflow/spl/x.py: not as this program writes it",
    "workflow/rules/more.smk": "workflow/rules/more.smk: not as this program writes it",
    "OPEN ME.html": "ro-crate-metadata.json: OPEN ME.html is {",
    "results/fake/note.txt": "ro-crate-metadata.json: results/fake/note.txt is {",
    "study/2-more.yaml": "ro-crate-metadata.json: study/2-more.yaml is {",
}


@pytest.mark.parametrize("name", EDITED)
def test_what_is_edited_or_added_in_a_crate_together_with_its_description_is_named(written, name):
    assert written() == []
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text("edited")
    describe_again()
    assert crate_differences(RESULTS, {}) == []
    assert written()[0].startswith(EDITED[name])


@pytest.mark.parametrize("name", ["LICENSE", "README.md", "study/1-fake.yaml", "results/fake/ROOT.sha256"])
def test_what_is_removed_from_a_crate_together_with_its_description_is_named(written, name):
    Path(name).unlink()
    describe_again()
    assert crate_differences(RESULTS, {}) == []
    [line, *_] = written()
    assert line.startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (
            lambda graph: graph[0].update(name="Another study"),
            './.name is "Another study", this program writes "A tiny',
        ),
        (lambda graph: graph.append(graph[5]), "not as this program writes it"),
        (lambda graph: graph.append("text"), "not as this program writes it"),
    ],
)
def test_names_and_descriptions_in_a_crate_are_those_that_this_program_writes(written, edit, line):
    content = json.loads(METADATA.read_text())
    edit(content["@graph"])
    METADATA.write_text(json.dumps(content, indent=4, sort_keys=True))
    assert line in written()[0]


@pytest.mark.parametrize("nested", ["[" * 10_000 + "]" * 10_000, '{"a":' * 10_000 + "1" + "}" * 10_000])
def test_metadata_that_are_nested_too_deeply_to_compare_are_not_those_that_this_program_writes(written, nested):
    """Some depths can be read where files are compared, and not here."""
    METADATA.write_text(METADATA.read_text().replace('"@graph": [', f'"@graph": [{nested}, ', 1))
    assert written() == [f"{METADATA}: not as this program writes it"]


@pytest.mark.parametrize("name", ["LICENSE", "workflow/more.txt"])
def test_of_the_code_in_a_crate_no_more_is_read_than_this_program_writes(written, monkeypatch, name):
    """Many names of one file of holes fill no memory, and take no hours."""
    Path(name).write_bytes(bytes(2**20))
    describe_again()
    read = []
    monkeypatch.setattr(crate, "digest", lambda path: read.append(path) or digest(path))
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path) or path.open("rb").read())
    assert written()[0] == f"{name}: not as this program writes it"
    assert Path(name) not in read


def test_a_file_of_many_names_is_hashed_once(crate_folder, monkeypatch):
    for number in range(5):
        os.link("a b.py", f"{number}.py")
    describe_again()
    hashed = []
    monkeypatch.setattr("spl.provenance.digests.digest", lambda path: hashed.append(path) or digest(path))
    crate_differences(Path("results/other"), {})
    assert len([path for path in hashed if path.samefile("a b.py")]) == 1
    Path("0.py").unlink()
    Path("0.py").write_text("edited")
    assert any(line.startswith("0.py: not as") for line in crate_differences(Path("results/other"), {}))


def test_no_file_is_hashed_that_is_larger_than_any_but_results_of_jobs(crate_folder, monkeypatch):
    monkeypatch.setattr(crate_check, "MOST", 10)
    large = Path("results/fake/one.csv")
    assert crate_differences(Path("results/fake"), {}) == [f"{large}: expected at most 10 bytes, as no job writes it"]
    assert crate_differences(Path("results/fake"), {}, {large}) == []


def test_a_crate_is_compared_with_its_own_study(written):
    assert written("../fake.yaml") == [
        "../fake.yaml: expected the study of this crate, as in --study study/1-STUDY.yaml"
    ]


# ---- what is not put into a crate


@pytest.fixture
def pack(tmp_path, monkeypatch):
    """Writes the crate of the chain; returns the line that refuses it, or None."""
    for name in ("workflow/Snakefile", "LICENSE"):
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    monkeypatch.setattr(crate, "PROJECT", tmp_path / "project")
    monkeypatch.setattr(crate, "jobs", lambda *_: CHAIN)
    monkeypatch.setattr(crate, "exhibits", lambda *_: {})
    monkeypatch.chdir(tmp_path)
    make()
    write_seal(RESULTS, "no job ran")
    study = Path("studies/fake.yaml")
    study.parent.mkdir()
    study.write_text(STUDIES[2].with_name("tiny.yaml").read_text().replace("name: tiny", "name: fake"))
    Path("private").write_text("a key")

    def packed():
        parameter = json.loads(crate_parameter(make_plan(read_study(study))))
        try:
            crate.write_crate(parameter, [study], RESULTS / "crate")
        except InputError as error:
            assert not list(RESULTS.glob("*crate*")), "whole or not at all"
            return str(error)
        return None

    return packed


LINKS = (
    *("results/fake/ROOT.sha256.sig", "studies/fake.looks.json", "studies/fake.registration.json"),
    *("project/LICENSE", "project/workflow/more.txt", "project/workflow"),
)


@pytest.mark.parametrize("name", LINKS)
def test_nothing_that_a_link_leads_to_is_put_into_a_crate(pack, name):
    """Somebody who was sent results would publish files of their own."""
    link, target = Path(name), Path("private").resolve()
    if link.exists():
        target = link.rename("aside").resolve()
    link.symlink_to(target)
    assert (
        pack() == f"{link if name[0] != 'p' else link.absolute()} is a link; expected a file, as a crate is published"
    )
    link.unlink()
    target.rename(link)
    if not name.endswith(".sig"):  # that is none
        assert pack() is None


def test_a_study_that_is_named_may_be_a_link_and_so_may_folders_above_it(pack):
    for place in (Path("studies/fake.yaml"), Path("studies"), RESULTS):
        target = place.rename("aside" + place.name).resolve()
        place.symlink_to(target)
    assert pack() is None
    assert (RESULTS / "crate/study/1-fake.yaml").is_file()


def test_a_wrong_signature_is_not_put_into_a_crate(pack):
    (RESULTS / "ROOT.sha256.sig").write_text("-----BEGIN SSH SIGNATURE-----\nforged\n-----END SSH SIGNATURE-----\n")
    assert pack() == "results/fake/ROOT.sha256: wrong signature: ROOT.sha256.sig is not of this seal"
