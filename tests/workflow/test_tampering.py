"""What an audit says of results that somebody touched, and what Snakemake alone would do about it."""

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

STUDY = "tests/studies/tiny.yaml"
TRAININGS = [
    f"runs/digits/balanced-40/fold{fold}/{method}/seed0"
    for fold in (0, 1)
    for method in ("fixmatch", "smooth-fixmatch")
]
CALIBRATING = [
    "runs/digits/balanced-40/fold0/fixmatch/stop=60+evaluate_every=6+evaluate_late_every=6/seed0",
    "runs/digits/balanced-40/fold0/smooth-fixmatch/stop=60+lambda_u=1.0+evaluate_every=6+evaluate_late_every=6/seed0",
]
SPLITS = [
    f"splits/digits/{scheme}/fold{fold}" for scheme in ("balanced-40", "random-20", "random-30") for fold in (0, 1)
]
SHOWN = {
    *("tables/claims", "tables/table1", "tables/table7", "tables/aggregate", "tables/collapses-scarce-labels"),
    *("tables/weakest-classes-scarce-labels", "tables/within-basins-scarce-labels"),
    *("tables/instability-scarce-labels", "tables/coverage", "tables/flips", "figures/pseudo-labels"),
    *("figures/confusion", "figures/basins-scarce-labels", "figures/collapse-scarce-labels", "paper"),
}


def audit(project, *arguments):
    """The status of an audit, and what it says."""
    done = project.spl("audit", "--json", "--study", STUDY, *arguments)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def verdicts(project):
    """The nodes that are not fresh, by name, with their verdict and which kinds of stale they are."""
    status, said = audit(project)
    found = {node["name"]: node for node in said["nodes"] if node["verdict"] != "fresh"}
    assert status == (0 if not found and said["seal"]["state"] == "intact" else 1)
    assert said["fresh"] == (not found)
    return {name: " ".join([node["verdict"], *node["kinds"]]) for name, node in found.items()}


def repair(project):
    """Do what an audit says; returns the rules that ran."""
    ran = []
    in_project = {"shell": True, "cwd": project.folder, "env": project.environment()}
    for command in audit(project)[1]["repair"]:
        done = subprocess.run(command, **in_project, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}"
        ran += re.findall(r"^(?:local)?rule (\w+):", done.stdout + done.stderr, re.MULTILINE)
    return sorted(ran)


def keeping_time(path, content):
    """Write a file as if nobody had."""
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_results_that_nobody_touched_are_fresh(finished):
    status, said = audit(finished)
    assert status == 0
    assert said["sound"]
    assert [audit(finished, "--seal", "0" * 64)[1][name] for name in ("sound", "fresh")] == [False, True]
    assert {node["verdict"] for node in said["nodes"]} == {"fresh"}
    assert said["seal"]["state"] == "intact"
    assert said["repair"] == []
    assert {"data/digits", "splits/digits/random-20/fold1", "figures/fig1", "paper", *TRAININGS, *CALIBRATING} <= {
        node["name"] for node in said["nodes"]
    }


def test_an_edited_figure_then_a_deleted_page(finished):
    with (finished.results / "figures/fig1.png").open("ab") as figure:
        figure.write(b"x")
    assert verdicts(finished) == {"figures/fig1": "tampered", "paper": "broken-chain"}
    assert finished.planned("all") <= {"paper", "seal", "all"}, "it believes the figure, and would show it"
    (finished.results / "paper.html").unlink()
    assert verdicts(finished) == {"figures/fig1": "tampered", "paper": "missing"}
    assert {"figure", "paper"} <= set(repair(finished))
    assert verdicts(finished) == {}


def test_an_edited_intermediate_file_whose_time_was_kept(finished):
    summary = finished.results / "analysis/scarce-labels.csv"
    keeping_time(summary, summary.read_bytes().replace(b"0.1", b"0.2"))
    assert verdicts(finished) == {"analysis/scarce-labels": "tampered", **dict.fromkeys(SHOWN, "broken-chain")}
    assert finished.planned("all") == set(), "Snakemake sees nothing"
    assert repair(finished).count("train") == 0
    assert verdicts(finished) == {}


