"""Which change runs which jobs: exactly those, on the real Snakemake."""

import json

import pytest

TINY = "tests/studies/tiny.yaml"
PAGE = {"paper", "seal", "all"}
SHOWN = {
    *(f"table {name}" for name in ("claims", "table1", "table7", "aggregate", "collapses-scarce-labels")),
    *(f"table {name}-scarce-labels" for name in ("weakest-classes", "within-basins", "instability")),
    *("table coverage", "table flips", "figure pseudo-labels"),
    *(f"figure {name}" for name in ("confusion", "basins-scarce-labels", "collapse-scarce-labels")),
    *PAGE,
}
FOLD_1 = {
    *(f"split digits/{scheme}/fold1" for scheme in ("balanced-40", "random-20", "random-30")),
    *(f"train digits/balanced-40/fold1/{method}/seed0" for method in ("fixmatch", "smooth-fixmatch")),
    *("analyse scarce-labels", "figure fig4"),
}
SMOOTH = {
    *("calibrate digits/smooth-fixmatch", "analyse scarce-labels", "table table14", "table calibration"),
    *(f"train digits/balanced-40/fold{fold}/smooth-fixmatch/seed0" for fold in (0, 1)),
}
FELT = [
    (TINY, "fold_seeds: [0, 1, 2]", "fold_seeds: [0, 1001, 2]", FOLD_1 | SHOWN),
    ("analysis/calibration.py", 'step"].max() / 2', 'step"].max() / 3', SMOOTH | SHOWN),
    ("analysis/summary.py", '"%.10g"', '"%.9g"', {"analyse scarce-labels", *SHOWN}),
    ("tables/aggregate.py", "def build(", "MORE = 1\n\n\ndef build(", {"table aggregate", *PAGE}),
    ("tables/collapses.py", 'or "never"', 'or "never "', {"table collapses-scarce-labels", *PAGE}),
    ("text/spreadsheet.py", "%.10g", "%.9g", {"every table", "every figure", *PAGE}),
    ("figures/fig6.py", 'LOOKS["fixmatch"].colour', 'LOOKS["flexmatch"].colour', {"figure fig6", *PAGE}),
    ("figures/style.py", 'dpi": 300', 'dpi": 299', {"every figure", *PAGE}),
    ("page/page.html.j2", "<body>", "<body> ", PAGE),
    ("page/render.py", "trim_blocks=True", "trim_blocks=False", PAGE),
]
"""Edits of a file, and the jobs that they run."""


@pytest.mark.parametrize(("file", "old", "new", "jobs"), FELT)
def test_a_change_runs_what_it_changes_and_nothing_else(finished, file, old, new, jobs):
    finished.edit(file if file == TINY else f"workflow/spl/{file}", old, new)
    for kind in ("figure", "table"):
        if f"every {kind}" in jobs:
            made = {path.stem for path in (finished.results / f"{kind}s").glob("*.csv")}
            jobs = jobs - {f"every {kind}"} | {f"{kind} {name}" for name in made}
    assert finished.planned("all") == jobs


COPIED = {"methods/fixmatch.py": "methods/new.py", "data/sources/digits.py": "data/sources/new.py"}
"""A method and a data source that nothing uses."""
UNFELT = [
    ("workflow/spl/training/step.py", "def train_step(", "# A comment.\ndef train_step("),
    ("workflow/spl/methods/flexmatch.py", "beta / (2 - beta)", "beta / (3 - beta)"),
    ("workflow/spl/study/settings.py", 'description="tau"', 'description="the threshold"'),
    ("workflow/spl/cli/rules.py", "def split(", "def unheard() -> None:\n    print()\n\n\n@app.command()\ndef split("),
    ("workflow/spl/provenance/recording.py", "indent=1", "indent=2"),
    ("workflow/spl/provenance/machine.py", "timeout=60", "timeout=61"),
    ("workflow/spl/code/fingerprint.py", "PACKAGE = ", "UNUSED = 1\nPACKAGE = "),
    ("workflow/spl/attempts/attempt.py", "PATIENCE = 600.0", "PATIENCE = 60.0"),
    ("envs/requirements.lock", "torch==", "# Another.\ntorch=="),
    ("envs/environment.yaml", "channels:", "# Another.\nchannels:"),
    (TINY, "    training: { network", "    resources: { mem_mb: 3000 }\n    training: { network"),
]
NEW_FIGURE = """EXHIBITS: dict[str, Exhibit] = {
    "new": Exhibit("New", "New", "spl.figures.new", _losses, parameter=parameters.threshold),"""
NEW_EXPERIMENT = """experiments:
  pseudo-labeling:
    dataset: digits
    split: { scheme: balanced, per_class: 4 }
    folds: [0]
    methods: [pseudo-label]
"""


