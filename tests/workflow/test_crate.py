"""The archive of a study: the official validator accepts it, and it alone answers where a number comes from."""

import csv
import hashlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

CONTEXT = Path(importlib.util.find_spec("rocrate").origin).with_name("data") / "ro-crate.jsonld"
RUN = "results/tiny/runs/digits/balanced-40/fold1/smooth-fixmatch/seed0"
ABSOLUTE = "process-run-crate-0.5_5.1"
"""The one check that a folder cannot pass: it asks that identifiers of programs be absolute. The profile lets those be
relative that are files of the crate, as the Snakefile has to be, or that have no page on the web."""


def judged(crate, validator):
    """What the official validator says of required and recommended properties, in two ways to look at a crate."""
    script = Path(__file__).parents[1] / "peers/validate_crate.py"
    done = subprocess.run([validator, script, CONTEXT, crate], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def described(crate):
    """The entities of a crate by identifier."""
    graph = json.loads((crate / "ro-crate-metadata.json").read_text())["@graph"]
    return {entity["@id"]: entity for entity in graph}


def refs(entity, key):
    found = entity.get(key, [])
    return [one["@id"] for one in (found if isinstance(found, list) else [found])]


@pytest.fixture(scope="module")
def archived(_finished, tmp_path_factory):
    copy = _finished.copied(tmp_path_factory.mktemp("archived") / "copy")
    # The copy that runs is a checkout, too: a crate says which commit.
    git = ["git", "-C", str(copy.folder), "-c", "user.name=T", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "workflow"], ["commit", "-qm", "as tested"]):
        subprocess.run([*git, *command], check=True)
    copy.study.with_suffix(".looks.json").write_text("{}")  # a registration alone would be a deviation
    copy.snakemake("crate", "--forcerun", f"{RUN}/metrics.csv")
    return copy


@pytest.fixture
def crate(archived, tmp_path):
    """The crate alone, somewhere else."""
    shutil.copytree(archived.results / "crate", tmp_path / "unpacked")
    return tmp_path / "unpacked"


def test_what_was_registered_lies_beside_the_study(crate):
    assert (crate / "study/1-tiny.looks.json").read_text() == "{}"
    assert described(crate)["study/1-tiny.looks.json"]["sha256"] == hashlib.sha256(b"{}").hexdigest()
    assert not (crate / "study/1-tiny.registration.json").exists()


def test_the_official_validator_accepts_it(crate, validator):
    found = judged(crate, validator)
    assert found["folder"]["skipped"] == []
    assert found["folder"]["failed"].keys() <= {ABSOLUTE}
    assert all(line.startswith(("Snakefile:", "#spl-")) for line in found["folder"]["failed"].get(ABSOLUTE, []))
    # Without a folder, what identifiers are relative to is an address on the web.
    assert found["metadata"]["failed"] == {}


def test_the_official_validator_misses_an_instrument_and_a_file(crate, validator):
    metadata = crate / "ro-crate-metadata.json"
    content = json.loads(metadata.read_text())
    [job] = [entity for entity in content["@graph"] if entity["@id"] == "#job/figures/fig4"]
    del job["instrument"]
    metadata.write_text(json.dumps(content))
    (crate / f"{RUN}/metrics.csv").unlink()
    failed = judged(crate, validator)["folder"]["failed"].values()
    for missed in ("MUST have an instrument", f"'{RUN}/metrics.csv'"):
        assert [line for lines in failed for line in lines if missed in line]


def test_every_file_is_described_as_it_is(crate):
    entities = described(crate)
    files = {str(path.relative_to(crate)) for path in crate.rglob("*") if path.is_file()}
    known = {unquote(name): one for name, one in entities.items() if "File" in one["@type"]}
    assert files - {"ro-crate-metadata.json", ".snakemake_timestamp"} == known.keys()
    for name, entity in known.items():
        content = (crate / name).read_bytes()
        assert entity["sha256"] == hashlib.sha256(content).hexdigest()
        assert entity["contentSize"] == str(len(content))
    caption = entities["results/tiny/figures/fig4.pdf"]["description"]
    page = re.sub('<a class="term".*?>(.*?)</a>', r"\1", (crate / "results/tiny/paper.html").read_text())
    assert caption in page