def test_parameters_swapped_between_keys(finished):
    finished.edit(STUDY, "fold_seeds: [0, 1, 2]", "fold_seeds: [1, 0, 2]")
    said = verdicts(finished)
    trained = {*TRAININGS, *CALIBRATING}
    assert {name for name, verdict in said.items() if verdict == "stale config"} == {*SPLITS, *trained}
    jobs = finished.planned("all")
    assert {f"split {name.removeprefix('splits/')}" for name in SPLITS} <= jobs
    assert {f"train {name.removeprefix('runs/')}" for name in trained} <= jobs


def test_an_edited_module_that_others_use(finished):
    finished.edit("workflow/spl/data/ranking.py", "{stream}:{seed}:{label}", "{stream}-{seed}-{label}")
    said = verdicts(finished)
    # The test images of the digits are drawn with it, too, and what reads a split imports it.
    read_splits = (*TRAININGS, *CALIBRATING, "figures/fig4", "paper")
    assert {said[name] for name in ("data/digits", *SPLITS, *read_splits)} == {"stale code"}
    assert said["analysis/scarce-labels"] == "broken-chain"
    assert "figures/fig1" not in said
    assert {job.split()[0] for job in finished.planned("all")} >= {"split", "train", "analyse", "figure", "paper"}


def locked(project, package):
    """The version of a package in the lock file."""
    lock = (project.folder / "envs/requirements.lock").read_text()
    return re.search(rf"^{package}==(.*)$", lock, re.MULTILINE)[1]


def test_a_changed_lock_file(finished):
    finished.edit("envs/requirements.lock", f"matplotlib=={locked(finished, 'matplotlib')}", "matplotlib==9.9")
    said = verdicts(finished)
    drawn = {name for name, verdict in said.items() if verdict == "stale env"}
    assert drawn >= {"figures/fig1", "figures/fig4", "figures/confusion"}
    assert drawn.isdisjoint({*TRAININGS, "splits/digits/random-20/fold0"}), "these never imported it"
    assert finished.planned("all") == set(), "Snakemake does not read it"


def test_an_edited_comment_and_a_package_that_no_result_comes_from(finished):
    finished.edit("workflow/spl/data/ranking.py", "def ranked(", "# In no order of any library.\ndef ranked(")
    finished.edit("envs/requirements.lock", f"ruff=={locked(finished, 'ruff')}", "ruff==9.9")
    assert verdicts(finished) == {}
    assert finished.planned("all") == set()


def test_changed_data(finished):
    images = finished.results / "data/digits/images.safetensors"
    content = bytearray(images.read_bytes())
    content[-1] ^= 1
    keeping_time(images, bytes(content))
    said = verdicts(finished)
    assert said["data/digits"] == "tampered"
    assert {said[name] for name in (*TRAININGS, "splits/digits/random-20/fold0", "figures/fig4")} == {"broken-chain"}
    assert "figures/fig1" not in said, "a picture of a formula has no data"
    assert finished.planned("all") == set()


def test_what_lies_between_two_repairs_is_not_run_again(finished):
    for name in ("data/digits/images.safetensors", "tables/table1.md"):
        with (finished.results / name).open("ab") as file:
            file.write(b" ")
    ran = repair(finished)
    assert verdicts(finished) == {}
    assert {"data", "table"} <= set(ran)
    assert "train" not in ran


def test_records_of_another_study_do_not_stand_in_the_way(finished):
    records = finished.folder / ".snakemake/metadata"
    shutil.rmtree(records)
    records.mkdir()
    (records / "other").write_text("{}")
    finished.edit(STUDY, "title: A tiny study", "title: Another title")
    assert verdicts(finished)["paper"] == "stale config"
    assert "train" not in repair(finished)
    assert verdicts(finished) == {}


def test_what_makes_a_part_fresh_is_a_part(finished):
    (finished.results / "tables/table1.md").unlink()
    (finished.results / "figures/fig1.csv").unlink()
    _, said = audit(finished, "table1")
    assert said["repair"][-2:] == [
        f"snakemake results/tiny/tables/table1.csv --config study={STUDY}", "spl seal results/tiny",
    ]  # fmt: skip
    shutil.rmtree(finished.results)
    shutil.rmtree(finished.folder / ".snakemake")
    _, said = audit(finished, "table1")
    assert not any("snakemake all" in one or "spl seal" in one for one in said["repair"])


