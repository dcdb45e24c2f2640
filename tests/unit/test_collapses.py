"""The table of collapsed classes."""

import numpy as np
import pandas as pd
import pytest
from matrices import predictions_of

from spl.analysis.summary import summarise_run
from spl.tables import collapses
from spl.tables.layout import save_table

BASINS = {"collapsed": 0.01, "partly_collapsed": 0.5, "recall": 0.25, "unstable": 0.05}
GIVEN = {"titles": {"fixmatch": "FixMatch"}, "classes": ["cat", "dog", "ship"], "basins": BASINS}
GOOD = np.diag([50, 50, 50])
NO_CAT = np.array([[0, 50, 0], [0, 50, 0], [0, 0, 50]])
ONLY_SHIPS = np.array([[0, 0, 50]] * 3)
FEW_SHIPS = np.array([[50, 0, 0], [0, 50, 0], [40, 0, 10]])


def run(fold, matrices, errors):
    steps = 1000 * np.arange(1, len(errors) + 1)
    metrics = pd.DataFrame({"step": steps, "test_error": errors, "coverage": 0.5, "purity": 0.9})
    what = {"run": f"fold{fold}", "method": "fixmatch", "variant": "", "labels": 40, "fold": fold, "seed": 0}
    return what | summarise_run(metrics, predictions_of(matrices), BASINS)


@pytest.fixture
def built(tmp_path):
    runs = [
        run(0, [NO_CAT, GOOD, NO_CAT, NO_CAT], [0.33, 0.0, 0.33, 0.33]),
        run(1, [GOOD, ONLY_SHIPS, GOOD, FEW_SHIPS], [0.0, 0.67, 0.0, 0.27]),
        run(2, [GOOD] * 4, [0.02, 0.01, 0.01, 0.0]),
    ]
    pd.DataFrame(runs).to_csv(tmp_path / "experiment.csv", index=False)
    return collapses.build(GIVEN, [tmp_path / "experiment.csv"])


def test_every_run_tells_its_basin_and_when_which_class_was_collapsed(built):
    printed = built.printed
    assert printed.columns[:2].tolist() == ["", "fold"], "what is the same for all runs has no column"
    assert printed["basin"].tolist() == ["low", "low", "high"]
    assert printed["collapsed at the end"].tolist() == ["cat", "none", "none"]
    assert printed["partly"].tolist() == ["none", "ship", "none"]
    assert printed["smallest column"].tolist() == ["0.0", "20.0", "100.0"]
    assert printed["smallest recall"].tolist() == ["0.0", "20.0", "100.0"]
    assert printed["collapsed in steps"].tolist() == [
        "3,000 to the end: cat", "2,000 to 3,000: cat, dog", "never",
    ]  # fmt: skip
    assert printed["unstable"].tolist() == ["yes", "yes", "no"]


def test_a_note_says_how_the_number_of_collapses_depends_on_the_limit(built):
    assert built.note.endswith("below 40, 50, 60 %, whatever their recall. FixMatch: 2, 2, 2 of 3.")


def test_words_are_read_from_the_left(built, tmp_path):
    sides = dict(zip(built.printed.columns, built.alignment, strict=True))
    assert {name for name, side in sides.items() if side == "right"} == {
        "fold", "smallest column", "smallest recall", "last − best error"
    }  # fmt: skip
    save_table(built, "", "", tmp_path / "when")
    assert r"{lrlllrrlrl}" in (tmp_path / "when.tex").read_text()


def test_a_run_that_is_not_done_has_a_line_that_says_so(built, tmp_path):
    runs = pd.read_csv(tmp_path / "experiment.csv", dtype=str)
    planned = runs.loc[:0, ["run", "method", "variant", "labels", "seed"]].assign(fold=7)
    pd.concat([runs, planned]).to_csv(tmp_path / "experiment.csv", index=False)
    table = collapses.build(GIVEN, [tmp_path / "experiment.csv"])
    assert table.printed[:-1].equals(built.printed)
    assert table.printed.iloc[-1].tolist() == ["FixMatch", "7", "not run", *["–"] * 7]


def test_a_program_reads_the_same_from_the_tidy_file(built):
    assert built.tidy["collapses"].tolist() == ["0:3000-", "0:2000-3000 1:2000-3000", ""]
    assert built.tidy["recovered"].tolist() == ["", "0 1", ""]
