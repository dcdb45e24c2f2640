"""The circumstances beside a page quote manifests: whatever else they say of a run, or of steps, is no quotation."""

import json
from pathlib import Path

import pytest
from chain import process

from spl.audit.verdicts import audit
from spl.campaign.job import Job, canonical, manifest_path
from spl.code.subcommands import with_code
from spl.page.circumstances import circumstances_script
from spl.provenance import machine
from spl.provenance.files import digest
from spl.provenance.manifest import Manifest
from spl.provenance.records import quotations

RUNS = {"digits/fixmatch": ("fixmatch", 10.0), "digits/smooth": ("smooth-fixmatch", 12.0)}
PAGE = with_code(
    "page",
    {
        "study": "fake",
        "trained": [*RUNS],
        "methods": {"fixmatch": "FixMatch", "smooth-fixmatch": "Smooth FixMatch"},
        "method_settings": [],
    },
)
RESULTS = Path("results/fake")
BEGUN = "2026-01-01T00:00:00+00:00"
JOB = Job("paper", "page", canonical(PAGE), (), (RESULTS / "paper.html", RESULTS / "paper.records.js"))


def write_manifest(path, subcommand, parameter, **more):
    known = {
        "subcommand": subcommand, "parameter": parameter, "code": {"fingerprint": PAGE["code"], "modules": []},
        "inputs": {}, "outputs": {}, "repository": {"commit": "0" * 40, "diff": None}, "lock": "",
        "packages": dict(machine.locked()), "hardware": {}, "environment": {}, "host": "h", "slurm_job": None,
        "begun": BEGUN, "ended": "2026-01-01T00:00:30+00:00", "process": process("page", {}),
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(Manifest(**known | more).model_dump_json(exclude_unset=True))


def run(path, host="h", seconds=None, **more):
    method, usual = RUNS[path]
    write_manifest(
        manifest_path(RESULTS / "runs" / path), "train",
        {"method": method, "dataset": "digits", "settings": {"steps": 100}},
        host=host, hardware={"processor": "A", "cores": 2, "threads": 1},
        attempts=[{"begun": BEGUN, "first": 0, "status": "done", "seconds": seconds or usual}], **more,
    )  # fmt: skip


def judge(quoted, **more):
    """The verdict on a page beside which this is quoted."""
    JOB.outputs[1].write_text(circumstances_script(quoted))
    outputs = {str(path): digest(path) for path in JOB.outputs}
    times = {"begun": "2026-01-01T00:01:00+00:00", "ended": "2026-01-01T00:01:01+00:00"}
    write_manifest(JOB.manifest, "page", PAGE, outputs=outputs, **times | more)
    return audit({JOB.name: JOB}, lambda path: digest(path) if path.exists() else None)[JOB.name]


@pytest.fixture
def quoted(tmp_path, monkeypatch):
    """What the job of the page wrote."""
    monkeypatch.chdir(tmp_path)
    for path in RUNS:
        run(path)
    JOB.outputs[0].write_text("page")
    return json.loads(json.dumps(quotations(PAGE)))


def test_what_the_job_of_the_page_wrote_is_fresh(quoted):
    assert [row["median"] for row in quoted["step times"]] == [1.0, 1.2]
    node = judge(quoted)
    assert (node.verdict, node.why) == ("fresh", ())


FIRST = "digits/fixmatch"
# A record of a manifest that is no longer here, which cannot be compared.
OTHER = {"manifest, sha256": "f" * 64}
FORGED = {
    "a remark on a run": (lambda q: q[FIRST].update(certified="by somebody"), 'certified is "by somebody"'),
    "another host": (lambda q: q[FIRST].update(host="elsewhere"), 'host is "elsewhere", its manifest has "h"'),
    "another processor": (lambda q: q[FIRST].update(processor="B"), 'processor is "B", its manifest has "A"'),
    "no field that every record has": (lambda q: q[FIRST].pop("host"), f"{FIRST}.host: Field required"),
    "no field that some records have": (lambda q: q[FIRST].pop("cores"), "cores is nothing, its manifest has 2"),
    "no record": (lambda q: q.pop(FIRST), f"{FIRST}: no record, although its manifest is older than the page"),
    "a run of nobody": (lambda q: q.update({"digits/best": {}}), "digits/best: no run of this page"),
    "a remark on the study": (lambda q: q.update(certified={"by": "somebody"}), "certified: no run of this page"),
    "a remark on a run of an older manifest": (
        lambda q: q[FIRST].update(OTHER | {"certified": "yes"}), f"{FIRST}.certified: Extra inputs"
    ),
    "words for a number": (
        lambda q: q[FIRST].update(OTHER | {"cores": "2 (certified)"}), f"{FIRST}.cores: Input should be a valid integer"
    ),
    "words for a time": (lambda q: q[FIRST].update(OTHER | {"ended": "in time"}), f"{FIRST}.ended: String"),
    "words for a digest": (lambda q: q[FIRST].update({"manifest, sha256": "lost"}), "manifest, sha256: String"),
    "no times of steps": (lambda q: q.pop("step times"), "not what a job writes: KeyError"),
    "a faster method": (lambda q: q["step times"][1].update(median=0.9), "step times: ["),
    "a remark on a method": (
        lambda q: (q[FIRST].update(OTHER), q["step times"][1].update(certified="yes")), "step times.1.certified: Extra"
    ),
    "a record of nobody's manifest": (
        lambda q: q[FIRST].update(OTHER | {"processor": "C"}),
        f"{FIRST}: the record is of another manifest than the one that is older than the page",
    ),
    "a method of nobody": (
        lambda q: (q[FIRST].update(OTHER), q["step times"][1].update(method="Best")), "step times: Best is no method"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_what_no_manifest_says_is_a_contradiction(quoted, name):
    forge, expected = FORGED[name]
    forge(quoted)
    node = judge(quoted)
    assert node.verdict == "contradictory"
    assert expected in "; ".join(node.why)


def test_a_run_that_was_repeated_since_is_still_quoted_as_it_was(quoted):
    run(FIRST, host="another", seconds=7.0, ended="2026-01-01T00:02:00+00:00")
    assert judge(quoted).verdict == "fresh"
    manifest_path(RESULTS / "runs" / FIRST).unlink()
    assert judge(quoted).verdict == "fresh"


NOTED = {
    "another host": ({"host": "elsewhere"}, 'host is "elsewhere"'),
    "fewer attempts": ({"attempts": 1}, "attempts is 1, "),
    "no resumption": ({"resumed": ""}, 'resumed is "", '),
    "another time": (
        {"begun": "2026-01-01T02:00:00+00:00", "ended": "2026-01-01T02:00:30+00:00"}, "no attempt in results/fake/"
    ),
}  # fmt: skip


def test_of_a_manifest_that_is_gone_the_journal_may_know(quoted):
    folder = RESULTS / "checkpoints" / FIRST
    folder.mkdir(parents=True)
    manifest_path(RESULTS / "runs" / FIRST).unlink()
    events = [
        {"time": "2025-12-31T23:00:00+00:00", "event": "start", "first": 0, "identity": "i", "host": "h", "job": None},
        {"time": BEGUN, "event": "start", "first": 40, "identity": "i", "host": "h", "job": None, "checkpoint": "c0"},
        {"time": "2026-02-01T00:00:00+00:00", "event": "start", "first": 0, "identity": "i", "host": "b", "job": None},
    ]
    (folder / "journal.jsonl").write_text("".join(f"{json.dumps(event)}\n" for event in events))
    quoted[FIRST] |= OTHER | {"attempts": 2, "resumed": "resumed at step 40 from checkpoint c0"}
    assert judge(quoted).verdict == "fresh"
    for change, expected in NOTED.values():
        node = judge(quoted | {FIRST: quoted[FIRST] | change})
        assert node.verdict == "contradictory"
        assert expected in "; ".join(node.why)
    (folder / "journal.jsonl").write_text(json.dumps(events[2]))
    assert judge(quoted).verdict == "fresh", "this journal began anew"


def test_a_run_that_was_not_done_when_the_page_was_built_is_not_quoted(quoted):
    manifest_path(RESULTS / "runs/digits/smooth").unlink()
    early = json.loads(json.dumps(quotations(PAGE)))
    run("digits/smooth")
    assert judge(early, begun=BEGUN).verdict == "fresh", "the run ended later"


def test_a_page_of_other_code_is_stale_and_no_lie(quoted):
    quoted[FIRST]["earlier name"] = "h"
    node = judge(quoted, code={"fingerprint": "0" * 64, "modules": []})
    assert (node.verdict, node.kinds) == ("stale", ("code",))
