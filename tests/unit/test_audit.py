"""Verdicts on fabricated jobs: what the tests on a real study cannot show in seconds."""

import importlib
import io
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from chain import CHAIN, CODE, KIND, PACKAGES, RESULTS, job, make, write
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from spl.audit import report
from spl.audit.changes import changed_values
from spl.audit.planned import plan_study
from spl.audit.results import audit_results
from spl.audit.verdicts import audit, orphans, upstream_of
from spl.campaign.job import Job
from spl.code import equivalence
from spl.code.declarations import Equivalence
from spl.code.subcommands import present_code, with_code
from spl.errors import InputError
from spl.page.circumstances import circumstances_script
from spl.provenance import machine
from spl.provenance.digests import digests
from spl.provenance.files import digest
from spl.provenance.manifest import Code, read_manifest, statement
from spl.provenance.recording import recorded
from spl.provenance.seal import check_seal, write_seal


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The chain, as it was made."""
    monkeypatch.chdir(tmp_path)
    make()


def judge(jobs=CHAIN):
    return audit(jobs, lambda path: digest(path) if path.exists() else None)


def verdicts(jobs=CHAIN):
    return {name: " ".join([node.verdict, *node.kinds]) for name, node in judge(jobs).items()}


FRESH = dict.fromkeys(CHAIN, "fresh")
FABRICATED = "no job ran"


def test_raw_data_that_are_not_here_break_nothing_and_are_told(made):
    Path("raw.gz").unlink()
    assert verdicts() == FRESH
    assert judge()["first"].notes == ("raw.gz is not on this machine, so it was not compared",)


@pytest.mark.parametrize("recorded", [{"elsewhere/raw.gz": "0" * 64}, {}], ids=["elsewhere", "none"])
def test_raw_data_that_are_not_here_are_told_whatever_a_manifest_says_of_them(made, recorded):
    first = job("first", ["gone/a.gz", "gone/b.gz"], seed=0)
    write(CHAIN["first"], inputs=recorded)
    node = judge({**CHAIN, "first": first})["first"]
    assert (node.verdict, node.notes) == (
        "fresh", ("gone/a.gz and 1 more are not on this machine, so they were not compared",)
    )  # fmt: skip
    Path("gone").mkdir()
    Path("gone/a.gz").write_text("raw")
    assert verdicts({**CHAIN, "first": first})["first"] == "stale data", "what is here was not read"


def test_in_an_archive_manifests_count_for_results_that_are_not_kept(made):
    def archive(jobs=CHAIN):
        nodes = audit(jobs, lambda path: digest(path) if path.exists() else None, archive=True)
        return {name: " ".join([node.verdict, *node.kinds]) for name, node in nodes.items()}

    assert archive() == FRESH
    first = CHAIN["first"]
    sha256 = digest(first.outputs[0])
    first.outputs[0].unlink()
    assert verdicts()["first"] == "missing"
    assert archive() == FRESH | {"first": "recorded"}, "what is kept follows from what is recorded"
    assert archive({**CHAIN, "first": job("first", ["raw.gz"], seed=1)})["first"] == "stale config"
    manifest = CHAIN["second"].manifest
    manifest.write_text(manifest.read_text().replace(sha256, "0" * 64))
    assert archive()["second"] == "stale data", "it read something else than is recorded"
    first.manifest.unlink()
    assert archive()["first"] == "missing", "nothing vouches for it"


def test_the_script_beside_the_page_is_checked_where_it_is_kept(made):
    content = {
        "code": present_code("page", {}), "study": "fake", "trained": [], "methods": {}, "method_settings": []
    }  # fmt: skip
    page = Job("paper", "page", json.dumps(content), (), (RESULTS / "paper.html", RESULTS / "paper.records.js"))
    code = Code(fingerprint=content["code"], modules=[])

    def verdict(script):
        page.outputs[0].write_text("page")
        page.outputs[1].write_text(script)
        write(page, subcommand="page", code=code, packages=dict(machine.locked()))
        return judge({"paper": page})["paper"].verdict

    assert verdict(circumstances_script({"step times": []})) == "fresh"
    assert verdict("alert(1)") == "tampered"
    page.outputs[1].unlink()
    nodes = audit({"paper": page}, lambda path: digest(path) if path.exists() else None, archive=True)
    assert nodes["paper"].verdict == "recorded"


def test_raw_data_that_moved_are_the_same_data(made):
    Path("raw.gz").rename("moved.gz")
    moved = {**CHAIN, "first": job("first", ["moved.gz"], seed=0)}
    assert verdicts(moved) == FRESH
    Path("moved.gz").write_text("other")
    assert verdicts(moved)["first"] == "stale data"


def test_raw_data_that_changed_make_what_was_read_from_them_stale(made):
    Path("raw.gz").write_text("other")
    assert verdicts() == FRESH | {"first": "stale data", "second": "broken-chain", "third": "broken-chain"}
    assert judge()["third"].why == ("the upstream job first is stale",), "the root of it, once"


def test_what_was_made_again_differently_makes_its_readers_stale(made):
    RESULTS.joinpath("first.json").write_text('"again"')
    write(CHAIN["first"])
    assert verdicts() == FRESH | {"second": "stale data", "third": "stale data"}


def test_every_changed_setting_is_named_with_both_values(made):
    other = job("second", [RESULTS / "first.json"], seed=2, draw={"labels": 5, "keep": 0.5})
    node = judge({**CHAIN, "second": other})["second"]
    assert (node.verdict, node.kinds) == ("stale", ("config",))
    assert node.why == ("draw.keep: unset became 0.5", "draw.labels: 4 became 5", "seed: 1 became 2")


SECTIONS = [{"name": f"table{number}", "caption": "Errors in percent. " * 9} for number in range(9)]
RUNS = [f"digits/balanced-20/fold{fold}/fixmatch/seed0" for fold in range(9)]


@pytest.mark.parametrize(
    ("now", "lines"),
    [
        ({"sections": [*SECTIONS[:8], {"name": "table8", "caption": "Errors in percent. " * 8 + "Bold: the lowest."}]},
         ('sections.table8.caption: ... Errors in percent. Errors in percent. " became '
          '... Errors in percent. Bold: the lowest."',)),
        ({"sections": SECTIONS[1:], "runs": [*RUNS, "x"]},
         ('runs: "x" is new', "sections: table0 is gone")),
        ({"runs": RUNS[::-1]}, ("runs: the same elements, in another order or number",)),
        ({"pairs": [["a", "b" * 60], ["c", "e"]]}, ('pairs.1: ["c", "d"] became ["c", "e"]',)),
    ],
)  # fmt: skip
def test_of_long_lists_the_elements_that_differ_are_named_and_of_long_texts_the_place(now, lines):
    before = {"sections": SECTIONS, "runs": RUNS, "pairs": [["a", "b" * 60], ["c", "d"]]}
    assert tuple(changed_values(before | now, before)) == lines


def test_inputs_that_are_no_longer_asked_for_or_were_not_read(made):
    other = job("third", [RESULTS / "second.json", RESULTS / "aside.json"])
    node = judge({**CHAIN, "third": other})["third"]
    assert node.kinds == ("data",)
    assert node.why == ("results/fake/aside.json is a new input", "results/fake/first.json is no longer an input")


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ({"torch": machine.locked()["torch"]}, "fresh"),
        ({"torch": machine.locked()["torch"] + "+cpu"}, "fresh"),
        ({"torch": "1.0.0"}, "stale env"),
        ({"torch": machine.locked()["torch"] + ".post1"}, "stale env"),
        ({"python": machine.locked()["python"] + ".99"}, "fresh"),
        ({"cuda-bindings": "13.0"}, "fresh"),
    ],
)
def test_packages_are_compared_with_the_lock_file(made, packages, expected):
    write(CHAIN["aside"], packages=PACKAGES | packages)
    assert verdicts()["aside"] == expected


def lay(folder, name, version):
    """A package, as pip would install it; without a version, nothing but its module."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text("")
    if version:
        (folder / f"{name}-{version}.dist-info").mkdir()
        (folder / f"{name}-{version}.dist-info/METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
        (folder / f"{name}-{version}.dist-info/RECORD").write_text(f"{name}.py,,\n")


@pytest.mark.parametrize("before", ["1.0", None])
def test_a_package_that_hides_another_is_the_one_on_record(tmp_path, monkeypatch, before):
    name = f"hidden{before or ''}".replace(".", "")
    lay(tmp_path / "environment", name, "2.0")
    lay(tmp_path / "first", name, before)
    for folder in ("environment", "first"):
        monkeypatch.syspath_prepend(tmp_path / folder)
    importlib.import_module(name)
    found = machine.packages([name], machine.versions())[name]
    del sys.modules[name]  # else jobs of other tests find it, from elsewhere
    assert found == (before or str(tmp_path / f"first/{name}.py"))


def test_code_that_ran_and_was_not_planned_is_stale(made):
    write(CHAIN["aside"], code=Code(fingerprint="0" * 64, modules=[]))
    assert verdicts()["aside"] == "stale code"


def test_every_use_of_a_declared_equivalence_is_shown(made, monkeypatch):
    declared = Equivalence(subcommand=KIND, old="0" * 64, new=CODE, reason="the same bits, faster")
    monkeypatch.setattr(equivalence, "declared", lambda: {(KIND, CODE): declared})
    old = replace(CHAIN["aside"], parameter=json.dumps({"code": "0" * 64}))
    for ran in (CODE, "0" * 64):
        write(old, code=Code(fingerprint=ran, modules=[]))
        node = judge({"aside": old})["aside"]
        assert node.verdict == "fresh"
        assert node.notes == ("code declared equivalent: the same bits, faster",)
        assert any("the same bits, faster" in str(line) for line in report.problems([node]))
    write(
        old,
        code=Code(fingerprint="0" * 64, modules=[]),
        packages={name: PACKAGES[name] for name in PACKAGES if name != "python"},
    )
    node = judge({"aside": old})["aside"]
    assert (node.verdict, node.kinds) == ("stale", ("env",))
    assert node.why == ("python: no version is on record; the present code, declared equivalent, imports it",)


def test_an_audit_of_one_result_takes_along_what_it_was_made_from_alone():
    assert list(upstream_of(CHAIN, ["second"])) == ["first", "second"]
    assert list(upstream_of(CHAIN, ["aside"])) == ["aside"]


def test_orphans_are_named_by_their_outermost_folder(made):
    write_seal(RESULTS, FABRICATED)
    (RESULTS / "ROOT.sha256.sig").write_text("")
    (RESULTS / "old/deep").mkdir(parents=True)
    (RESULTS / "old/deep/file").write_text("")
    (RESULTS / "logs/first.log").write_text("")
    (RESULTS / "gone.manifest.json").write_text("{}")
    (RESULTS / "link").symlink_to("first.json")
    assert {node.name for node in orphans(CHAIN, RESULTS)} == {
        "results/fake/old", "results/fake/gone.manifest.json", "results/fake/link",
    }  # fmt: skip


EDITS = ("output", "manifest", "raw", "parameter", "fingerprint")


@given(edits=st.lists(st.tuples(st.sampled_from(EDITS), st.sampled_from(list(CHAIN))), min_size=1, max_size=3))
def test_no_edit_of_anything_goes_unnoticed(tmp_path_factory, edits):
    """Of an output, a manifest, the data, the study or the code, in any combination: audit and seal see it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("edited"))
        make()
        write_seal(RESULTS, FABRICATED)
        jobs = dict(CHAIN)
        assert report.is_fresh(judge(jobs).values())
        assert check_seal(RESULTS).state == "intact"
        for edit, name in edits:
            if edit == "output":
                jobs[name].outputs[0].write_text("edited")
            elif edit == "manifest":
                path = jobs[name].manifest
                path.write_text(path.read_text().replace('"environment":{}', '"environment":{"A":"1"}'))
            elif edit == "raw":
                Path("raw.gz").write_text("edited")
            else:
                change = {"code": "0" * 64} if edit == "fingerprint" else {"seed": 99}
                parameter = json.dumps(json.loads(jobs[name].parameter) | change)
                jobs[name] = replace(jobs[name], parameter=parameter)
        assert not report.is_fresh(judge(jobs).values()) or check_seal(RESULTS).state == "broken"


def test_what_is_remembered_is_believed_only_of_the_same_file(made):
    path, memory = RESULTS / "first.json", Path("memory.json")
    before = digests([path], memory, quick=False)[path]
    memory.write_text(memory.read_text().replace(before, "f" * 64))
    assert digests([path], memory, quick=True)[path] == "f" * 64, "it was not read"
    assert digests([path], memory, quick=False)[path] == before
    other = path.with_name("other")
    other.write_text('"FIRST"')
    other.replace(path)
    assert digests([path], memory, quick=True)[path] == digest(path) != before


def lay_images(root, *names):
    """A data set of images, each its own name."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def test_a_folder_is_known_by_all_images_of_its_data_set(tmp_path):
    lay_images(tmp_path, "train/a/b.png", "train/a/c.JPEG", "test/a/b.png")
    before = digest(tmp_path)
    (tmp_path / "train/a/b.png").rename(tmp_path / "train/a/d.png")
    assert digest(tmp_path) != before
    (tmp_path / "train/a/d.png").rename(tmp_path / "train/a/b.png")
    assert digest(tmp_path) == before
    lay_images(
        tmp_path, "README", "train/a/Thumbs.db", "train/a/._c.JPEG", "train/.cache/b.png", "preview.png", "val/a/b.png"
    )
    assert digest(tmp_path) == before, "what is left lying around, and what no reader reads"
    (tmp_path / "train/a/b.png").unlink()
    (tmp_path / "train/a/b.png").mkdir()
    assert digest(tmp_path) != before


def test_no_job_begins_where_its_manifest_cannot_go(tmp_path):
    job = Job("fold0", "split", json.dumps(with_code("split", {})), (), (tmp_path / "fold0.json",))
    job.manifest.mkdir()
    expected = "fold0.manifest.json: expected a manifest or nothing, found a folder"
    with pytest.raises(InputError, match=expected), recorded(job):
        pytest.fail("it began")


@pytest.mark.parametrize(
    ("name", "state"), [("first.json", "intact"), ("first.manifest.json", "broken"), ("ROOT.sha256", "missing")]
)
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(made, name, state):
    write_seal(RESULTS, FABRICATED)
    (RESULTS / name).unlink()
    os.mkfifo(RESULTS / name)
    output = CHAIN["first"].outputs[0]
    assert (digests([output], Path("memory.json"), quick=False)[output] is None) == (name == "first.json")
    assert check_seal(RESULTS).state == state


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_of_an_archive_nothing_but_a_missing_result_counts_as_recorded(made, make):
    def verdict():
        nodes = audit(CHAIN, lambda path: digests([path], Path("memory.json"), quick=False)[path], archive=True)
        return nodes["third"].verdict

    output = CHAIN["third"].outputs[0]
    output.unlink()
    assert verdict() == "recorded"
    make(output)
    assert verdict() == "missing"


def test_inputs_that_were_read_in_another_order_make_a_result_stale(made):
    """As by a job that somebody does with a plan file of their own: plain and smooth runs of a calibration swapped."""
    third = CHAIN["third"]
    write(third, inputs={str(path): digest(path) for path in reversed(third.inputs)})
    node = judge()["third"]
    assert (node.verdict, node.kinds) == ("stale", ("data",))
    assert node.why == (f"{third.inputs[1]} was read in the place of {third.inputs[0]}",)


def test_inputs_that_were_read_several_times_make_a_result_stale_unless_it_was_planned(made):
    """As by a plan of somebody's own, in which one fold counts six times."""
    third = CHAIN["third"]
    first, second = map(str, third.inputs)
    for order, line in (
        ([first, first, second], f"{first} was read in the place of {second}"),
        ([first, second, second], f"{second} was read in the place of nothing"),
    ):
        write(third, order=order)
        node = judge()["third"]
        assert (node.verdict, node.kinds, node.why) == ("stale", ("data",), (line,))
        jobs = {**CHAIN, "third": replace(third, inputs=tuple(map(Path, order)))}
        assert judge(jobs)["third"].verdict == "fresh"
    write(third, order=[])
    assert judge(jobs)["third"].verdict == "stale", "one that was planned is read several times"


def test_what_is_read_several_times_is_on_record(made):
    third = replace(CHAIN["third"], inputs=(*CHAIN["third"].inputs, CHAIN["third"].inputs[0]))
    with recorded(third):
        third.outputs[0].write_text("again")
    manifest = read_manifest(third.manifest)
    assert manifest.order == list(map(str, third.inputs))
    assert statement(manifest) != statement(manifest.model_copy(update={"order": []}))


@pytest.mark.parametrize("content", ["[]", '{"raw.gz": 5}'])
def test_a_memory_that_is_none(made, content):
    Path("memory.json").write_text(content)
    assert digests([Path("raw.gz")], Path("memory.json"), quick=True) == {Path("raw.gz"): digest(Path("raw.gz"))}


def test_a_folder_is_known_by_what_lies_behind_links(tmp_path):
    root = tmp_path / "all/root"
    lay_images(root, "train/b/1.png", "test/a/1.png", "test/b/1.png")
    lay_images(tmp_path, "elsewhere/1.png")
    (root / "train/a").symlink_to(tmp_path / "elsewhere")
    (root / "train/b/back").symlink_to(root)
    before = digest(root)
    (tmp_path / "elsewhere/1.png").write_text("2")
    assert digest(root) != before


def test_before_anything_is_made_one_line_says_so_of_a_part_as_of_the_whole(tmp_path, monkeypatch):
    study = plan_study(Path(__file__).parents[2] / "config/demo.yaml")
    monkeypatch.chdir(tmp_path)
    said = {}
    for target in ("", "table1"):
        console = Console(file=io.StringIO(), width=200)
        assert not audit_results(study, [target] if target else [], False, None, console)
        said[target] = console.file.getvalue().splitlines()
    for lines in said.values():
        assert "jobs were not done yet: " in lines[0]
        assert lines[1].endswith(" missing")
    assert any(line.startswith("  snakemake results/demo/tables/table1.") for line in said["table1"])


def test_a_part_that_was_begun_is_a_tree(made):
    jobs = CHAIN | {one.name: one for one in (job(f"undone-{number}", []) for number in range(report.MANY))}
    nodes = judge(jobs)
    undone = [node for name, node in nodes.items() if name not in CHAIN]
    assert not report.is_untouched(nodes.values())
    assert not report.is_untouched(undone), "so few have a line each"
    assert report.is_untouched([*undone, undone[0]])