def test_the_archive_alone_says_where_a_cell_of_table_1_comes_from(crate, archived):
    entities = described(crate)
    done = [one for name, one in entities.items() if one["@type"] == "CreateAction" and name != "#run"]
    made = {result: one for one in done for result in refs(one, "result")}

    def values(action, key):
        found = [entities[one] for one in refs(action, key) if entities[one]["@type"] == "PropertyValue"]
        return {one["name"]: one["value"] for one in found}

    [summary] = [one for one in refs(made["results/tiny/tables/table1.csv"], "object") if "analysis" in one]
    with (crate / unquote(summary)).open() as file:
        [row] = [row for row in csv.DictReader(file) if row["method"] == "smooth-fixmatch" and row["fold"] == "1"]
    metrics = f"results/tiny/runs/{row['run']}/metrics.csv"
    assert metrics in refs(made[summary], "object")

    job = made[metrics]
    assert entities[job["instrument"]["@id"]]["name"] == "spl train"
    [labels] = [one for one in refs(job, "object") if "/splits/" in one]
    assert labels == "results/tiny/splits/digits/balanced-40/fold1.json"
    assert len(json.loads((crate / labels).read_text())["labelled"]) == 40
    assert values(made[labels], "object")["draw.seed"] == 1
    given, where = values(job, "object"), values(job, "additionalProperty")
    assert (given["seed"], given["split_seed"], given["settings.lambda_u"]) == (0, 1, "calibrated")

    manifest = json.loads((crate / refs(job, "subjectOf")[0]).read_text())
    assert where["code.fingerprint"] == manifest["code"]["fingerprint"]
    head = ["git", "-C", str(archived.folder), "rev-parse", "HEAD"]
    assert where["code.commit"] == subprocess.run(head, capture_output=True, text=True).stdout.strip()
    assert where["host"] == os.uname().nodename
    assert where["hardware.processor"] == manifest["hardware"]["processor"]
    assert where["packages.torch"] == manifest["packages"]["torch"]
    assert values(job, "environment") == manifest["environment"]
    assert (job["startTime"], job["endTime"]) == (manifest["begun"], manifest["ended"])


