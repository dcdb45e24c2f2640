"""What a hostile study, and hostile records of its runs, become: tables, page, figures, and lines in a terminal."""

import csv
import io
import json
import os
import pty
import shutil
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from threading import Thread

import pandas as pd
import pytest
import yaml
from fabricated import MAKERS, fabricate
from hostile import CLASSES, FORGED, MARKUP, Structure, shown, spaced, study_of, visible
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from project import ROOT
from rich.console import Console

from spl.attempts.journal import FAILURE, note
from spl.campaign.jobs import jobs
from spl.campaign.status import read_status, status_tables
from spl.code.subcommands import entry
from spl.paper.selection import exhibit_caption, exhibits
from spl.study.plan import make_plan
from spl.study.reading import check_study
from spl.text.printable import is_printable
from spl.text.spreadsheet import is_formula

TINY = ROOT / "tests/studies/tiny.yaml"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The results of a study whose texts and classes are hostile, and the structure of its page with harmless ones."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "study.yaml").write_text(yaml.safe_dump(study_of(folder / "images", CLASSES, MARKUP[:3])))
    page = fabricate(folder / "study.yaml", folder)
    assert page.name == "paper.html"
    figures = shutil.copytree(page.parent / "figures", folder / "figures")
    harmless = study_of(folder / "harmless", list("abcdef"), ["A study", "a paper", "a reason"])
    expected = Structure(remake(harmless, folder, "data").read_text())
    remake(study_of(folder / "images", CLASSES, MARKUP[:3]), folder, "data")
    return folder, figures, expected


def remake(study, folder, *more):
    """Write tables, workbook and page again for other texts; returns the page."""
    plan = make_plan(check_study(study, "study.yaml"))
    with chdir(folder):
        for job in jobs(plan, exhibits(plan, "study.yaml")).values():
            if job.subcommand in MAKERS and job.subcommand in more:
                MAKERS[job.subcommand](job.content, job)
            elif job.subcommand in ("table", "spreadsheet", "page"):
                entry(job.subcommand)(job.content, job.inputs, job.outputs, *([{}] if job.subcommand == "page" else []))
                page = folder / job.outputs[0]
    return page


@settings(max_examples=3, derandomize=True)
@example(MARKUP[:3])
@given(st.tuples(visible, visible, visible))
def test_no_product_of_a_hostile_study_has_more_markup_than_that_of_a_harmless_one(made, texts):
    folder, _, harmless = made
    study = study_of(folder / "images", CLASSES, texts)
    page = remake(study, folder)
    found = Structure(page.read_text())
    assert found.elements == harmless.elements
    assert spaced(texts[0]) in map(spaced, found.texts), "the title, as it is"
    plan = make_plan(check_study(study, "study.yaml"))
    for name, exhibit in exhibits(plan, "study.yaml").items():
        caption = exhibit_caption(plan, exhibit)
        assert is_printable(caption)
        if exhibit.kind == "table":
            text = (page.parent / f"tables/{name}.md").read_text()
            tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
            kinds = {child.type for token in tokens if token.type == "inline" for child in token.children}
            assert kinds <= {"text", "strong_open", "strong_close"}, name
            assert spaced(caption) in spaced("".join(child.content for child in tokens[1].children))
    for path in page.parent.rglob("*.csv"):
        with path.open(newline="") as file:
            assert not [cell for row in csv.reader(file) for cell in row if is_formula(cell)], path


def test_figures_of_hostile_classes_are_drawn_and_their_numbers_no_formulas(made):
    _, figures, _ = made
    drawn = pd.read_csv(figures / "confusion.csv", dtype=str)
    assert {name.removeprefix("'") for name in drawn["true"]} == set(CLASSES)
    assert f"'{CLASSES[0]}" in set(drawn["true"])
    assert "-1" in set(drawn["true"]), "a number"


@pytest.fixture
def campaign(tmp_path, monkeypatch):
    """The tiny study with a title in markup, and a run whose records are hostile; an orphan beside them."""
    monkeypatch.chdir(tmp_path)
    study = yaml.safe_load(TINY.read_text()) | {"title": "x [/foo] y [bold]z :bomb:"}
    Path("study.yaml").write_text(yaml.safe_dump(study))
    plan = make_plan(check_study(study, ""))
    begun, failed = list(plan.runs)[:2]
    start = {"event": "start", "identity": "i", "host": FORGED, "pid": 1, "job": FORGED, "first": 0}
    for run in (begun, failed):
        folder = Path("results/tiny/checkpoints") / run
        folder.mkdir(parents=True)
        note(folder, **start)
        note(folder, event="end", status="failed", reason=FORGED, seconds=1.0, memory_mb=1, gpu_memory_mb=0)
    (folder / FAILURE).write_text(json.dumps({"reason": f"[/foo]{FORGED}"}))
    (Path("results/tiny") / FORGED.replace("/", ":")).touch()
    return plan


def test_journals_and_reasons_are_cells_of_a_table(campaign):
    console = Console(file=io.StringIO(), force_terminal=True, width=400)
    console.print(status_tables(campaign, read_status(campaign, Path("results/tiny"))))
    lines = "\n".join(shown(console.file.getvalue()))
    assert "x [/foo] y [bold]z :bomb:" in lines
    assert lines.count(r"x\n212 fresh\nseal 000000000000: intact\n\x1b[2J\x1b[H[/foo] \u202e") == 2


def through_a_terminal(*command):
    """What a command writes to a terminal of 400 columns."""
    reader, writer = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow"), "TERM": "xterm-256color", "COLUMNS": "400"}
    output = []

    def read():
        try:
            while text := os.read(reader, 4096):
                output.append(text)
        except OSError:  # Linux's way to say that the other end is closed
            pass

    thread = Thread(target=read)
    thread.start()
    program = Path(sys.executable).with_name(command[0])
    subprocess.run([program, *command[1:]], stdin=writer, stdout=writer, stderr=writer, env=environment, timeout=120)
    os.close(writer)
    thread.join()
    os.close(reader)
    return b"".join(output).decode(errors="surrogateescape")


COMMANDS = {
    "plan": ["spl", "plan", "study.yaml"],
    "status": ["spl", "status", "study.yaml", "--once"],
    "audit": ["spl", "audit", "--study", "study.yaml"],
    "doctor": ["spl", "doctor", "study.yaml"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_terminal_gets_no_command_but_those_of_rich(campaign, name):
    lines = "\n".join(shown(through_a_terminal(*COMMANDS[name])))
    assert "Traceback" not in lines
    expected = {"audit": r"x\n212 fresh", "doctor": "study.yaml: ", "plan": "x [/foo] y", "status": "x [/foo] y"}
    assert expected[name] in lines