def test_an_orphan(finished):
    other = finished.results / "runs/digits/balanced-40/fold0/fixmatch/seed7"
    shutil.copytree(finished.results / TRAININGS[0], other)
    (finished.results / "tables/table99.csv").write_text("method,value\n")
    assert verdicts(finished) == {
        "results/tiny/runs/digits/balanced-40/fold0/fixmatch/seed7": "orphan",
        "results/tiny/tables/table99.csv": "orphan",
    }
    for part in ("tables", "results/tiny/tables", "results/tiny"):
        assert any(node["verdict"] == "orphan" for node in audit(finished, part)[1]["nodes"]), part
    assert finished.planned("all") == set(), "Snakemake takes them for results as soon as the study asks for them"
    assert repair(finished) == []
    assert verdicts(finished) == {}


def test_a_deleted_output(finished):
    (finished.results / "tables/table7.md").unlink()
    assert verdicts(finished) == {"tables/table7": "missing", "paper": "broken-chain"}
    assert finished.planned("all") == set(), "the page is there, and younger"
    assert repair(finished) == ["table"], "the same bytes: nothing else has to follow"
    assert verdicts(finished) == {}


def test_deleted_circumstances_are_written_again_and_the_page_stays(finished):
    published = audit(finished)[1]["seal"]["digest"]
    (finished.results / "paper.records.js").unlink()
    assert verdicts(finished) == {"paper": "missing"}
    finished.snakemake("all")
    assert verdicts(finished) == {}
    assert audit(finished, "--seal", published)[0] == 0


def test_a_deleted_manifest(finished):
    (finished.results / f"{TRAININGS[0]}.manifest.json").unlink()
    said = verdicts(finished)
    assert said[TRAININGS[0]] == "unrecorded"
    assert {verdict for name, verdict in said.items() if name != TRAININGS[0]} == {"broken-chain"}
    results = sorted(f"{TRAININGS[0]}/{path.name}" for path in (finished.results / TRAININGS[0]).iterdir())
    assert audit(finished)[1]["seal"]["changed"] == [*results, f"{TRAININGS[0]}.manifest.json"]
    assert finished.planned("all") == set(), "deleting one never trains again by itself"
    (finished.results / f"{TRAININGS[0]}.manifest.json").write_text('{"subcommand": "train"}')
    assert verdicts(finished)[TRAININGS[0]] == "unrecorded", "half of one is none"


def forge(project):
    """Edit a table, and its manifest with it; returns the table's digest."""
    table = project.results / "tables/table1.csv"
    before = hashlib.sha256(table.read_bytes()).hexdigest()
    table.write_bytes(table.read_bytes().replace(b"mean,0.", b"mean,0.0"))
    after = hashlib.sha256(table.read_bytes()).hexdigest()
    project.edit("results/tiny/tables/table1.manifest.json", before, after)
    return after


def test_data_and_manifest_edited_together(finished):
    forge(finished)
    page = finished.results / "paper.manifest.json"
    assert verdicts(finished) == {"paper": "stale data"}, "what was made from it still remembers it"
    page.write_text(re.sub(r'(table1.csv": ")\w+', lambda one: one[1] + "0" * 64, page.read_text()))
    status, said = audit(finished)
    assert status == 1
    assert said["seal"]["state"] == "broken"
    assert said["seal"]["changed"] == ["tables/table1.csv", "paper.manifest.json", "tables/table1.manifest.json"]
    assert said["seal"]["unvouched"] == ["paper.manifest.json", "tables/table1.manifest.json"]


def test_what_the_audit_advises_undoes_a_forgery_and_seals_nothing_else(finished):
    """Neither does `snakemake all`, after the page was built from the forged table."""
    published = audit(finished)[1]["seal"]["digest"]
    forge(finished)
    finished.snakemake("--force", "results/tiny/paper.html")
    everything = ("snakemake", "--cores", "2", "--configfile", STUDY)
    sealing = (*everything, "--forcerun", "seal", "--", "all")
    refused = finished.run(*sealing)
    assert refused.returncode != 0
    assert finished.run(*everything, "--", "all").returncode != 0, "a refusal is not forgotten"
    assert "tables/table1.manifest.json: not as it was sealed, and no job wrote it like this: tables/table1.csv" in (
        refused.stdout + refused.stderr
    )
    seal = finished.results / "ROOT.sha256"
    assert hashlib.sha256(seal.read_bytes()).hexdigest() == published, "the last seal stays"
    seal.unlink()
    assert finished.run(*sealing).returncode != 0, "nor is anything sealed because the last seal is gone"
    assert audit(finished)[0] == 1
    repair(finished)
    assert verdicts(finished) == {}
    assert audit(finished, "--seal", published)[0] == 0


