"""The seal of fabricated results: what it states, what it refuses, what it names, and who signed it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from chain import CHAIN, KIND, RESULTS, job, make, write
from hypothesis import given
from hypothesis import strategies as st

from spl.attempts.plain_file import MOST
from spl.audit import report
from spl.audit.repair import repair
from spl.audit.results import seal_holds
from spl.audit.verdicts import Node
from spl.campaign.job import Job
from spl.errors import InputError
from spl.provenance import manifest as manifests
from spl.provenance import seal as sealing
from spl.provenance import signature
from spl.provenance.files import digest
from spl.provenance.ledger import note_statement
from spl.provenance.manifest import Manifest, read_manifest, statement
from spl.provenance.seal import Seal, check_seal, write_seal

SEAL = RESULTS / "ROOT.sha256"


def do(one, content=None, **changes):
    """A job as it is done: it writes its output, notes what it states, and writes its manifest."""
    if content is not None:
        one.outputs[0].write_text(content)
    write(one, **changes)
    note_statement(one, statement(read_manifest(one.manifest)))


def forge(one):
    """Edit a result and its manifest together."""
    before = digest(one.outputs[0])
    one.outputs[0].write_text("forged")
    one.manifest.write_text(one.manifest.read_text().replace(before, digest(one.outputs[0])))


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The chain, as jobs made it."""
    monkeypatch.chdir(tmp_path)
    make()
    for one in CHAIN.values():
        do(one)


MANIFEST = {
    "subcommand": "split", "parameter": {"seed": 1}, "code": {"fingerprint": "f", "modules": ["spl"]},
    "inputs": {"raw.gz": "1" * 64}, "outputs": {"results/fake/a.json": "2" * 64}, "repository": None, "lock": "3",
    "packages": {"numpy": "2.0", "torch": "2.7+cu128", "python": "3.11.2"}, "hardware": {"processor": "A"},
    "environment": {}, "host": "a", "slurm_job": None, "begun": "1", "ended": "2", "attempts": [],
}  # fmt: skip
CIRCUMSTANCES = {
    "repository": {"commit": "c", "diff": None}, "lock": "4", "hardware": {"processor": "B", "threads": 3}, "host": "b",
    "slurm_job": "7", "begun": "3", "ended": "4", "attempts": [{"status": "done"}], "process": {"files": {"a.py": "6"}},
    "packages": {"numpy": "2.0", "torch": "2.7+cpu", "python": "3.11.9"},
    "outputs": MANIFEST["outputs"] | {"results/fake/a.records.js": "5" * 64},
}  # fmt: skip
STATED = {
    "subcommand": "data", "parameter": {"seed": 1.0}, "code": {"fingerprint": "g", "modules": ["spl"]},
    "inputs": {"other.gz": "1" * 64}, "outputs": {"results/fake/a.json": "3" * 64}, "environment": {"A": "1"},
    "order": ["raw.gz", "raw.gz"],
    "packages": {"numpy": "2.1", "torch": "2.7+cu128", "python": "3.11.2"},
}  # fmt: skip


@given(circumstances=st.sets(st.sampled_from(sorted(CIRCUMSTANCES))), stated=st.sets(st.sampled_from(sorted(STATED))))
def test_a_statement_depends_on_everything_but_circumstances(circumstances, stated):
    changes = {name: CIRCUMSTANCES[name] for name in circumstances} | {name: STATED[name] for name in stated}
    assert (statement(Manifest(**MANIFEST | changes)) == statement(Manifest(**MANIFEST))) == (not stated)


def test_each_field_of_a_manifest_is_a_circumstance_or_stated():
    assert CIRCUMSTANCES.keys() | STATED.keys() == Manifest.model_fields.keys()


def test_results_made_again_to_the_same_bytes_keep_a_published_seal(made):
    published = write_seal(RESULTS)
    do(CHAIN["second"], host="another", ended="later", attempts=[{"status": "done"}])
    assert check_seal(RESULTS, published).state == "intact"
    assert write_seal(RESULTS) == published


def test_a_study_is_sealed_that_several_campaigns_made(made):
    do(CHAIN["aside"], "other")
    assert check_seal(RESULTS).state == "absent"
    write_seal(RESULTS)
    assert check_seal(RESULTS).state == "intact"
    do(CHAIN["first"], "again")
    seal = check_seal(RESULTS)
    assert (seal.state, seal.unvouched) == ("broken", ())
    assert seal.changed == ("first.json", "first.manifest.json")
    write_seal(RESULTS)
    CHAIN["aside"].outputs[0].unlink()
    CHAIN["aside"].manifest.unlink()
    assert check_seal(RESULTS).changed == ("aside.json", "aside.manifest.json")
    write_seal(RESULTS)
    assert "aside" not in SEAL.read_text(), "a study may become smaller"


