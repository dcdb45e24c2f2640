"""Jobs of a real study done again for an audit: what an author forged, with all manifests and the seal, is found."""

import hashlib

import pytest

STUDY = "tests/studies/tiny.yaml"
RESULTS = {
    "data": "data/digits/dataset.json",
    "split": "splits/digits/balanced-40/fold1.json",
    "calibrate": "calibration/digits/smooth-fixmatch.json",
    "analyse": "analysis/scarce-labels.csv",
    "table": "tables/table1.csv",
    "figure": "figures/fig4.csv",
    "page": "paper.html",
}
"""A result of each subcommand but training."""


def forge(project, name, old=b"1", new=b"2"):
    """Edit a result, and with it whatever quotes its sha256, or quotes what quotes it; nothing contradicts it then."""
    path, records = project.results / name, project.results / "paper.records.js"
    assert old in path.read_bytes()
    changed = [_edit(path, (old, new))]
    # Records quote manifests of runs, and the manifest of the page quotes the records
    for quoting in (*project.results.rglob("*.manifest.json"), records, project.results / "paper.manifest.json"):
        changed.append(_edit(quoting, *changed))
    assert project.spl("seal", project.results, "--accept", "a forger's word").returncode == 0


def _edit(path, *changes):
    """Replace once in a file what each change begins with; returns its sha256 before and after."""
    before = after = path.read_bytes()
    for old, new in changes:
        after = after.replace(old, new, 1)
    path.write_bytes(after)
    return tuple(hashlib.sha256(content).hexdigest().encode() for content in (before, after))


@pytest.mark.parametrize("subcommand", RESULTS)
def test_a_forged_result_of_any_kind_is_found_by_computing_it_again(finished, subcommand):
    name = RESULTS[subcommand]
    genuine = finished.spl("audit", "--study", STUDY, "--rerun", name)
    assert (genuine.returncode, genuine.stderr) == (0, "")
    assert genuine.stdout.endswith(": the same bytes\n")
    forge(finished, name)
    again = finished.spl("audit", "--study", STUDY, "--rerun", f"results/tiny/{name}")
    assert again.returncode == 1
    assert f": {name.rpartition('/')[2]} differs from line " in again.stdout


def test_everything_that_trains_nothing_is_computed_again_and_a_forgery_is_named(finished):
    forge(finished, "tables/table1.csv", b"mean,0.", b"mean,0.0")
    assert finished.spl("audit", "--study", STUDY).returncode == 0, "nothing in the folder contradicts it"
    again = finished.spl("audit", "table1", "fig1", "--study", STUDY, "--rerun-cheap")
    assert again.returncode == 1
    assert again.stderr == ""
    differing, summary = again.stdout.splitlines()
    assert differing.startswith("✗ tables/table1: table1.csv differs from line ")
    assert summary == "6 of 7 jobs have the same bytes as before; 6 training runs were not repeated"
    assert not list(finished.results.glob("campaign/made/again*")), "what is done again leaves nothing"


def test_a_forged_run_is_found_by_training_it_again(finished):
    """One number that nothing else in the folder depends on was edited, and everything was sealed."""
    sampled = ("audit", "table1", "--study", STUDY, "--rerun-sample", "1", "--seed", "3")
    genuine = finished.spl(*sampled)
    assert genuine.returncode == 0, genuine.stderr
    heading, run, outcome, proof = genuine.stdout.splitlines()
    assert heading.startswith("1 of 6 runs, drawn by seed 3, about ")
    assert outcome == f"✓ {run.strip()}: the same bytes"
    assert proof.startswith("1 of 6 runs reproduced. ")
    metrics = f"{run.strip()}/metrics.csv"
    header, first, *_ = (finished.results / metrics).read_text().splitlines()
    purity = dict(zip(header.split(","), first.split(","), strict=True))["purity"]
    forge(finished, metrics, f",{purity},".encode(), b",0.999,")
    assert finished.spl("audit", "--study", STUDY).returncode == 0, "nothing in the folder contradicts it"
    again = finished.spl(*sampled)
    assert again.returncode == 1
    assert f"✗ {run.strip()}: metrics.csv differ; last error " in again.stdout
    assert again.stdout.endswith("1 of 1 runs are not what training gives\n")


def test_an_audit_compares_with_what_was_published(finished):
    listed = finished.spl("digest", STUDY, "--jobs").stdout
    (finished.folder / "tiny.sha256").write_text(listed)
    published = hashlib.sha256(listed.encode()).hexdigest()
    for known in ("tiny.sha256", published):
        same = finished.spl("audit", "--study", STUDY, "--digest", known)
        assert (same.returncode, same.stdout.splitlines()[-1]) == (0, f"the same bytes as published in {known}")
        assert finished.spl("digest", STUDY, "--against", known).returncode == 0
    forge(finished, "tables/table7.csv")
    differing = ["not the bytes that were published in tiny.sha256:", "  tables/table7"]
    for command in (("audit", "--study", STUDY, "--digest"), ("digest", STUDY, "--against")):
        other = finished.spl(*command, "tiny.sha256")
        assert (other.returncode, other.stdout.splitlines()[-2:]) == (1, differing)
        assert finished.spl(*command, published).returncode == 1


REFUSED = [
    (["--rerun-cheap", "--json"], "--rerun-cheap cannot be combined with --json"),
    (["--rerun", "table1", "--seal", "0" * 64], "--rerun cannot be combined with --seal"),
    (["--rerun-cheap", "--digest", "0" * 64], "--rerun-cheap cannot be combined with --digest"),
    (["--rerun", ""], "--rerun: expected a result, got nothing"),
    (["--why", ""], "--why: expected a result, got nothing"),
    (["--rerun-sample", "2"], "--rerun-sample and --seed need each other"),
    (["--seed", "2"], "--rerun-sample and --seed need each other"),
    (["--digest", "0" * 64, "--quick"], "--quick cannot be combined with --digest"),
    (["--digest", "nowhere.sha256"], "nowhere.sha256: expected lines of a sha256"),
    (["--rerun", "table1", "fig4"], "--rerun cannot be combined with fig4"),
]


@pytest.mark.parametrize(("arguments", "expected"), REFUSED)
def test_what_cannot_be_asked_for_gets_one_line(project, arguments, expected):
    refused = project.spl("audit", "--study", STUDY, *arguments)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"error: {expected}")
    assert refused.stderr.count("\n") == 1
