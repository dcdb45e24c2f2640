"""JSON that an audit reads has one meaning: of a name that occurs twice, some programs take the first value."""

import json
import os
import shutil
from pathlib import Path
from time import process_time

import pytest
from chain import CHAIN, KIND, RESULTS, make
from hypothesis import given
from hypothesis import strategies as st

from spl.attempts.plain_file import MOST
from spl.audit.crate_check import METADATA, crate_differences
from spl.audit.deviations import Frozen, FrozenArm
from spl.audit.recorded_looks import read_looks
from spl.audit.result_files import read_json, read_measurements, read_rows, read_script
from spl.audit.verdicts import audit
from spl.campaign import strict_json
from spl.campaign.plan_file import read_job, read_plan_file, write_plan_file
from spl.campaign.strict_json import MOST_OF_JSON, json_differences, parse_json
from spl.errors import InputError
from spl.provenance.files import digest
from spl.provenance.seal import check_seal, write_seal

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
CONTENTS = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(CONTENTS)
def test_whatever_jobs_write_as_json_is_read_as_it_was(content):
    for text in (json.dumps(content), json.dumps(content, ensure_ascii=False, indent=1)):
        assert list(json_differences(parse_json(text), content)) == []
        assert list(json_differences(parse_json(text.encode()), content)) == []


@given(name=st.text(), first=CONTENTS, second=CONTENTS, depth=st.integers(0, 3))
def test_a_name_twice_is_refused_at_any_depth(name, first, second, depth):
    pairs = ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for value in (first, second))
    text = '{"a": [' * depth + f"{{{pairs}}}" + "]}" * depth
    with pytest.raises(ValueError, match="twice"):
        parse_json(text)


def test_which_of_many_names_is_there_twice_is_found_at_once():
    names = [*map(str, range(200_000)), "199999"]
    begun = process_time()
    with pytest.raises(ValueError, match="it has the name '199999' twice"):
        parse_json("{" + ",".join(f'"{name}":0' for name in names) + "}")
    assert process_time() - begun < 20, "pair by pair it takes many minutes"


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "-Infinity", "1e999", b'"\xff"', "\ufeff1", "[" * 100_000])
def test_what_only_some_programs_read_is_refused(text):
    with pytest.raises(ValueError, match="."):
        parse_json(text)


@pytest.mark.parametrize("text", ["[" + "{}," * 9 + "{}]", '{"a": [' + "0," * 19 + "0]}", b"[" * 21])
def test_json_of_more_values_than_anything_has_is_refused_before_it_is_parsed(monkeypatch, text):
    """Parsed, each takes many times the bytes that it has in a file."""
    monkeypatch.setattr(strict_json, "MOST_VALUES", 20)
    parse_json("[" + "0," * 18 + "0]")
    monkeypatch.setattr("json.loads", lambda *_, **__: pytest.fail("it was parsed"))
    with pytest.raises(ValueError, match="expected at most 20 values"):
        parse_json(text)


@pytest.mark.parametrize("name", ["parameters.json", "dataset.json"])
def test_results_of_more_values_or_bytes_than_any_has_are_none(tmp_path, monkeypatch, name):
    path = tmp_path / name
    monkeypatch.setattr(strict_json, "MOST_VALUES", 20)
    path.write_text(json.dumps(list(range(30))))
    with pytest.raises(ValueError, match=f"{name}: expected at most 20 values"):
        read_json(path)
    os.truncate(path, MOST_OF_JSON + 1)
    with pytest.raises(OSError, match="expected at most 536,870,912 bytes"):
        read_json(path)


def test_a_table_or_a_record_beside_a_page_that_would_fill_memory_is_none(tmp_path, monkeypatch):
    """A cell takes twenty times its bytes."""
    path = tmp_path / "metrics.csv"
    path.touch()
    os.truncate(path, MOST + 1)
    for read in (read_rows, read_measurements):
        with pytest.raises(OSError, match="expected at most 67,108,864 bytes"):
            read(path)
    monkeypatch.setattr(strict_json, "MOST_VALUES", 20)
    path.write_text("{}," * 30)
    with pytest.raises(ValueError, match="expected at most 20 values"):
        read_script(path)