def test_a_refusal_names_so_many_and_counts_the_rest(made, monkeypatch):
    monkeypatch.setattr(sealing, "NAMED", 1)
    write_seal(RESULTS)
    for name in ("first", "second", "third"):
        forge(CHAIN[name])
    with pytest.raises(InputError) as refused:
        write_seal(RESULTS)
    first, rest, _ = str(refused.value).splitlines()
    assert first.startswith("results/fake/first.manifest.json: ")
    assert rest == "results/fake: 2 more of them, which `spl audit --json` names"


@pytest.mark.parametrize("seal", ["there", "removed"])
def test_what_no_job_wrote_is_not_sealed(made, seal):
    """A removed seal does not help: the jobs vouch for what they wrote, sealed or not."""
    write_seal(RESULTS)
    if seal == "removed":
        SEAL.unlink()
    before = SEAL.read_bytes() if SEAL.exists() else None
    forge(CHAIN["second"])
    do(CHAIN["third"])
    with pytest.raises(InputError) as refused:
        write_seal(RESULTS)
    first, last = str(refused.value).splitlines()
    said = "not as it was sealed" if before else "not in the last seal"
    assert first == f"results/fake/second.manifest.json: {said}, and no job wrote it like this: second.json"
    assert '--accept "WHY"' in last
    assert before == (SEAL.read_bytes() if SEAL.exists() else None), "the last seal stays"
    if before:
        assert check_seal(RESULTS).unvouched == ("second.manifest.json",)