def test_a_repair_to_the_same_bytes_keeps_a_published_seal(finished):
    published = audit(finished)[1]["seal"]["digest"]
    manifest = finished.results / "tables/table1.manifest.json"
    before = manifest.read_bytes()
    finished.snakemake("--force", "results/tiny/tables/table1.csv")
    finished.snakemake("all")
    assert manifest.read_bytes() != before, "it was another time"
    assert audit(finished, "--seal", published)[0] == 0
    assert finished.spl("seal", finished.results).stdout == f"{published}\n"


def test_what_lies_beside_the_page_cannot_change_it(finished):
    """No seal covers the script of circumstances, so that the audit makes sure that it holds data alone."""
    script = finished.results / "paper.records.js"
    before = hashlib.sha256(script.read_bytes()).hexdigest()
    script.write_text(script.read_text() + 'document.querySelector("td a").textContent = "0.00";\n')
    finished.edit("results/tiny/paper.manifest.json", before, hashlib.sha256(script.read_bytes()).hexdigest())
    status, said = audit(finished)
    [page] = [node for node in said["nodes"] if node["name"] == "paper"]
    assert (status, page["verdict"]) == (1, "tampered")
    assert page["why"] == ["results/tiny/paper.records.js holds more than data"]
    assert said["seal"]["state"] == "intact"


def test_data_manifests_and_seal_edited_together(finished):
    published = audit(finished)[1]["seal"]["digest"]
    assert audit(finished, "--seal", published)[0] == 0
    shutil.copy(finished.results / "ROOT.sha256", finished.folder / "published.sha256")
    table = forge(finished)
    page = finished.results / "paper.manifest.json"
    page.write_text(re.sub(r'(table1.csv": ")\w+', lambda one: one[1] + table, page.read_text()))
    assert finished.spl("seal", finished.results).returncode == 2
    assert finished.spl("seal", finished.results, "--accept", "trust me").returncode == 0
    status, said = audit(finished)
    assert status == 0, "nothing in this folder can tell, but that somebody vouched for it"
    assert said["seal"]["accepted"] == dict.fromkeys(["paper.manifest.json", "tables/table1.manifest.json"], "trust me")
    status, said = audit(finished, "--seal", published)
    assert status == 1
    assert said["seal"]["state"] == "foreign"
    status, said = audit(finished, "--seal", "published.sha256")
    assert status == 1
    assert said["seal"]["changed"] == ["tables/table1.csv", "paper.manifest.json", "tables/table1.manifest.json"]
    number = ("audit", "--study", STUDY, "--why", "table1.csv:Smooth FixMatch,mean", "--seal", published)
    assert finished.spl(*number).returncode == 1
    refused = finished.spl("audit", "--study", STUDY, "--seal", "")  # a variable that nobody set is no seal
    assert (refused.returncode, refused.stderr[:25]) == (2, "error: --seal : expected ")
    assert finished.spl("audit", "--study", STUDY, "--seal", published, "--quick").returncode == 2
    (finished.results / "ROOT.sha256").unlink()
    status, said = audit(finished, "table1")
    assert (status, said["seal"]["state"]) == (1, "missing"), "there is a page, so that there was a seal"
    assert audit(finished, "table1", "--seal", published)[0] == 1, "nothing here has the published seal"
    assert finished.spl(*number).returncode == 1


def test_the_seal_is_one_that_sha256sum_checks(finished):
    command = ["sha256sum", "--check", "--strict", "ROOT.sha256"]
    checked = subprocess.run(command, cwd=finished.results, capture_output=True, text=True)
    assert checked.returncode == 0
    assert checked.stdout.count(": OK") == len(finished.products())
    with (finished.results / "figures/fig1.png").open("ab") as figure:
        figure.write(b"x")
    checked = subprocess.run(command, cwd=finished.results, capture_output=True, text=True)
    assert "figures/fig1.png: FAILED" in checked.stdout


