"""Figures have no settings of the user or of the present folder, which may be somebody else's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spl.campaign.job import Job, canonical
from spl.campaign.plan_file import write_plan_file
from spl.code.subcommands import with_code

CONTENT = with_code("figure", {"module": "spl.figures.not_run", "given": {"reason": "no runs"}})
FIGURE = Job(
    "figures/a", "figure", canonical(CONTENT), (),
    tuple(Path(f"results/fake/figures/a.{ending}") for ending in ("pdf", "png", "csv")),
)  # fmt: skip
PILOT = "method,fold,error\n" + "".join(
    f"{name},{fold},0.{fold + 1}{name == 'a':d}\n" for name in "ab" for fold in range(6)
)

SETTINGS = {
    "text for the terminal": lambda path: path.write_text("\x1b[2Jfresh: 1\n"),
    "larger text": lambda path: path.write_text(
        "font.size: 30\nimage.interpolation: bicubic\nsavefig.facecolor: red\n"
    ),
    "a pipe": os.mkfifo,
}


def drawn(folder, place=None, settings=None):
    """Draw a figure and the plot of a table, perhaps where settings lie; returns their bytes, and what was printed."""
    here, user = folder / "here", folder / "user"
    (here / "results/fake").mkdir(parents=True)
    user.mkdir()
    if place:
        settings(folder / place / "matplotlibrc")
    (here / "pilot.csv").write_text(PILOT)
    plan = write_plan_file({FIGURE.name: FIGURE}, {}, here / "results/fake")
    printed = []
    for command in (("figure", plan, FIGURE.name), ("power", "pilot.csv", "--plot", "plot.svg")):
        program = [Path(sys.executable).parent / "spl", *command]
        environment = os.environ | {"MPLCONFIGDIR": str(user)}
        done = subprocess.run(program, cwd=here, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        printed += [done.stdout, done.stderr]
    return printed, [(here / path).read_bytes() for path in (*FIGURE.outputs, "plot.svg")]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize("place", ["here", "user"])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_matplotlib_has_its_own_settings_alone(undisturbed, tmp_path, place, settings):
    """Received results may come with others, which would be printed as they are, or waited for."""
    assert drawn(tmp_path, place, settings) == undisturbed
