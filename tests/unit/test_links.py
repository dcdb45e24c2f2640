"""Links among results: a process may find other bytes behind one than the next, so that no result lies there."""

import os
import shutil
import subprocess
from contextlib import chdir
from io import StringIO
from pathlib import Path

import pytest
from chain import CHAIN, CODE, KIND, RESULTS, make, write
from rich.console import Console

from spl.attempts.journal import read_attempts
from spl.audit import rerun
from spl.audit.judging import listing_of
from spl.audit.planned import PlannedStudy
from spl.audit.published import check_complete, differences
from spl.audit.repair import repair
from spl.audit.verdicts import audit, orphans
from spl.campaign.job import Job, canonical
from spl.errors import InputError
from spl.provenance.digests import digests, read_agreed, write_agreed
from spl.provenance.ledger import note_statement, noted_statement
from spl.provenance.links import check_folders, check_place
from spl.provenance.recording import recorded
from spl.provenance.seal import check_seal, write_seal

SEAL = RESULTS / "ROOT.sha256"
THROUGH_PROC = "/proc/self/cwd/{name}"
TARGETS = pytest.mark.parametrize("target", [THROUGH_PROC, "{aside}", "nowhere"])


def deep(name, *inputs):
    path = RESULTS / f"runs/a/{name}.json"
    return Job(f"runs/a/{name}", KIND, canonical({"code": CODE}), inputs, (path,))


