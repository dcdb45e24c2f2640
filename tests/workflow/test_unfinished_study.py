"""A study whose trainings are not all done shows what there is, apart from what is complete."""

import shutil

import pandas as pd
from snakemake_report import report

RUN = "digits/balanced-40/fold1/smooth-fixmatch/seed0"


def test_what_is_missing_is_left_out_said_and_not_trained(finished):
    shutil.rmtree(finished.results / f"runs/{RUN}")
    complete = {path: path.read_bytes() for path in finished.results.rglob("*") if path.parent.name == "tables"}
    assert {job.split()[0] for job in finished.planned("--config", "partial=true")} <= {
        "analyse", "figure", "table", "paper", "all", "default",
    }  # fmt: skip
    finished.snakemake("--config", "partial=true")
    assert not (finished.results / f"runs/{RUN}").exists()
    assert complete == {path: path.read_bytes() for path in complete}, "complete results stay as they are"

    partial = finished.results / "partial"
    summary = pd.read_csv(partial / "analysis/scarce-labels.csv").set_index("run")
    assert list(summary.index[summary["error_last"].isna()]) == [RUN]
    [smooth] = [line for line in (partial / "tables/table1.md").read_text().splitlines() if "| Smooth" in line]
    error = summary["error_last"]["digits/balanced-40/fold0/smooth-fixmatch/seed0"]
    assert f"{100 * error:.2f} (1)" in smooth
    page = (partial / "paper.html").read_text()
    assert "Partial: 5 of 6 runs are done" in page
    assert "Partial: 3 of 4 runs are done" in page
    shown = report(finished, "--config", "partial=true")
    assert "Partial: 3 of 4 runs are done" in shown["partial/figures/confusion.png"]["caption"]


def test_a_run_of_other_settings_counts_as_missing(finished):
    finished.edit(finished.study, "ema: 0.95", "ema: 0.96")
    finished.snakemake("table1", "--config", "partial=true")
    assert "none of its runs is done" in (finished.results / "partial/tables/table1.md").read_text()


def test_partial_is_true_or_false(finished):
    refused = finished.run("snakemake", "-n", "--config", "partial=perhaps", "--configfile", str(finished.study))
    assert refused.returncode == 2
    assert "error: --config partial=perhaps: expected true or false" in refused.stderr
