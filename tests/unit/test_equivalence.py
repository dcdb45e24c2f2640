"""What a person declares equivalent keeps its results."""

import json
import os
import time
from itertools import pairwise

import pytest
import yaml

from spl.audit.declare import declare
from spl.code import equivalence
from spl.code.declarations import checked
from spl.code.equivalence import declared, reasons, representative
from spl.code.subcommands import check_code, present_code, with_code
from spl.errors import InputError
from spl.provenance.manifest import Manifest, read_manifest, statement

A, B, C, D = (letter * 64 for letter in "abcd")
REASON = "compared on six runs"
ANALYSIS = {"runs": [], "missing": {}, "basins": {}}


def line(old, new, subcommand="train", reason=REASON):
    return {"subcommand": subcommand, "old": old, "new": new, "reason": reason}


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The file of declarations; what is written to it is read anew."""
    path = tmp_path / "equivalent.yaml"
    monkeypatch.setattr(equivalence, "DECLARED", path)

    def write(content):
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        declared.cache_clear()
        return path

    declared.cache_clear()
    yield write
    declared.cache_clear()


def test_without_a_file_and_with_an_empty_one_nothing_is_declared(file):
    assert declared() == {}
    file("# None yet.\n")
    assert declared() == {}
    assert representative("train", A) == A


def test_a_chain_leads_to_its_beginning(file):
    file([line(A, B), line(B, C, reason="more of the same"), line(A, D)])
    assert {representative("train", one) for one in (A, B, C, D)} == {A}
    assert reasons("train", C) == ["more of the same", REASON]
    assert reasons("train", A) == []


def test_a_declaration_holds_for_its_subcommand_alone(file):
    file([line(A, B)])
    assert representative("figure", B) == B
    assert reasons("figure", B) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([line(A, B), line(B, A)], "1.new: expected a fingerprint that is not declared before"),
        ([line(A, A)], "0.new: expected a fingerprint that is not declared before"),
        ([line(A, B), line(C, B)], "1.new: expected a fingerprint that is not declared before"),
        ([line(B, C), line(A, B)], "1.new: expected a fingerprint that is not declared before"),
        ([line(A[1:], B)], "0.old: String should match"),
        ([line(A, B, subcommand="trian")], "0.subcommand: Input should be 'data'"),
        ([line(A, B, reason="because")], "0.reason: String should have at least 10"),
        ([{"subcommand": "train", "old": A, "new": B}], "0.reason: Field required"),
        ([{**line(A, B), "who": "me"}], "0.who: Extra inputs"),
        ({"train": {A: B}}, "the file: Input should be a valid tuple"),
        ("- [", "not YAML"),
        ([{**line(A, B), "who\n" * 1000: "me"}], "0.who\\nwho"),
    ],
)
def test_a_mistake_is_named_in_one_line(file, content, expected):
    path = file(content)
    with pytest.raises(InputError) as raised:
        declared()
    assert str(raised.value).startswith(f"{path}: {expected}")
    assert "\n" not in str(raised.value)


def put_holes(path):
    with path.open("wb") as file:
        file.truncate(2**40)


@pytest.mark.parametrize("put", [put_holes, os.mkfifo, os.mkdir])
def test_declarations_that_are_no_file_or_would_fill_memory_are_refused(file, put):
    path = file("")
    path.unlink()
    put(path)
    declared.cache_clear()
    with pytest.raises(InputError, match=f"^{path}: expected a file of at most 1,048,576 bytes$"):
        declared()


def test_mappings_that_are_merged_into_one_another_are_no_declarations(file):
    merged = [f"- &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 4)}]}}" for i in range(1, 30)]
    file("\n".join(["- &a0 {subcommand: train}", *merged]))
    with pytest.raises(InputError, match=r"equivalent\.yaml: 0\.old: Field required"):
        declared()


def test_many_declarations_are_looked_up_at_once(monkeypatch):
    codes = [f"{number:064x}" for number in range(20_001)]
    start = time.process_time()
    found = checked([line(old, new) for old, new in pairwise(codes)], "here")
    by_new = {(one.subcommand, one.new): one for one in found}
    monkeypatch.setattr(equivalence, "declared", lambda: by_new)
    assert [representative("train", codes[10]) for _ in range(5_000)] == [codes[0]] * 5_000
    assert time.process_time() - start < 3


def test_a_job_is_planned_with_the_code_that_its_own_is_equivalent_to(file):
    present = present_code("analyse", ANALYSIS)
    file([line(A, present, "analyse")])
    assert with_code("analyse", ANALYSIS)["code"] == A
    check_code("analyse", {**ANALYSIS, "code": A})
    check_code("analyse", {**ANALYSIS, "code": present})  # was planned before it was declared
    with pytest.raises(InputError, match="edited since"):
        check_code("analyse", {**ANALYSIS, "code": B})


def leave_manifest(folder, name, subcommand, parameter, code):
    blank = {name: {} for name in ("inputs", "outputs", "packages", "hardware", "environment")}
    manifest = Manifest(
        subcommand=subcommand, parameter=parameter, code={"fingerprint": code, "modules": []}, **blank,
        repository=None, lock="", host="", slurm_job=None, begun="", ended="",
    )  # fmt: skip
    path = folder / f"{name}.manifest.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(manifest.model_dump_json())
    return path


def test_finished_jobs_tell_which_fingerprints_changed(file, tmp_path):
    path, present = file("# Mine."), present_code("analyse", ANALYSIS)
    for name, code in {"one": A, "two": A, "odd": B}.items():
        leave_manifest(tmp_path / "mine", name, "analyse", ANALYSIS, code)
    leave_manifest(tmp_path / "mine", "of another subcommand", "page", {}, C)
    leave_manifest(tmp_path / "mine", "of a method that is gone", "train", {"method": "gone"}, D)
    written, behind = declare("analyse", REASON, tmp_path)
    assert json.loads(written[2:]) == line(A, present, "analyse")
    assert behind.endswith(f": {tmp_path / 'mine'} (2)")
    assert path.read_text() == f"# Mine.\n{written}\n"
    declared.cache_clear()
    assert representative("analyse", present) == A
    for subcommand in ("analyse", "train", "trian"):
        with pytest.raises(InputError, match=f"no result of spl {subcommand} comes from other code"):
            declare(subcommand, REASON, tmp_path)


@pytest.mark.parametrize(
    "method", [["fixmatch"], 3, None, "", "a\0b", "\ud800", "a" * 5000, "../../x", "..", "fixmatch\n"]
)
@pytest.mark.parametrize(("subcommand", "key"), [("train", "method"), ("data", "source"), ("table", "module")])
def test_a_manifest_that_names_no_module_is_named_in_one_line(file, tmp_path, subcommand, key, method):
    leave_manifest(tmp_path / "mine", "sent", subcommand, {key: "x"}, A)
    sent = tmp_path / "mine/sent.manifest.json"
    sent.write_text(json.dumps(json.loads(sent.read_text()) | {"parameter": {key: method}}))
    with pytest.raises(InputError) as refused:
        declare(subcommand, REASON, tmp_path)
    assert str(refused.value).startswith(f"{sent}: ")
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < len(str(sent)) + 300


def test_what_was_equivalent_already_stays_so(file, tmp_path):
    file([line(A, B, "analyse")])
    leave_manifest(tmp_path / "mine", "one", "analyse", ANALYSIS, B)
    written, _ = declare("analyse", REASON, tmp_path)
    assert json.loads(written[2:])["old"] == A


def test_received_results_have_no_say_in_what_is_declared_where_jobs_noted_their_own(file, tmp_path):
    file("")
    own = leave_manifest(tmp_path / "mine", "one", "analyse", ANALYSIS, A)
    note = tmp_path / "mine/campaign/made/one.manifest.json.sha256"
    note.parent.mkdir(parents=True)
    note.write_text(statement(read_manifest(own)))
    for place in ("sent/one", "sent/two", "sent/three"):
        leave_manifest(tmp_path, place, "analyse", ANALYSIS, B)
    written, behind = declare("analyse", REASON, tmp_path)
    assert json.loads(written[2:])["old"] == A
    assert behind.endswith(f": {tmp_path / 'mine'} (1)")
    file("")
    note.unlink()
    assert json.loads(declare("analyse", REASON, tmp_path)[0][2:])["old"] == B


def test_what_seals_leave_out_and_what_is_a_link_has_no_say_in_what_is_declared(file, tmp_path):
    file("")
    leave_manifest(tmp_path / "mine", "one", "analyse", ANALYSIS, A)
    for folder in ("partial", "crate/results"):
        for number in range(3):
            leave_manifest(tmp_path / "mine" / folder, str(number), "analyse", ANALYSIS, B)
    (tmp_path / "mine/link.manifest.json").symlink_to("nowhere")
    assert json.loads(declare("analyse", REASON, tmp_path)[0][2:])["old"] == A


def test_a_reason_is_asked_for(file, tmp_path):
    path = file("")
    leave_manifest(tmp_path / "mine", "one", "analyse", ANALYSIS, A)
    with pytest.raises(InputError, match=r"--reason: 0.reason: String should have at least 10"):
        declare("analyse", "because", tmp_path)
    assert path.read_text() == ""
