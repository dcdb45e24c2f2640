"""Which change runs which jobs: exactly those, on the real Snakemake."""

import pytest

NEW_METHOD = 'METHODS: dict[str, Method] = {\n    "new": Method("New", smooth),'
SHOWN = {
    *(f"table {name}" for name in ("table1", "table7", "aggregate", "collapses-scarce-labels")),
    *(f"figure {name}" for name in ("confusion", "basins-scarce-labels", "collapse-scarce-labels")),
    "paper",
    "all",
}


def test_a_change_of_one_fold_s_seed_draws_and_trains_that_fold_alone(finished):
    finished.edit("tests/studies/tiny.yaml", "fold_seeds: [0, 1, 2]", "fold_seeds: [0, 1001, 2]")
    assert finished.planned("all") == {
        *(f"split digits/{scheme}/fold1" for scheme in ("balanced-40", "random-20", "random-30")),
        *(f"train digits/balanced-40/fold1/{method}/seed0" for method in ("fixmatch", "smooth-fixmatch")),
        "analyse scarce-labels",
        "figure fig4",
        *SHOWN,
    }


def test_a_change_of_a_plot_s_colour_redraws_that_plot_alone(finished):
    finished.edit("workflow/spl/figures/fig6.py", 'LOOKS["fixmatch"].colour', 'LOOKS["flexmatch"].colour')
    assert finished.planned("all") == {"figure fig6", "paper", "all"}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("workflow/spl/training.py", "def train_step(", "# A comment.\ndef train_step("),
        ("workflow/spl/methods.py", "METHODS: dict[str, Method] = {", NEW_METHOD),
        ("workflow/spl/settings.py", 'description="tau"', 'description="the threshold"'),
    ],
)
def test_a_change_that_no_job_can_feel_runs_nothing(finished, file, old, new):
    finished.edit(file, old, new)
    assert finished.planned("all") == set()


def test_a_changed_line_of_training_code_trains_everything_again(finished):
    finished.edit("workflow/spl/networks.py", "LEAKY_SLOPE = 0.1", "LEAKY_SLOPE = 0.2")
    assert sum(job.startswith("train ") for job in finished.planned("all")) == 6


def test_a_changed_calibration_trains_the_smooth_runs_again_and_no_other(finished):
    finished.edit("workflow/spl/calibration.py", 'step"].max() / 2', 'step"].max() / 3')
    assert finished.planned("all") == {
        "calibrate digits/smooth-fixmatch",
        *(f"train digits/balanced-40/fold{fold}/smooth-fixmatch/seed0" for fold in (0, 1)),
        "analyse scarce-labels",
        "table table14",
        *SHOWN,
    }


def test_a_changed_setting_trains_the_runs_that_use_it(finished):
    finished.edit(
        "tests/studies/tiny.yaml", "methods: [fixmatch, smooth-fixmatch]",
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
    made = {path.name for path in project.results.rglob("*") if path.is_file()}
    assert made == {"fig1.pdf", "fig1.png", "fig1.csv", "fig1.log"}