def test_changes_that_no_job_can_feel_run_nothing(finished):
    for change in UNFELT:
        finished.edit(*change)
    package = finished.folder / "workflow/spl"
    for old, new in COPIED.items():
        (package / new).write_text((package / old).read_text())
    assert finished.planned("all") == set()


def test_a_new_figure_is_drawn_and_nothing_else(finished):
    folder = finished.folder / "workflow/spl/figures"
    (folder / "new.py").write_text((folder / "fig1.py").read_text())
    finished.edit("workflow/spl/paper/sections/formulas.py", "EXHIBITS: dict[str, Exhibit] = {", NEW_FIGURE)
    assert finished.planned("all") == {"figure new", "paper", "seal", "all"}


def test_a_new_experiment_trains_its_own_runs_alone(finished):
    finished.edit(TINY, "experiments:\n", NEW_EXPERIMENT)
    assert finished.planned("all") == {
        "train digits/balanced-40/fold0/pseudo-label/seed0",
        "analyse pseudo-labeling",
        *(f"table {name}" for name in ("pseudo-labeling", "collapses-pseudo-labeling")),
        *(f"figure {name}-pseudo-labeling" for name in ("basins", "collapse")),
        *("paper", "seal", "all"),
    }


@pytest.mark.parametrize(
    ("old", "new", "splits", "trainings"),
    [("fold_seeds: [0, 1, 2]", "fold_seeds: [1, 0, 2]", 6, 6), ("batch: 8\n  mu: 3", "batch: 3\n  mu: 8", 0, 6)],
)
def test_two_values_that_are_swapped_are_changes(finished, old, new, splits, trainings):
    finished.edit(TINY, old, new)
    jobs = finished.planned("all")
    assert sum(job.startswith("split ") for job in jobs) == splits
    assert sum(job.startswith("train ") for job in jobs) == trainings


def test_a_changed_setting_trains_the_runs_that_use_it(finished):
    finished.edit(
        TINY, "methods: [fixmatch, smooth-fixmatch]",
        "methods: {fixmatch: {}, smooth-fixmatch: {lambda_u: 2}}",
    )  # fmt: skip
    jobs = finished.planned("all")
    assert {job for job in jobs if job.startswith("train ")} == {
        f"train digits/balanced-40/fold{fold}/smooth-fixmatch/lambda_u=2.0/seed0" for fold in (0, 1)
    }


@pytest.mark.parametrize("target", ["fig4", "results/tiny/figures/fig4.pdf"])
def test_one_figure_runs_nothing_but_what_it_needs(project, target):
    jobs = project.planned(target) - {"fig4"}
    assert jobs == {
        "data digits",
        *(f"split digits/random-{labels}/fold{fold}" for labels in (20, 30) for fold in (0, 1)),
        "figure fig4",
    }


def test_a_picture_of_a_formula_needs_nothing(project):
    project.snakemake("fig1")
    campaign = project.results / "campaign"
    made = {path.name for path in project.results.rglob("*") if path.is_file() and campaign not in path.parents}
    assert made == {"fig1.pdf", "fig1.png", "fig1.csv", "fig1.log", "fig1.manifest.json"}


def test_changed_code_that_is_declared_equivalent_runs_nothing(finished):
    finished.edit("workflow/spl/training/networks.py", "LEAKY_SLOPE = 0.1", "LEAKY_SLOPE = 0.1 + 0")
    assert sum(job.startswith("train ") for job in finished.planned("all")) == 6
    declared = finished.spl("equivalent", "train", "--reason", "the same number, written otherwise")
    assert declared.returncode == 0, declared.stderr
    assert len(declared.stdout.splitlines()) == 2 * 2, "FixMatch and Smooth FixMatch, each with where results are"
    assert finished.planned("all") == set()
    assert "6 of 6 runs done" in finished.spl("plan", str(finished.study)).stdout
    again = finished.spl("equivalent", "train", "--reason", "the same number, written otherwise")
    assert again.returncode == 2
    assert again.stderr == "error: results: no result of spl train comes from other code than the present\n"


def test_a_manifest_records_the_code_that_ran_not_what_it_is_equivalent_to(finished):
    path = finished.results / "figures/fig6.manifest.json"
    before = json.loads(path.read_text())
    finished.edit("workflow/spl/figures/fig6.py", 'LOOKS["fixmatch"].colour', '(LOOKS["fixmatch"].colour + "")')
    declared = finished.spl("equivalent", "figure", "--reason", "the same colour, written otherwise")
    assert declared.returncode == 0, declared.stderr
    (finished.results / "figures/fig6.pdf").unlink()
    finished.snakemake("fig6")
    after = json.loads(path.read_text())
    assert after["parameter"]["code"] == before["parameter"]["code"] == before["code"]["fingerprint"]
    declaration, _ = declared.stdout.splitlines()
    assert after["code"]["fingerprint"] == json.loads(declaration[2:])["new"] != before["code"]["fingerprint"]