def touch(project):
    """Give every result a new time, the first results the latest."""
    paths = sorted(project.results.rglob("*"), reverse=True)
    for second, path in enumerate(paths, int(time.time()) - len(paths)):
        os.utime(path, (second, second))


def test_a_copy_whose_times_were_all_touched(finished, tmp_path):
    touch(finished)
    assert verdicts(finished) == {}
    assert finished.planned("all") == set()
    finished.edit("workflow/profiles/default/config.yaml", "20GB", "1KB")
    assert finished.planned("all") != set(), "of larger files Snakemake only knows the time"


def test_a_copy_without_snakemake_s_memory(finished):
    shutil.rmtree(finished.folder / ".snakemake")
    touch(finished)
    assert verdicts(finished) == {}, "the audit decides"
    assert finished.planned("all") != set(), "Snakemake goes by the times"
    _, said = audit(finished)
    assert said["repair"] == [f"snakemake all --touch --forceall --config study={STUDY}"]
    (finished.results / "figures/fig1.manifest.json").unlink()
    _, said = audit(finished)
    assert said["repair"] == [
        f"snakemake all --touch --forceall --config study={STUDY}",
        f"snakemake --force results/tiny/figures/fig1.pdf --config study={STUDY}",
        f"snakemake all --config study={STUDY}",
        "spl seal results/tiny",
    ]
    manifest = finished.results / f"{TRAININGS[0]}.manifest.json"
    before = manifest.read_bytes()
    repair(finished)
    assert manifest.read_bytes() == before, "touched, not run"
    assert verdicts(finished) == {}
    assert finished.planned("all") == set()
    finished.edit(STUDY, "steps: 150", "steps: 160")
    assert sum(job.startswith("train ") for job in finished.planned("all")) == 6, "it remembers what it was told"


def test_results_of_one_run_in_the_place_of_another(finished):
    """The manifest comes along, and says where it belongs."""
    good, bad = (finished.results / one for one in TRAININGS[:2])
    for path in good.iterdir():
        shutil.copy2(path, bad / path.name)
    shutil.copy2(f"{good}.manifest.json", f"{bad}.manifest.json")
    assert verdicts(finished)[TRAININGS[1]] == "unrecorded"