def test_a_crate_that_describes_more_than_any_holds_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(strict_json, "MOST_VALUES", 20)
    METADATA.write_text(json.dumps({"@graph": [], "z": [{}] * 30}))
    with pytest.raises(
        InputError, match=f"^{METADATA}: expected the description of a crate: expected at most 20 values"
    ):
        crate_differences(Path("results/none"), {})


def test_text_in_another_encoding_is_refused():
    with pytest.raises(ValueError, match="."):
        parse_json('{"a": 1}'.encode("utf-16"))


@given(CONTENTS, CONTENTS)
def test_contents_without_a_difference_have_the_same_json(first, second):
    same = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (list(json_differences(first, second)) == []) == same


def twice(path):
    """A file with its first name written twice, first with another value."""
    content = path.read_text()
    name = content[content.index('"') : content.index(":")]
    path.write_text(content.replace("{", f"{{{name}: 1, ", 1))


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make()


def test_a_manifest_with_a_name_twice_is_none(made):
    twice(CHAIN["first"].manifest)
    node = audit(CHAIN, lambda path: digest(path) if path.exists() else None)["first"]
    assert node.verdict == "unrecorded"
    assert "it has the name 'subcommand' twice" in node.why[0]
    with pytest.raises(InputError, match=r"first\.manifest\.json: not a manifest of this study"):
        write_seal(RESULTS, "no job ran")


def test_no_job_begins_from_a_plan_with_a_name_twice(made):
    plan = write_plan_file(CHAIN, {"name": "fake"}, RESULTS)
    twice(plan)
    for read in (lambda: read_plan_file(plan), lambda: read_job(plan, "first", KIND)):
        with pytest.raises(InputError, match="it has the name 'study' twice"):
            read()


LOOK = {
    "folds": 2, "level": 0.01, "runs": "0", "claim": "c", "effect": None, "p": 0.5, "p_opposite": 0.5,
    "verdict": "undecided",
}  # fmt: skip


def test_looks_with_a_name_twice_are_none(tmp_path):
    file = tmp_path / "looks.json"
    file.write_text(json.dumps([LOOK]))
    assert len(read_looks(file)) == 1
    twice(file)
    with pytest.raises(InputError, match="expected looks, as `spl register --look` records them"):
        read_looks(file)


@pytest.mark.parametrize(("name", "text"), [("folds", "2_0"), ("folds", "2"), ("p", "0.50"), ("level", "1e-2")])
def test_looks_with_numbers_as_texts_are_none(tmp_path, name, text):
    """Which programs would read as texts."""
    file = tmp_path / "looks.json"
    file.write_text(json.dumps([LOOK]))
    assert len(read_looks(file)) == 1
    file.write_text(json.dumps([LOOK | {name: text}]))
    with pytest.raises(InputError, match="expected looks, as `spl register --look` records them"):
        read_looks(file)


def test_a_registration_has_no_names_of_its_own():
    arm = {"all": {}, "each": {}}
    frozen = {name: {} for name in Frozen.model_fields} | {"study": "s", "jobs": {"a": arm}}
    Frozen.model_validate(frozen)
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        FrozenArm.model_validate(arm | {"approved": True})


@pytest.mark.parametrize(
    "graph",
    [
        '[{"@id": "a.txt", "sha256": "0", "sha256": "SHA256"}]',
        '[{"@id": "a.txt", "sha256": "0"}, {"@id": "a%2Etxt", "sha256": "SHA256"}]',
    ],
)
def test_no_file_of_a_crate_has_two_digests(tmp_path, monkeypatch, graph):
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("a")
    METADATA.write_text(json.dumps({"@graph": [{"@id": "a.txt", "sha256": digest(Path("a.txt"))}]}))
    assert crate_differences(Path("results/none"), {}) == []
    shutil.rmtree("results", ignore_errors=True)  # what the comparison remembers
    METADATA.write_text(f'{{"@graph": {graph.replace("SHA256", digest(Path("a.txt")))}}}')
    with pytest.raises(InputError, match="expected the description of a crate"):
        crate_differences(Path("results/none"), {})


def test_a_seal_gives_no_two_reasons_for_one_result(made):
    write_seal(RESULTS, "the first reason")
    seal = RESULTS / "ROOT.sha256"
    assert check_seal(RESULTS).state == "intact"
    seal.write_text(f"{seal.read_text()}# accepted  first.manifest.json: another reason\n")
    assert check_seal(RESULTS).state == "broken"
    assert check_seal(RESULTS).accepted["first.manifest.json"] == "the first reason"
