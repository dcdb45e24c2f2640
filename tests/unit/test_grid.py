"""Tables over the values of one setting."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tidy import lines, write_summary

from spl.tables import grid
from spl.tables.layout import save_table

TITLES = {"fixmatch": "FixMatch", "smooth-fixmatch": "Smooth FixMatch"}
ERRORS = {
    ("fixmatch", 0.9): [0.10], ("fixmatch", 0.8): [0.20], ("fixmatch", 0.95): [0.15],
    ("smooth-fixmatch", 0.9): [0.09], ("smooth-fixmatch", 0.8): [0.08, 0.06],
}  # fmt: skip
OVER_MOMENTUM = {"titles": TITLES, "setting": "momentum"}


def experiment(folder, errors, setting):
    rows = [
        {"method": method, "fold": fold, "seed": 0, setting: value, "error_last": error}
        for (method, value), cell in errors.items()
        for fold, error in enumerate(cell)
    ]
    return [write_summary(folder / "experiment.csv", rows)]


def test_values_ascend_the_lowest_of_a_column_is_bold_and_cells_of_fewer_runs_or_none_say_so(tmp_path):
    table = grid.build(OVER_MOMENTUM, experiment(tmp_path, ERRORS, "momentum"))
    printed = table.printed
    assert table.bold == {(1, 1), (1, 2)}, "no bold where one method is alone"
    assert printed.columns.tolist() == ["momentum", "0.8", "0.9", "0.95"]
    assert printed.iloc[0].tolist() == ["FixMatch", "20.00 (1)", "10.00 (1)", "15.00 (1)"]
    assert printed.iloc[1].tolist() == ["Smooth FixMatch", "7.00", "9.00 (1)", "–"]


def test_of_a_column_whose_means_all_print_the_same_none_is_bold(tmp_path):
    errors = {(method, 0.9): [0.1 + small] for method, small in zip(TITLES, (0, 1e-6), strict=True)}
    assert grid.build(OVER_MOMENTUM, experiment(tmp_path, errors, "momentum")).bold == set()


@given(st.lists(st.lists(st.integers(0, 10000), min_size=1, max_size=4), min_size=1, max_size=5))
def test_every_cell_is_the_mean_of_its_runs(tmp_path_factory, cells):
    errors = {("fixmatch", place / 100): np.array(cell) / 10000 for place, cell in enumerate(cells)}
    inputs = experiment(tmp_path_factory.mktemp("grid"), errors, "threshold")
    tidy = lines(grid.build({"titles": TITLES, "setting": "threshold"}, inputs).tidy, "threshold")
    for (_, value), cell in errors.items():
        assert tidy.loc[value, "mean"] == pytest.approx(cell.mean())
        assert tidy.loc[value, "n"] == len(cell)


def test_the_seed_is_a_setting_too(tmp_path):
    rows = [{"method": "fixmatch", "fold": 4, "seed": seed, "error_last": 0.1 + seed / 100} for seed in (2, 1, 3)]
    inputs = [write_summary(tmp_path / "experiment.csv", rows)]
    printed = grid.build({"titles": TITLES, "setting": "seed"}, inputs).printed
    assert printed.columns.tolist() == ["seed", "1", "2", "3"]
    assert printed.iloc[0].tolist() == ["FixMatch", "11.00", "12.00", "13.00"]


def test_runs_that_differ_in_something_else_are_an_error(tmp_path):
    [path] = experiment(tmp_path, ERRORS, "momentum")
    pd.concat([pd.read_csv(path)] * 2).to_csv(path, index=False)
    with pytest.raises(ValueError, match="more than momentum"):
        grid.build(OVER_MOMENTUM, [path])


def test_bold_reaches_latex(tmp_path):
    save_table(
        grid.build(OVER_MOMENTUM, experiment(tmp_path, ERRORS, "momentum")), "Table 11", "", tmp_path / "table11"
    )
    assert r"Smooth FixMatch & \textbf{7.00} & \textbf{9.00 (1)} & -- \\" in (tmp_path / "table11.tex").read_text()


def test_runs_without_the_setting_stand_at_zero(tmp_path):
    weights = {("fixmatch", 0.1): [0.20], ("fixmatch", 0.5): [0.15]}
    [own] = experiment(tmp_path, weights, "lambda_phi")
    rows = [
        {"run": run, "method": "smooth-fixmatch", "fold": 0, "seed": 0, "error_last": 0.1} for run in ("a", "b", "a")
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "others.csv", index=False)
    given = {"titles": TITLES, "setting": "lambda_phi", "without": {"method": "fixmatch", "runs": ["a"]}}
    printed = grid.build(given, [own, tmp_path / "others.csv"]).printed
    assert printed.columns.tolist() == ["λ_Φ", "0", "0.1", "0.5"]
    assert printed.to_numpy().tolist() == [["FixMatch", "10.00", "20.00", "15.00"]]