def test_results_without_a_ledger_are_those_of_their_seal_alone(made):
    """As in an archive, or in a copy of the results."""
    write_seal(RESULTS)
    for path in sorted((RESULTS / "campaign").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    do(CHAIN["third"], "again")
    write_seal(RESULTS)
    assert check_seal(RESULTS).state == "intact"
    forge(CHAIN["first"])
    with pytest.raises(InputError, match=r"first\.manifest\.json: not as it was sealed"):
        write_seal(RESULTS)


def test_a_person_can_vouch_for_a_result_and_the_seal_says_so_as_long_as_it_stays(made):
    genuine = write_seal(RESULTS)
    forge(CHAIN["second"])
    sealed = write_seal(RESULTS, "a typing error in a class name")
    assert check_seal(RESULTS).accepted == {"second.manifest.json": "a typing error in a class name"}
    assert write_seal(RESULTS) == sealed
    assert "sealed on somebody's word: second.manifest.json: a typing" in report.summary([], check_seal(RESULTS))
    do(CHAIN["second"], '"second"')
    assert write_seal(RESULTS) == genuine
    for reason in ("", " ", "two\nlines"):
        with pytest.raises(InputError, match="--accept: expected the reason, in one line"):
            write_seal(RESULTS, reason)


@pytest.mark.parametrize("name", ["gone", "second/gone", "seal 000000000000: intact; a"])
def test_a_word_for_a_manifest_that_is_not_there_breaks_a_seal(made, name):
    write_seal(RESULTS)
    SEAL.write_text(f"{SEAL.read_text()}# accepted  {name}.manifest.json: x\n")
    seal = check_seal(RESULTS)
    assert (seal.state, seal.changed) == ("broken", (f"line {SEAL.read_text().count(chr(10))} of ROOT.sha256",))


def test_a_result_that_is_not_as_recorded_is_not_sealed(made):
    CHAIN["first"].outputs[0].write_text("edited")
    CHAIN["aside"].manifest.write_text("{}")
    for accept in (None, "I know why"):
        with pytest.raises(InputError) as refused:
            write_seal(RESULTS, accept)
        assert str(refused.value).splitlines()[:2] == [
            "results/fake/aside.manifest.json: not a manifest of this study",
            "results/fake/first.json: not as its manifest records it",
        ]


@pytest.mark.parametrize(
    "output",
    [
        "results/other/a.json",
        "/etc/passwd",
        "results/fake/../a.json",
        "results/fake/a\nb",
        f"results/fake/{'a/' * 10**6}a",
    ],
    ids=["another study", "the system", "a way up", "two lines", "a million folders"],
)
def test_a_manifest_of_files_elsewhere_is_not_sealed(made, output):
    path = RESULTS / "aside.manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"outputs": {output: "0" * 64}}))
    with pytest.raises(InputError, match=r"aside\.manifest\.json: not a manifest of this study"):
        write_seal(RESULTS, "I know why")


def accomplice(**outputs):
    """The manifest of a job, which lists more files of the study."""
    path = RESULTS / "third.manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"outputs": manifest["outputs"] | outputs}))


@pytest.mark.parametrize("listed", ["its own line", "results of another", "the manifest of another"])
def test_a_manifest_speaks_for_its_own_results_alone(made, listed):
    """Else one manifest could state what the seal has for others, and for itself."""
    write_seal(RESULTS)
    lines = (line.removeprefix("# ").split("  ") for line in SEAL.read_text().splitlines())
    sealed = {f"{RESULTS / path}": sha256 for sha256, path in lines}
    names = {
        "its own line": ["third.manifest.json"],
        "results of another": ["second.json"],
        "the manifest of another": ["second.manifest.json", "second.json"],
    }[listed]
    forge(CHAIN["second"])
    accomplice(**{f"{RESULTS / name}": sealed[f"{RESULTS / name}"] for name in {*names, "third.manifest.json"}})
    seal = check_seal(RESULTS)
    assert seal.state == "broken"
    assert {"second.json", "second.manifest.json", "third.manifest.json"} <= {*seal.changed}
    assert {*seal.unvouched} == {"second.manifest.json", "third.manifest.json"}
    for accept in (None, "I know why"):
        with pytest.raises(InputError, match=r"third\.manifest\.json: not a manifest of this study"):
            write_seal(RESULTS, accept)


def test_two_manifests_of_one_result_are_not_sealed(made):
    path = RESULTS / "copy.manifest.json"
    path.write_text((RESULTS / "third.manifest.json").read_text())
    with pytest.raises(InputError) as refused:
        write_seal(RESULTS, "I know why")
    assert str(refused.value).splitlines()[:2] == [
        f"results/fake/{name}.manifest.json: not a manifest of this study" for name in ("copy", "third")
    ]


@pytest.mark.parametrize("sha256", ["", "0" * 63, "0" * 64 + "\n", "F" * 64, "x\n# " + "0" * 64 + "  a.manifest.json"])
def test_what_is_no_sha256_makes_a_manifest_none(made, sha256):
    accomplice(**{f"{RESULTS / 'more.json'}": sha256})
    with pytest.raises(InputError, match=r"third\.manifest\.json: outputs\.results/fake/more\.json: "):
        read_manifest(RESULTS / "third.manifest.json")
    with pytest.raises(InputError, match=r"third\.manifest\.json: not a manifest of this study"):
        write_seal(RESULTS, "I know why")


def test_results_that_are_not_kept_are_sealed_as_recorded(made):
    published = write_seal(RESULTS)
    CHAIN["first"].outputs[0].unlink()
    assert check_seal(RESULTS, published).state == "intact"
    assert write_seal(RESULTS) == published


def test_sha256sum_checks_the_results_themselves(made):
    write_seal(RESULTS)
    command = ["sha256sum", "--check", "--strict", "--quiet", SEAL.name]
    assert subprocess.run(command, cwd=RESULTS, capture_output=True).returncode == 0
    CHAIN["first"].outputs[0].write_text("edited")
    done = subprocess.run(command, cwd=RESULTS, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "first.json: FAILED\n")


def test_circumstances_are_not_sealed(made):
    page = Job("page", "page", "{}", (), (RESULTS / "page.html", RESULTS / "page.records.js"))
    for path in page.outputs:
        path.write_text("")
    do(page)
    published = write_seal(RESULTS)
    page.outputs[1].write_text("later")
    do(page)
    assert write_seal(RESULTS) == published
    assert "records.js" not in SEAL.read_text()


def test_a_job_that_is_repeated_elsewhere_vouches_for_nothing(made, tmp_path):
    aside = job("runs/aside", [])
    note_statement(Job(aside.name, KIND, aside.parameter, (), (tmp_path / "temporary/run/a.json",)), "0" * 64)
    assert not (RESULTS / "campaign/made/runs").exists()
    assert [path for path in tmp_path.rglob("*") if "temporary" in path.parts] == []


@pytest.mark.parametrize("edited", ["# a comment\n{}", "{}\n\n", "CRLF"])
def test_comments_and_ends_of_lines_are_no_results(made, edited):
    published = write_seal(RESULTS)
    text = SEAL.read_text()
    SEAL.write_bytes(text.replace("\n", "\r\n").encode() if edited == "CRLF" else edited.format(text).encode())
    assert (check_seal(RESULTS).state, check_seal(RESULTS).changed) == ("intact", ())
    foreign = check_seal(RESULTS, published)
    assert (foreign.state, foreign.changed) == ("foreign", ())
    assert "no result differs from this seal, so it was sealed again" in report.summary([], foreign)


@pytest.mark.parametrize("line", ["nonsense", "# {0}  first.json", "{0}  x.manifest.json", "{0}  second.json"])
def test_a_line_of_a_seal_that_cannot_be_read_is_named(made, line):
    """No comment can take the place of a line that sha256sum would check; no line appears twice."""
    write_seal(RESULTS)
    lines = SEAL.read_text().splitlines()
    if "first.json" in line:
        lines = [one for one in lines if not one.endswith("  first.json")]
    lines.append(line.format(digest(CHAIN["first"].outputs[0])))
    SEAL.write_text("\n".join(lines) + "\n")
    seal = check_seal(RESULTS)
    assert seal.state == "broken"
    assert f"line {len(lines)} of ROOT.sha256" in seal.changed


def test_a_published_seal_names_what_is_not_as_it_was_published(made):
    published = Path("published.sha256")
    write_seal(RESULTS)
    published.write_bytes(SEAL.read_bytes())
    forge(CHAIN["second"])
    write_seal(RESULTS, "an attacker's word")
    assert check_seal(RESULTS).state == "intact"
    assert check_seal(RESULTS, digest(published)).state == "foreign"
    seal = check_seal(RESULTS, published)
    assert (seal.state, seal.changed) == ("broken", ("second.json", "second.manifest.json"))
    assert seal.unvouched == ("second.manifest.json",)


def test_beside_a_published_seal_the_study_s_own_is_looked_at(made):
    published = Path("published.sha256")
    write_seal(RESULTS)
    published.write_bytes(SEAL.read_bytes())
    assert seal_holds(check_seal(RESULTS, published), False, published)
    SEAL.write_text(SEAL.read_text().replace(digest(CHAIN["first"].outputs[0]), "0" * 64))
    seal = check_seal(RESULTS, published)
    assert (seal.state, seal.own.state) == ("intact", "broken")
    assert not seal_holds(seal, False, published)
    assert f"the study's own seal {digest(SEAL)[:12]}: broken, unsigned" in report.summary([], seal)
    SEAL.write_bytes(published.read_bytes())
    SEAL.with_name("ROOT.sha256.sig").write_text("nonsense")
    assert not seal_holds(check_seal(RESULTS, published), False, published)


def test_where_a_page_is_a_missing_seal_is_a_verdict(made):
    assert check_seal(RESULTS).state == "absent"
    assert seal_holds(check_seal(RESULTS), True, None)
    (RESULTS / "paper.html").write_text("")
    assert check_seal(RESULTS).state == "missing"
    assert not seal_holds(check_seal(RESULTS), True, None)
    SEAL.write_bytes(b"\xff")
    assert check_seal(RESULTS).state == "missing"
    assert check_seal(RESULTS).unvouched == ()
    forge(CHAIN["second"])
    assert check_seal(RESULTS).unvouched == ("second.manifest.json",), "the notes of jobs are there"
    assert "no job wrote second.manifest.json like this" in report.summary([], check_seal(RESULTS))


def test_where_nothing_can_vouch_for_results_the_audit_and_the_refusal_say_what_can(made):
    """As in an archive whose seal was removed: there is nothing that the audit could advise to make again."""
    shutil.rmtree(RESULTS / "campaign")
    (RESULTS / "paper.html").write_text("")
    seal = check_seal(RESULTS)
    assert (seal.state, seal.unknown, seal.unvouched) == ("missing", True, ())
    _, _, line = report.summary([], seal).splitlines()
    with pytest.raises(InputError) as refused:
        write_seal(RESULTS)
    last = str(refused.value).splitlines()[-1]
    assert line.strip() in last, "both say the same"
    assert "as `spl audit` advises" not in last
    for way in ("--rerun-cheap", "--rerun-sample", "--rerun", "--digest"):
        assert way in line
    nodes = [Node("second", "fresh", subcommand=KIND, files=CHAIN["second"].outputs)]
    for unknown, commands in ((False, ["spl seal results/fake"]), (True, [])):
        assert list(repair(nodes, "a", "a", RESULTS, False, unsealed=True, unknown=unknown)) == commands


def test_whoever_has_a_seal_or_notes_of_jobs_is_not_told_that_nothing_can_vouch(made):
    (RESULTS / "paper.html").write_text("")
    assert not check_seal(RESULTS).unknown, "the notes of jobs"
    write_seal(RESULTS)
    published = Path("published.sha256")
    shutil.copy(SEAL, published)
    shutil.rmtree(RESULTS / "campaign")
    assert not check_seal(RESULTS).unknown, "the seal"
    SEAL.unlink()
    beside = check_seal(RESULTS, published)
    assert beside.own.unknown
    assert "No seal or job record" not in report.summary([], beside), "what was published can"


@pytest.mark.parametrize("name", ["ROOT.sha256", "first.manifest.json"])
def test_a_seal_or_a_manifest_that_would_fill_memory_is_none(made, name):
    (RESULTS / "paper.html").write_text("")
    write_seal(RESULTS)
    os.truncate(RESULTS / name, MOST + 1)
    assert check_seal(RESULTS).state == ("missing" if name == "ROOT.sha256" else "broken")
    if name != "ROOT.sha256":
        with pytest.raises(InputError, match="expected at most 16,777,216 bytes"):
            read_manifest(RESULTS / name)


def test_a_manifest_of_more_values_than_any_has_is_none(made, monkeypatch):
    monkeypatch.setattr(manifests, "MOST_VALUES", 20)
    monkeypatch.setattr(manifests, "KEPT", 0)
    with pytest.raises(InputError, match=r"first\.manifest\.json: not a manifest: expected at most 20 values"):
        read_manifest(RESULTS / "first.manifest.json")


def test_large_manifests_are_not_kept(made, monkeypatch):
    """Somebody may leave any number of them among results."""
    path = RESULTS / "first.manifest.json"
    assert read_manifest(path) is read_manifest(path)
    monkeypatch.setattr(manifests, "KEPT", 100)
    assert read_manifest(path) is not read_manifest(path)
    assert read_manifest(path) == read_manifest(path)


def test_of_more_manifests_than_any_study_has_none_is_read(made, monkeypatch):
    total = sum(path.stat().st_size for path in RESULTS.rglob("*.manifest.json"))
    monkeypatch.setattr(sealing, "MOST_OF_MANIFESTS", total)
    (RESULTS / "large.manifest.json").touch()
    os.truncate(RESULTS / "large.manifest.json", 2**40)  # larger than any, so that it is not read
    assert check_seal(RESULTS).state == "absent"
    os.link(RESULTS / "first.manifest.json", RESULTS / "again.manifest.json")
    with pytest.raises(InputError, match=f"^{RESULTS}: expected manifests of at most {total:,} bytes"):
        check_seal(RESULTS)


def test_no_line_of_a_seal_vouches_for_partial_results(made):
    write_seal(RESULTS, "made by hand")
    partial = RESULTS / "partial/first.manifest.json"
    partial.parent.mkdir()
    partial.write_bytes((RESULTS / "first.manifest.json").read_bytes())
    with (RESULTS / "ROOT.sha256").open("a") as seal:
        seal.write(f"# {statement(read_manifest(partial))}  partial/first.manifest.json\n")
    names = ("first.manifest.json", "partial/first.manifest.json")
    assert sealing.unvouched(RESULTS, names) == names[1:]


# ---- signatures


@pytest.fixture
def keys(made, tmp_path, monkeypatch):
    """A sealed study, and the keys of a signer that the project lists and of another."""
    write_seal(RESULTS)
    for name in ("author", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", tmp_path / name], check=True)
    signers = tmp_path / "allowed_signers"
    signers.write_text(f"author@example.org {(tmp_path / 'author.pub').read_text()}")
    monkeypatch.setattr(signature, "SIGNERS", signers)
    return tmp_path


def test_a_signature_says_who_vouches_for_a_seal(keys):
    assert check_seal(RESULTS).signature.state == "unsigned"
    signature.sign(SEAL, keys / "author")
    seal = check_seal(RESULTS)
    assert seal.signature == signature.Signature("good", "signed by author@example.org")
    assert "intact, signed by author@example.org" in report.summary([], seal)
    by_hand = ("ssh-keygen", "-Y", "verify", "-f", signature.SIGNERS, "-I", "author@example.org")
    command = [*by_hand, "-n", "smooth-pseudo-labeling", "-s", f"{SEAL}.sig"]
    assert subprocess.run(command, stdin=SEAL.open(), capture_output=True).returncode == 0
    signature.sign(SEAL, keys / "other")
    assert check_seal(RESULTS).signature.state == "unknown"
    assert seal_holds(check_seal(RESULTS), False, None), "a stranger's key is no fault"
    signature.SIGNERS.unlink()
    signature.sign(SEAL, keys / "author")
    assert "signed by nobody in config/allowed_signers" in check_seal(RESULTS).signature.words


def test_a_wrong_signature_is_a_verdict(keys):
    signature.sign(SEAL, keys / "author")
    SEAL.write_bytes(SEAL.read_bytes() + b"# \n")
    seal = check_seal(RESULTS)
    assert (seal.state, seal.signature.state) == ("intact", "wrong")
    assert not seal_holds(seal, False, None)
    SEAL.with_name("ROOT.sha256.sig").write_text("nonsense")
    assert check_seal(RESULTS).signature.state == "wrong"


def test_a_seal_that_is_wrongly_signed_vouches_for_nothing_when_the_study_is_sealed_again(keys):
    signature.sign(SEAL, keys / "author")
    one = CHAIN["first"]
    sealed = [digest(one.outputs[0]), statement(read_manifest(one.manifest))]
    forge(one)
    forged = [digest(one.outputs[0]), statement(read_manifest(one.manifest))]
    text = SEAL.read_text()
    for before, after in zip(sealed, forged, strict=True):
        text = text.replace(before, after)
    SEAL.write_text(text)
    seal = check_seal(RESULTS)
    assert (seal.state, seal.signature.state, seal.unvouched) == ("intact", "wrong", ("first.manifest.json",))
    with pytest.raises(InputError, match="first.manifest.json: not in the last seal, and no job wrote it like this"):
        write_seal(RESULTS)
    do(one, "first")
    write_seal(RESULTS)
    assert check_seal(RESULTS).signature.state == "unsigned"


@pytest.mark.parametrize("place", ["a pipe", "a folder", "holes", "nothing"])
def test_a_signature_beside_no_seal_is_wrong_and_nothing_is_waited_for(keys, place):
    signature.sign(SEAL, keys / "author")
    if place == "holes":
        os.truncate(SEAL, 2**42)
    else:
        SEAL.unlink()
        {"a pipe": os.mkfifo, "a folder": os.mkdir}.get(place, str)(SEAL)
    assert signature.check_signature(SEAL).state == "wrong"
    assert sealing.unvouched(RESULTS, ["first.manifest.json"]) == (), "the notes of jobs are there"


def test_another_purpose_of_the_same_key_is_no_signature_of_a_seal(keys):
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", keys / "author", SEAL]
    subprocess.run(command, check=True, capture_output=True)
    assert check_seal(RESULTS).signature.state == "wrong"


def test_a_signature_lasts_as_long_as_its_seal(keys):
    signature.sign(SEAL, keys / "author")
    do(CHAIN["aside"], host="another")
    write_seal(RESULTS)
    assert check_seal(RESULTS).signature.state == "good"
    do(CHAIN["aside"], "other")
    write_seal(RESULTS)
    assert check_seal(RESULTS).signature.state == "unsigned"


def test_without_ssh_keygen_there_is_one_line(keys, monkeypatch):
    signature.sign(SEAL, keys / "author")
    monkeypatch.setenv("PATH", "")
    assert check_seal(RESULTS).signature.state == "unchecked"
    with pytest.raises(InputError, match="^--sign: ssh-keygen is not installed$"):
        signature.sign(SEAL, keys / "author")


def test_a_key_that_cannot_sign_gets_one_line(keys):
    with pytest.raises(InputError, match="^--sign .*absent: .+$"):
        signature.sign(SEAL, keys / "absent")
    assert not SEAL.with_name("ROOT.sha256.sig").exists()


def test_the_state_of_a_seal_is_printed_with_what_differs():
    changed = tuple(f"{name}.csv" for name in "abcde")
    seal = Seal("broken", "0" * 64, (*changed, "a.manifest.json"), ("a.manifest.json",))
    assert report.summary([], seal).splitlines()[1:] == [
        f"seal {'0' * 12}: broken, unsigned",
        "  not as sealed: a.csv, b.csv, c.csv and 3 more",
        "  no job wrote a.manifest.json like this",
    ]
    assert report.summary([], Seal("missing")).splitlines()[1] == "seal: missing or unreadable"