def test_the_code_in_the_archive_is_that_of_its_jobs(crate):
    code = (
        "import json, sys; from spl.code.subcommands import with_code;"
        "given = json.load(open(sys.argv[1]))['parameter'];"
        "assert with_code('train', {k: v for k, v in given.items() if k != 'code'}) == given"
    )
    environment = os.environ | {"PYTHONPATH": str(crate / "workflow"), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", code, crate / f"{RUN}.manifest.json"], env=environment, check=True)


def checked(crate, code="workflow"):
    """The outcome of the command that the crate's README names, with the program of the crate or from elsewhere."""
    [command] = re.findall("^    (spl audit --study .*)$", (crate / "README.md").read_text(), re.MULTILINE)
    [published] = re.findall("`([0-9a-f]{64})`", (crate / "README.md").read_text())
    environment = os.environ | {"PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"}
    command = shlex.split(command.replace("PUBLISHED", published))
    program = [Path(sys.executable).parent / command[0], *command[1:]]
    return subprocess.run(program, cwd=crate, env=environment, capture_output=True, text=True)


TAMPERED = {
    "results/tiny/tables/table1.csv": "tables/table1 tampered",
    f"{RUN}.manifest.json": f"not as sealed: {RUN.removeprefix('results/tiny/')}.manifest.json",
    "results/tiny/ROOT.sha256": "not the published one",
    "workflow/spl/audit/verdicts.py": "verdicts.py: not as ro-crate-metadata.json describes it",
    "workflow/sitecustomize.py": "workflow/sitecustomize.py: not described in ro-crate-metadata.json",
    "README.md": "README.md: not as ro-crate-metadata.json describes it",
}


def test_the_command_in_its_readme_finds_what_was_tampered_with(crate):
    """Also what `sha256sum --check` would not: the seal holds results, and neither times nor code."""
    untouched = checked(crate)
    assert untouched.returncode == 0, untouched.stdout + untouched.stderr
    assert "crate: as it describes itself, and as this program writes it" in untouched.stdout
    for name, expected in TAMPERED.items():
        path = crate / name
        before = path.read_bytes() if path.exists() else None
        edited = (
            before.replace(b'"seed": 0', b'"seed": 1') if name.endswith(".manifest.json") else (before or b"") + b"\n"
        )
        path.write_bytes(edited)
        found = checked(crate)
        assert (found.returncode, expected in found.stdout) == (1, True), f"{name}: {found.stdout}{found.stderr}"
        path.unlink() if before is None else path.write_bytes(before)
    (crate / "envs/requirements.lock").unlink()
    assert checked(crate).returncode != 0


def test_edited_code_of_a_crate_is_named_and_its_use_not_advised(crate, archived):
    with (crate / "workflow/spl/cli/main.py").open("a") as file:
        file.write("forged = 1\n")
    found = checked(crate, archived.folder / "workflow")
    assert found.returncode == 1
    assert "workflow/spl/cli/main.py: not as ro-crate-metadata.json describes it" in found.stdout
    assert not re.search("pip install|^ +snakemake", found.stdout + found.stderr, re.MULTILINE)


def test_the_same_manifests_give_the_same_archive(archived, crate):
    archived.snakemake("--forcerun", "crate", "crate")
    again = archived.results / "crate"
    files = {path.relative_to(crate) for path in crate.rglob("*") if path.is_file()}
    assert files == {path.relative_to(again) for path in again.rglob("*") if path.is_file()}
    assert [path for path in files if (crate / path).read_bytes() != (again / path).read_bytes()] == []
    assert "crate" not in archived.planned("all")


def refused(project, line):
    done = project.run("snakemake", "--cores", "1", "crate", "--configfile", str(project.study))
    assert done.returncode == 1
    said = (project.results / "logs/crate.log").read_text().splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"error: {line}")
    left = {path.name for path in project.results.iterdir()}
    assert not {name for name in left if "crate" in name}, "whole or not at all"


def test_a_link_in_the_place_of_a_crate_is_not_taken_for_one(finished, tmp_path):
    place, target = finished.results / "crate", tmp_path / "aside"
    target.mkdir()
    place.symlink_to(target)
    done = finished.run("snakemake", "--cores", "1", "crate", "--configfile", str(finished.study))
    assert done.returncode == 2
    assert "error: results/tiny/crate is a link; expected a folder or nothing" in done.stderr.splitlines()
    assert list(target.iterdir()) == []


def keeping_time(path, text):
    """Write a file as if nobody had."""
    times = path.stat()
    path.write_text(text)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_a_result_that_was_modified_or_has_no_manifest_is_not_archived(finished):
    path = finished.results / "analysis/scarce-labels.csv"
    content = path.read_text()
    keeping_time(path, content.replace("0.", "0.0", 1))
    refused(finished, "analysis/scarce-labels: tampered: results/tiny/analysis/scarce-labels.csv was modified after")
    keeping_time(path, content)
    (finished.folder / f"{RUN}.manifest.json").unlink()
    refused(finished, f"{RUN.removeprefix('results/tiny/')}: unrecorded: {RUN}.manifest.json is missing")


def test_a_result_of_other_inputs_is_not_archived(finished):
    """Somebody exchanged a split together with its manifest."""
    split = finished.results / "splits/digits/balanced-40/fold1.json"
    manifest = split.with_name("fold1.manifest.json")
    before, after = split.read_text(), split.read_text() + "\n"
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in (before, after)]
    keeping_time(split, after)
    keeping_time(manifest, manifest.read_text().replace(*digests))
    refused(finished, "runs/digits/balanced-40/fold1/fixmatch/seed0: stale: results/tiny/splits/digits/")