FIRST = deep("first")
JOBS = {job.name: job for job in (FIRST, deep("second", *FIRST.outputs), *CHAIN.values())}


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The chain, and two jobs in a folder below the results, sealed."""
    monkeypatch.chdir(tmp_path)
    make()
    (RESULTS / "runs/a").mkdir(parents=True)
    for name in ("first", "second"):
        JOBS[f"runs/a/{name}"].outputs[0].write_text(f'"{name}"')
    for name in ("first", "second"):
        write(JOBS[f"runs/a/{name}"])
    write_seal(RESULTS, "no job ran")


def judge(archive=False):
    paths = [path for job in JOBS.values() for path in (*job.outputs, *job.inputs)]
    return audit(JOBS, digests(paths, Path("memory.json"), quick=False).__getitem__, archive)


def verdicts(archive=False):
    return {name: node.verdict for name, node in judge(archive).items() if node.verdict != "fresh"}


def swap(path, target):
    """Put a link in the place of a file or a folder, which lies elsewhere from now on."""
    aside = Path.cwd() / f"aside-{path.name}"
    path.rename(aside)
    path.symlink_to(target.format(aside=aside, name=aside.name))


# ---- in the place of results


@TARGETS
@pytest.mark.parametrize("which", ["result", "manifest"])
@pytest.mark.parametrize("archive", [False, True])
def test_a_link_in_the_place_of_a_result_or_its_manifest_is_tampering(made, target, which, archive):
    job = CHAIN["second"]
    swap(job.outputs[0] if which == "result" else job.manifest, target)
    assert verdicts(archive) == {"second": "tampered", "third": "broken-chain"}


@TARGETS
@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize("folder", ["runs", "runs/a"])
def test_results_behind_a_link_below_their_study_are_tampered(made, target, archive, folder):
    swap(RESULTS / folder, target)
    assert verdicts(archive) == {"runs/a/first": "tampered", "runs/a/second": "tampered"}
    [why] = judge(archive)["runs/a/first"].why
    assert why.startswith(f"results/fake/{folder} is a link; expected no links to results")


def test_what_the_audit_advises_about_links_judges_what_was_behind_them(made):
    swap(RESULTS / "runs", "{aside}")
    swap(CHAIN["aside"].outputs[0], THROUGH_PROC)
    swap(CHAIN["third"].manifest, "/dev/null")
    commands = list(repair(judge().values(), "a.yaml", "a.yaml", RESULTS, touch=False))
    assert not any("snakemake" in command for command in commands), "a run would be trained through the link"
    for command in commands:
        subprocess.run(command, shell=True, check=True)
    assert [path for path in RESULTS.rglob("*") if path.is_symlink()] == []
    assert verdicts() == {"third": "unrecorded"}
    (Path("aside-runs") / "a/first.json").write_text("not in use any more")
    assert verdicts() == {"third": "unrecorded"}


def advised(*, whole=True):
    """The commands at the end of an audit of everything, or of results alone."""
    nodes = [*judge().values(), *(orphans(JOBS, RESULTS) if whole else ())]
    return list(repair(nodes, "a.yaml", "a.yaml", RESULTS, touch=False))


def follow(commands):
    for command in (command for command in commands if not command.startswith(("snakemake", "spl"))):
        subprocess.run(command, shell=True, check=True)


@pytest.mark.parametrize("occupy", [lambda path: path.symlink_to("../private"), Path.touch, os.mkfifo])
def test_orphans_are_moved_into_no_folder_behind_a_link(made, occupy):
    Path("private").mkdir()
    (RESULTS / "authorized_keys").write_text("the sender's")
    occupy(Path("results/fake-orphans"))
    Path("results/fake-orphans-2").symlink_to(Path("private").absolute())
    follow(advised())
    assert list(Path("private").iterdir()) == []
    assert Path("results/fake-orphans-3/authorized_keys").read_text() == "the sender's"
    (RESULTS / "more").write_text("")
    follow(advised())
    assert len(list(Path("results/fake-orphans-3").iterdir())) == 2, "a folder that is one is used again"


@pytest.mark.parametrize("folder", ["runs", "runs/a"])
def test_nothing_behind_a_link_is_an_orphan_or_moved(made, folder):
    Path("private").mkdir()
    Path("private/id_rsa").write_text("secret")
    swap(RESULTS / folder, str(Path("private").absolute()))
    assert list(orphans(JOBS, RESULTS)) == []
    assert verdicts()["runs/a/first"] == "tampered", "it names the link"
    follow(advised())
    assert Path("private/id_rsa").read_text() == "secret"


def test_what_the_audit_copies_is_written_through_no_link(made):
    Path("payload").write_text("of the sender")
    Path("own").write_text("precious")
    result = CHAIN["third"].outputs[0]
    swap(result, str(Path("payload").absolute()))
    Path(f"{result}.copy").symlink_to(Path("own").absolute())
    commands = advised(whole=False)
    Path(f"{result}.copy-2").symlink_to(Path("own").absolute())  # after the commands were printed
    follow(commands)
    assert Path("own").read_text() == "precious"
    assert result.read_text() == "of the sender"
    assert not result.is_symlink()


@pytest.mark.parametrize("target", ["a", ".", "..", "{here}/results", "/"])
@pytest.mark.parametrize("whole", [True, False])
def test_a_link_to_itself_or_around_itself_is_removed(made, target, whole):
    (RESULTS / "runs/a").rename("aside")
    (RESULTS / "runs/a").symlink_to(target.format(here=Path.cwd()))
    commands = advised(whole=whole)
    assert not any("cp " in command for command in commands), "it would not end"
    follow(commands)
    assert not os.path.lexists(RESULTS / "runs/a")
    assert verdicts() == {"runs/a/first": "missing", "runs/a/second": "missing"}


def test_what_is_published_follows_no_link(made):
    study = PlannedStudy(Path("study.yaml"), None, JOBS, RESULTS)
    published = listing_of(study)
    check_complete(JOBS, published)
    swap(CHAIN["third"].outputs[0], THROUGH_PROC)
    assert differences(JOBS, listing_of(study), published) == ["  third: missing here"]
    with pytest.raises(InputError, match="^third: expected files; the digest covers a whole study$"):
        check_complete(JOBS, listing_of(study))
    swap(RESULTS / "runs", "{aside}")
    archive = PlannedStudy(Path("study.yaml"), None, JOBS, RESULTS, archive=True)
    assert {"third", "runs/a/first", "runs/a/second"}.isdisjoint(listing_of(archive))


def test_a_link_to_the_same_bytes_is_no_result_that_was_computed_again(made, monkeypatch):
    monkeypatch.setattr(rerun, "_do_again", lambda *_: pytest.fail("it was computed"))
    swap(CHAIN["third"].outputs[0], THROUGH_PROC)
    study = PlannedStudy(Path("study.yaml"), None, CHAIN, RESULTS)
    with pytest.raises(InputError, match=r"third\.json is a link"):
        rerun.rerun_one(study, "third", Console(file=StringIO()))


# ---- seals


@pytest.mark.parametrize("name", ["first.json", "second.manifest.json", "runs", "runs/a"])
def test_no_seal_is_written_over_links(made, name):
    swap(RESULTS / name, THROUGH_PROC)
    before = SEAL.read_bytes()
    with pytest.raises(InputError, match=rf"^results/fake/{name} is a link; "):
        write_seal(RESULTS, "I know why")
    assert SEAL.read_bytes() == before
    assert (check_seal(RESULTS).state == "broken") == (name != "first.json"), "what lies behind links is not there"


def test_what_holds_no_results_may_lie_behind_links(made):
    """Checkpoints need room, and lie on scratch disks."""
    Path("scratch").mkdir()
    (RESULTS / "checkpoints").symlink_to(Path("scratch").absolute())
    (RESULTS / "latest.json").symlink_to("first.json")
    check_folders(JOBS.values(), RESULTS)
    assert verdicts() == {}
    assert check_seal(RESULTS).state == "intact"
    write_seal(RESULTS, "no job ran")
    assert [node.name for node in orphans(JOBS, RESULTS)] == ["results/fake/latest.json"]


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: path.symlink_to("/proc/self/cwd/elsewhere")])
def test_what_is_no_file_in_the_place_of_a_seal_is_a_missing_seal(made, make):
    Path("elsewhere").write_bytes(SEAL.read_bytes())
    SEAL.unlink()
    assert check_seal(RESULTS).state == "absent"
    make(SEAL)
    assert check_seal(RESULTS).state == "missing"
    if not SEAL.is_symlink():
        with pytest.raises(InputError, match=r"^results/fake/ROOT\.sha256: expected a file or nothing$"):
            write_seal(RESULTS, "no job ran")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: path.symlink_to("/proc/self/cwd/elsewhere")])
def test_what_is_no_file_in_the_place_of_a_signature_is_a_wrong_one(made, make):
    signature = RESULTS / "ROOT.sha256.sig"
    make(signature)
    assert check_seal(RESULTS).signature.words == "wrong signature: ROOT.sha256.sig is no file"
    if not signature.is_symlink():
        with pytest.raises(InputError, match=r"^results/fake/ROOT\.sha256\.sig: expected a file or nothing$"):
            write_seal(RESULTS, "no job ran")


def test_what_is_too_large_for_a_signature_is_a_wrong_one_and_not_read(made):
    signature = RESULTS / "ROOT.sha256.sig"
    signature.touch()
    os.truncate(signature, 2**40)
    assert check_seal(RESULTS).signature.words == "wrong signature: ROOT.sha256.sig has more than 65,536 bytes"


@pytest.mark.parametrize("name", ["logs/digests.json", "logs/agreed.json", "campaign/made/first.manifest.json.sha256"])
def test_a_pipe_in_the_place_of_a_note_is_not_waited_for(made, name):
    path = RESULTS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    assert read_agreed(path) == set()
    assert noted_statement(RESULTS, "first.manifest.json") is None
    assert digests([Path("raw.gz")], path, quick=True)[Path("raw.gz")]


def test_a_pipe_in_the_place_of_the_measurements_of_a_run_is_not_waited_for(made):
    run = RESULTS / "runs/digits/fold0/fixmatch/seed0"
    run.mkdir(parents=True)
    os.mkfifo(run / "metrics.csv")
    job = Job("runs/digits/fold0/fixmatch/seed0", "train", canonical({"code": CODE}), (), (run / "metrics.csv",))
    assert audit({job.name: job}, lambda path: None)[job.name].verdict == "missing"
    os.mkfifo(run / "journal.jsonl")
    assert read_attempts(run) == []


# ---- the folder of the study


def test_a_study_on_a_scratch_disk_is_audited_and_sealed_as_any_other(made):
    """Clusters have scratch disks."""
    sealed = write_seal(RESULTS, "no job ran")
    for place in (RESULTS, RESULTS.parent):
        swap(place, "{aside}")
        check_place(RESULTS)
        check_folders(JOBS.values(), RESULTS)
        assert verdicts() == {}
        assert check_seal(RESULTS, sealed).state == "intact"
        assert write_seal(RESULTS, "no job ran") == sealed


@pytest.mark.parametrize("place", [RESULTS, RESULTS.parent])
@pytest.mark.parametrize("way", ["/proc/self/cwd/{name}", "/dev/fd/../cwd/{name}", "way/{name}"])
def test_a_study_whose_place_depends_on_the_reader_is_refused(made, place, way):
    Path("results/way").symlink_to("/proc/self/cwd")
    Path("way").symlink_to("/proc/self/cwd")
    swap(place, way if way.startswith("/") else f"{Path.cwd()}/{way}")
    assert RESULTS.is_dir()
    for refuses in (check_place, write_seal, lambda results: check_folders([], results)):
        with pytest.raises(InputError, match="^results/fake: the way to it leads through /proc"):
            refuses(RESULTS)
    with chdir("/"):
        check_place(Path("tmp"))


# ---- jobs


def test_no_job_writes_through_a_link(made):
    output = RESULTS / "new.json"
    job = Job("new", KIND, canonical({"code": CODE}), (), (output,))
    Path("victim").write_text("of somebody else")
    for target in ("victim", "nothing"):
        output.unlink(missing_ok=True)
        output.symlink_to(Path(target).absolute())
        with recorded(job):
            output.write_text("new")
        assert not output.is_symlink()
    assert Path("victim").read_text() == "of somebody else"
    assert not Path("nothing").exists()
    swap(RESULTS / "runs", "{aside}")
    message = "^results/fake/runs is a link; .*; only results/fake itself may be one$"
    with pytest.raises(InputError, match=message), recorded(FIRST):
        pytest.fail("it began")
    with pytest.raises(InputError, match=message):
        check_folders(JOBS.values(), RESULTS)


def test_an_audit_writes_through_no_link_that_waits_for_it(tmp_path):
    """In results that somebody sent, links may wait in the place of what an audit notes for the next one."""
    own = tmp_path / "own"
    own.write_text("precious")
    logs = tmp_path / "received/logs"
    logs.mkdir(parents=True)
    for name in (f".digests.json.{os.getpid()}", "digests.json"):
        (logs / name).symlink_to(own)
    assert digests([own], logs / "digests.json", quick=False)[own]
    assert own.read_text() == "precious"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "logs").symlink_to(elsewhere)
    digests([own], tmp_path / "logs/digests.json", quick=False)
    write_agreed(tmp_path / "logs/agreed.json", ["a"])
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("place", [RESULTS, RESULTS.parent])
def test_an_audit_notes_behind_a_link_to_the_study_only_where_its_jobs_were_at_work(made, place):
    """Jobs of one's own leave notes on a scratch disk; a link that somebody sent may lead to any folder."""
    notes = RESULTS / "logs/digests.json", RESULTS / "logs/agreed.json"
    swap(place, "{aside}")

    def audit_all():
        digests([Path("raw.gz")], notes[0], quick=False)
        write_agreed(notes[1], ["a"])

    shutil.rmtree(RESULTS / "logs", ignore_errors=True)
    shutil.rmtree(RESULTS / "campaign", ignore_errors=True)
    audit_all()
    assert not (RESULTS / "logs").exists()
    note_statement(CHAIN["first"], "stated")
    audit_all()
    assert all(note.is_file() for note in notes)