def copy_run(good, bad):
    """Put a run in the place of another, with a manifest and losses that fit."""
    weights = json.loads((bad / "parameters.json").read_text())
    weight = {**weights["settings"], **weights["calibrated"]}["lambda_u"]
    manifest = Path(f"{bad}.manifest.json")
    for name in ("metrics.csv", "predictions.safetensors", "weights.safetensors"):
        before = hashlib.sha256((bad / name).read_bytes()).hexdigest()
        shutil.copyfile(good / name, bad / name)
        if name == "metrics.csv":
            names, *rows = csv.reader((bad / name).open())
            metrics = [dict(zip(names, row, strict=True)) for row in rows]
            for row in metrics:
                row["loss"] = repr(float(row["labelled_loss"]) + weight * float(row["unlabelled_loss"]))
            with (bad / name).open("w", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows([names, *(row.values() for row in metrics)])
        after = hashlib.sha256((bad / name).read_bytes()).hexdigest()
        manifest.write_text(manifest.read_text().replace(before, after))


GOOD = "runs/digits/balanced-40/fold0/fixmatch/seed0"


@pytest.mark.parametrize(
    ("bad", "kept", "difference"),
    [
        ("fold1/fixmatch", True, "other labels"),
        ("fold1/fixmatch", False, "a labelled set of another sha256"),
        ("fold0/smooth-fixmatch", True, "another loss weight"),
    ],
)
def test_a_run_that_is_audited_alone_is_no_other_run_either(finished, bad, kept, difference):
    bad = f"runs/digits/balanced-40/{bad}/seed0"
    copy_run(finished.results / GOOD, finished.results / bad)
    if not kept:
        for fold in ("fold0", "fold1"):
            (finished.results / f"splits/digits/balanced-40/{fold}.json").unlink()
    status, said = audit(finished, bad, *([] if kept else ["--archive"]))
    assert status == 1
    [node] = [node for node in said["nodes"] if node["verdict"] == "contradictory"]
    assert any(line.endswith(f"as of {GOOD}, which has {difference}") for line in node["why"])


def test_quick_believes_what_has_not_changed_and_sees_what_has(finished):
    assert audit(finished, "--quick")[0] == 0
    summary = finished.results / "analysis/scarce-labels.csv"
    keeping_time(summary, summary.read_bytes().replace(b"0.1", b"0.2"))
    status, said = audit(finished, "--quick")
    assert status == 1
    assert {node["name"] for node in said["nodes"] if node["verdict"] == "tampered"} == {"analysis/scarce-labels"}


def test_the_tree_of_a_table_reaches_down_to_its_data(finished):
    told = finished.spl("audit", "table1", "--study", STUDY)
    assert told.returncode == 0
    lines = told.stdout.splitlines()
    assert lines[0] == "✓ tables/table1 fresh"
    for name in (*TRAININGS, "splits/digits/balanced-40/fold1", "data/digits", "calibration/digits/smooth-fixmatch"):
        assert any(name in line for line in lines)
    assert not any("figures/" in line for line in lines)


def test_the_runs_behind_a_number_are_named(finished):
    told = finished.spl("audit", "--study", STUDY, "--why", "results/tiny/tables/table1.csv:Smooth FixMatch,mean")
    assert told.returncode == 0, told.stderr
    assert re.findall(r"runs/\S+", told.stdout) == [one for one in TRAININGS if "smooth" in one]
    for expected in ("40 labels drawn by seed 1 (splits/digits/balanced-40/fold1.json), training seed 0", "code "):
        assert expected in told.stdout
    gain = finished.spl("audit", "--study", STUDY, "--why", "table1.csv:Smooth FixMatch,gain_mean")
    assert set(re.findall(r"runs/\S+", gain.stdout)) == set(TRAININGS), "a gain is of both methods"
    status, said = audit(finished, "--why", "table1.csv:Smooth FixMatch,gain_mean")
    assert status == 0
    assert set(said["runs"]) == set(TRAININGS)
    assert set(TRAININGS) < {node["name"] for node in said["nodes"]}


NOT_AUDITED = [
    (["fig77"], "fig77: no result of tests/studies/tiny.yaml"),
    (["--why", "table1.csv:Smooth FixMatch,meen"], "table1.csv:Smooth FixMatch,meen: no such number"),
    (["--why", "table1.csv:Smooth FixMatch,meen"], "TABLE.csv:ROW,VALUE,COLUMN, such as 'table1.csv:FixMatch,"),
    (["--why", "table1.csv:Smoth FixMatch,mean"], "TABLE.csv:ROW,VALUE,COLUMN, such as 'table1.csv:FixMatch,mean'"),
    (["--why", "table1.csv:0,value"], "expected a line from 1 to"),
    (["--why", "fig1.csv:1,value"], "expected TABLE.csv:ROW,COLUMN"),
    (["--why", "table14.csv:1,value"], "has no numbers that are computed from runs"),
    (["--rerun", TRAININGS[0], "--json"], "--rerun cannot be combined with --json"),
    (["--rerun", "fold0"], "fold0: expected one result of tests/studies/tiny.yaml to compute again, found 7"),
]


def test_what_cannot_be_audited_gets_one_line(finished):
    for arguments, expected in NOT_AUDITED:
        refused = finished.spl("audit", "--study", STUDY, *arguments)
        assert refused.returncode == 2, arguments
        assert refused.stderr.startswith("error: ")
        assert expected in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_the_runs_behind_a_number_cannot_be_named_without_its_summary_and_table(finished):
    number = ("audit", "--study", STUDY, "--why", "table1.csv:FixMatch,mean")
    summary = finished.results / "analysis/scarce-labels.csv"
    content = summary.read_text()
    summary.write_text(content.replace("fold1/fixmatch", "fold9/fixmatch"))
    told = finished.spl(*number).stderr
    assert told.startswith("error: analysis/scarce-labels: tampered: ")
    assert told.count("\n") == 1
    summary.unlink()
    assert "error: analysis/scarce-labels: missing: " in finished.spl(*number).stderr
    summary.write_text(content)
    finished.edit(STUDY, "folds: [0, 1]", "folds: [0]")
    assert "fold1/fixmatch/seed0: no run of" in finished.spl(*number).stderr, "a run that is no more"
    (finished.results / "tables/table1.csv").write_text("")
    assert "error: tables/table1: " in finished.spl(*number).stderr


def test_a_run_that_is_trained_again_has_the_same_bytes(finished):
    again = finished.spl("audit", "--study", STUDY, "--rerun", TRAININGS[1])
    assert again.returncode == 0, again.stderr
    assert again.stdout.endswith(f"{TRAININGS[1]}: the same bytes\n")
    metrics = finished.results / TRAININGS[1] / "metrics.csv"
    metrics.write_text(metrics.read_text().replace("0.", "0.0", 1))
    again = finished.spl("audit", "--study", STUDY, "--rerun", TRAININGS[1])
    assert again.returncode == 1
    assert "metrics.csv differ" in again.stdout


def test_an_archive_without_runs_is_vouched_for_by_manifests_and_each_run_can_be_repeated(finished):
    for run in TRAININGS:
        shutil.rmtree(finished.results / run)
    assert finished.spl("audit", "--study", STUDY).returncode == 1
    archive = finished.spl("audit", "--study", STUDY, "--archive")
    assert archive.returncode == 0, archive.stdout
    assert f", {len(TRAININGS)} recorded" in archive.stdout
    again = finished.spl("audit", "--study", STUDY, "--rerun", TRAININGS[1], "--archive")
    assert again.stdout.endswith(f"{TRAININGS[1]}: the same bytes\n")
    shutil.rmtree(finished.results / "splits")
    without = finished.spl("audit", "--study", STUDY, "--rerun", TRAININGS[1], "--archive")
    assert "fold0.json: missing; make it with `snakemake results/tiny/splits/" in without.stderr
    manifest = finished.results / f"{TRAININGS[1]}.manifest.json"
    manifest.write_text(manifest.read_text().replace('"threads"', '"thread"'))
    edited = finished.spl("audit", "--study", STUDY, "--archive")
    assert edited.returncode == 1
    assert "manifest" in edited.stdout


def test_what_was_trained_from_other_labels_is_not_vouched_for_by_training_it_again(finished):
    drawn = [finished.results / f"splits/digits/balanced-40/fold{fold}.json" for fold in (0, 1)]
    shutil.copy(*drawn)
    finished.snakemake("--force", f"results/tiny/{TRAININGS[2]}/metrics.csv")
    again = finished.spl("audit", "--study", STUDY, "--rerun", TRAININGS[2])
    assert again.returncode == 1
    assert "splits/digits/balanced-40/fold1 tampered" in again.stdout
    assert "the same bytes" in again.stdout


def test_a_study_is_found_by_its_name_if_one_alone_has_it(finished):
    shutil.copy(finished.folder / STUDY, finished.folder / "config/tiny.yaml")
    (finished.folder / "config/broken.yaml").write_text("{")
    page = "results/tiny/paper.html"
    assert finished.spl("audit", page).returncode == 0
    assert finished.spl("audit", finished.folder / page).returncode == 0, "or by its whole path"
    shutil.copy(finished.folder / STUDY, finished.folder / "config/another.yaml")
    refused = finished.spl("audit", page)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "config/another.yaml and config/tiny.yaml are called tiny" in refused.stderr


def test_the_digest_is_of_all_results_and_of_nothing_else(finished):
    def digest():
        done = finished.spl("digest", STUDY)
        return done.stdout.strip() if done.returncode == 0 else done.stderr

    before = digest()
    assert re.fullmatch("[0-9a-f]{64}", before)
    (finished.results / "logs/paper.log").write_text("later\n")
    (finished.results / "paper.manifest.json").unlink()
    assert digest() == before
    (finished.results / "paper.records.js").write_text("later\n")
    assert digest() == before
    for name in ("paper.html", "figures/fig1.pdf"):
        with (finished.results / name).open("ab") as result:
            result.write(b" ")
        assert digest() != before
        before = digest()
    (finished.results / "figures/fig1.pdf").unlink()
    assert "error: results/tiny/figures/fig1.pdf: missing" in digest()
