"""Nothing of a study, a file name or a manifest is ever markup, a formula or a command, in whatever is written."""

import csv
import io
import json
import os
import re
import subprocess
import time

import openpyxl
import pandas as pd
import pytest
from chain import CHAIN, RESULTS, make
from docutils.core import publish_doctree
from docutils.nodes import Text, paragraph
from hostile import FORGED, HIDDEN, MARKUP, hidden, shown, spaced, visible
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from matplotlib.cbook import is_math_text
from project import ROOT
from rich.console import Console

from snakemake_logger_plugin_progress import LogHandler
from spl.audit.planned import PlannedStudy
from spl.audit.results import audit_results
from spl.campaign.submission import refusal_words
from spl.errors import InputError
from spl.provenance.seal import write_seal
from spl.study.plan import make_plan
from spl.study.reading import read_study
from spl.tables.layout import Table, save_table
from spl.tables.spreadsheet import write_spreadsheet
from spl.text.html import in_script
from spl.text.latex import LATEX, latex
from spl.text.markdown import markdown
from spl.text.mathtext import mathtext
from spl.text.printable import brief, error_lines, has_blanks, in_lines, is_printable, printable
from spl.text.restructured import restructured
from spl.text.shell import shell_word
from spl.text.spreadsheet import csv_text, is_formula
from spl.text.terminal import plain, show

TINY = ROOT / "tests/studies/tiny.yaml"
anything = visible | hidden | st.text()


# ---- each form of output


@given(anything)
def test_printable_text_stays_and_other_text_becomes_one_printable_line(text):
    assert is_printable(printable(text))
    assert printable(printable(text)) == printable(text)
    if is_printable(text) and not has_blanks(text):
        assert printable(text) == text


BLANKS = [
    "  ",
    " \N{NO-BREAK SPACE}",
    "\N{IDEOGRAPHIC SPACE}" * 9,
    " \N{ZERO WIDTH JOINER} ",
    "\u2800" * 80,
    " \ufe0f" * 9 + " ",
]


@pytest.mark.parametrize("blanks", BLANKS)
def test_no_words_fill_a_line_with_blanks_so_that_others_stand_on_the_next(blanks):
    assert printable(f"    x:{blanks}seal 0") == "    x: seal 0", "an indented line stays so"
    assert spaced(plain(f"x{blanks}y").plain) == "x y"
    word = shell_word(f"a{blanks}b")
    assert printable(f"rm {word}") == f"rm {word}"
    told = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True)
    assert told.stdout.decode() == f"a{blanks}b"


@given(anything, st.integers(1, 300))
def test_of_long_words_a_line_shows_the_beginning(text, times):
    line = brief(text * times)
    assert is_printable(line)
    assert len(line) <= 200
    assert line == printable(text * times) or (line[-1], printable(text * times)[:199]) == ("…", line[:-1])


def test_of_a_word_without_end_only_the_beginning_is_looked_at():
    assert brief("x" + "\x1b" * 10**6) == ("x" + r"\x1b" * 50)[:199] + "…"
    assert brief("x" + " " * 10**6 + "y") == "x …", "what follows so many blanks is left out, and that is said"


@pytest.mark.parametrize("letters", HIDDEN)
def test_what_a_terminal_obeys_or_does_not_show_is_not_printable(letters):
    assert not is_printable(f"a{letters}b")


@pytest.mark.parametrize("text", ["Größe ≤ 5 µm", "می‌خواهم", "क्‍ष", "👩‍🔬", "全角　空白", "a\N{NO-BREAK SPACE}b"])
def test_what_people_write_is_printable(text):
    assert printable(text) == text


SCRIPTS = [
    "Ελληνικά", "Русский", "עִבְרִית", "العربية", "हिन्दी", "தமிழ்", "ไทย", "ភាសាខ្មែរ", "မြန်မာ", "한국어", "日本語", "中文",
    "ᠮᠣᠩᠭᠣᠯ᠋", "❤️ 👨‍👩‍👧 🇫🇷", "葛\U000e0100飾", "⠃⠗⠁⠊⠇⠇⠑", "ᄒᆞᆫ글", "𓂀𓏏", "𝄞𝅘𝅥", "𐌰𐌱",
]  # fmt: skip


@pytest.mark.parametrize("text", SCRIPTS)
def test_letters_of_every_script_are_printable(text):
    assert printable(text) == text


def test_everything_that_unicode_calls_ignorable_is_escaped_or_written_by_people():
    """Default_Ignorable_Code_Point of Unicode, without what emoji, Mongolian, old Hangul and Japanese names need."""
    ranges = (
        "00AD 034F 061C 115F-1160 17B4-17B5 180B-180F 200B-200F 202A-202E 2060-206F 3164 FE00-FE0F FEFF FFA0 FFF0-FFF8 "
        "1BCA0-1BCA3 1D173-1D17A E0000-E0FFF"
    )
    ends = [[int(end, 16) for end in span.split("-")] for span in ranges.split()]
    kept = {chr(code) for span in ends for code in range(span[0], span[-1] + 1) if is_printable(chr(code))}
    written = "\u034f\u115f\u1160\u180b-\u180f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef"
    assert not [ascii(letter) for letter in kept if not re.match(f"[{written}]", letter)]
    assert not [letter for letter in kept if printable(f"a {letter} {letter} b") != "a b"], "they fill no line"


@given(anything)
def test_rich_shows_text_as_it_is(text):
    console = Console(file=io.StringIO(), force_terminal=True, width=10_000)
    show(console, text)
    console.print(plain(text, "bold"))
    assert set(shown(console.file.getvalue())) <= {printable(text), ""}


def inline(tokens):
    """The texts of Markdown, all of which must be plain."""
    children = [child for token in tokens if token.type == "inline" for child in token.children]
    assert {child.type for child in children} <= {"text"}, [child.type for child in children]
    return ["".join(child.content for child in token.children) for token in tokens if token.type == "inline"]


@given(anything)
def test_markdown_shows_text_as_it_is(text):
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = reader.parse(f"In words: {markdown(text)}")
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert spaced("".join(inline(tokens))) == spaced(f"In words: {printable(text)}")
    cells = inline(reader.parse(f"| a | b |\n|---|---|\n| {markdown(text)} | end |"))
    assert [*map(spaced, cells)] == ["a", "b", spaced(printable(text)), "end"]
    [bold] = reader.parse(f"**{markdown(f'a{text}b')}.** end")[1:2]
    assert [child.type for child in bold.children if child.type != "text"] == ["strong_open", "strong_close"]


READ = {command: sign for sign, command in LATEX.items()}
PIECES = re.compile("|".join(map(re.escape, sorted(READ, key=len, reverse=True))))


@given(anything)
def test_latex_shows_text_as_it_is(text):
    written = latex(text).removeprefix("{}")
    assert not set(PIECES.sub("", written)) & set("\\{}$&#%_^~"), "no command, and no argument"
    assert PIECES.sub(lambda match: READ[match[0]], written) == printable(text).replace("--", "–")
    assert not latex(text).lstrip().startswith(("[", "*")), "an argument of the end of the row before"


@given(anything)
def test_restructured_text_shows_text_as_it_is(text):
    quiet = {"report_level": 5, "halt_level": 5, "file_insertion_enabled": False, "raw_enabled": False}
    document = publish_doctree(restructured(text), settings_overrides=quiet)
    assert [type(node) for node in document.findall(lambda node: node is not document)] in ([], [paragraph, Text])
    assert spaced(document.astext()) == spaced(printable(text))


@given(anything)
def test_figures_show_text_as_it_is(text):
    assert not is_math_text(mathtext(text))
    assert mathtext(text).replace(r"\$", "$") == printable(text).replace("λ_u", "λᵤ"), "as matplotlib reads it"


@given(anything)
def test_json_ends_no_script(text):
    written = in_script(json.dumps({text: text}, ensure_ascii=False))
    assert "<" not in written
    assert json.loads(written) == {text: text}


@given(anything)
def test_no_cell_is_a_formula(text):
    assert not is_formula(csv_text(text))
    assert csv_text(text) in (text, f"'{text}")


@pytest.mark.parametrize("number", ["-1", "+1.5", "-1e-05", "-0.25", "-inf", 5, -0.5, None])
def test_signed_numbers_stay_numbers(number):
    assert csv_text(number) == number


@pytest.mark.parametrize("name", ["a b", "it's", FORGED, "\udcff\x1b[2J", "$(reboot)", "`reboot`", "-rf"])
def test_a_printed_command_means_the_name_that_it_shows(name):
    assert is_printable(shell_word(name))
    told = subprocess.run(["bash", "-c", f"printf %s {shell_word(name)}"], capture_output=True, check=True)
    assert told.stdout == os.fsencode(name)


# ---- tables and workbooks


def test_a_table_of_hostile_texts_has_no_markup_but_its_own(tmp_path):
    cells = pd.DataFrame({"name": MARKUP, "=1+1": MARKUP})
    save_table(Table(cells, cells, bold=frozenset({(0, 1)})), MARKUP[0], MARKUP[7], tmp_path / "table")
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse((tmp_path / "table.md").read_text())
    first, *texts = (token for token in tokens if token.type == "inline")
    bold = [child.content for token in texts for child in token.children if child.type == "strong_open"]
    assert len(bold) == 1
    kinds = {child.type for token in [first, *texts] for child in token.children}
    assert kinds == {"text", "strong_open", "strong_close"}
    assert len(texts) == 2 * len(MARKUP) + 2
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert not [cell for row in rows for cell in row if is_formula(cell)]
    assert [row[0] for row in rows[1:]] == list(map(csv_text, MARKUP))
    tex = (tmp_path / "table.tex").read_text()
    assert tex.count(r"\textbf{") == 1
    assert tex.count(r"\input") == 0
    assert tex.count(" \\\\\n") == len(MARKUP) + 1


def test_numbers_of_a_table_are_written_as_before(tmp_path):
    tidy = pd.DataFrame({"a": [1, 2], "b": [-0.5, 1 / 3], "c": ["-1.5", "x"], "d": pd.array([1, None], dtype="Int64")})
    save_table(Table(tidy, pd.DataFrame({"": ["x"]})), "", "", tmp_path / "table")
    assert (tmp_path / "table.csv").read_text() == "a,b,c,d\n1,-0.5,-1.5,1\n2,0.3333333333,x,\n"


def test_no_cell_of_a_workbook_is_a_formula(tmp_path):
    run = {"variant": "", "fold": 0, "seed": 0, "labels": 4, "error_last": 0.5, "basin": "=1+1", "collapsed": "@x",
           "partly_collapsed": "-x"}  # fmt: skip
    pd.DataFrame([{"method": "m", **run}]).to_csv(tmp_path / "summary.csv", index=False)
    write_spreadsheet({"given": {"titles": {"m": "=1+1"}}}, [tmp_path / "summary.csv"], [tmp_path / "book.xlsx"])
    for sheet in openpyxl.load_workbook(tmp_path / "book.xlsx"):
        assert {cell.data_type for row in sheet for cell in row} <= {"s", "n"}


# ---- what is found on disk


def edited(content, path, value, *, key):
    """A manifest with another text in one place: as the value, or as a key more."""
    content = json.loads(json.dumps(content))
    *above, last = path
    at = content
    for name in above:
        at = at[name]
    if key and isinstance(at[last], dict):
        at[last][value] = value
    else:
        at[last] = value
    return content


def places(node, path=()):
    """Every place in a manifest, recursively."""
    yield from [path] if path else []
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield from places(value, (*path, key))


def audited(study=TINY):
    """What an audit of the chain prints in a terminal, whole and of one result."""
    planned = PlannedStudy(study, make_plan(read_study(study)), CHAIN, RESULTS)
    lines = []
    for targets in ([], ["third"]):
        console = Console(file=io.StringIO(), force_terminal=True, width=100)
        audit_results(planned, targets, False, None, console)
        lines += shown(console.file.getvalue())
    return lines


CIRCUMSTANCES = {
    "repository": {"commit": "c", "diff": "d", "problem": "p"}, "packages": {"torch": "1"}, "environment": {"A": "b"},
    "hardware": {"processor": "p", "gpus": ["g"]}, "slurm_job": "1", "attempts": [{"reason": "r"}], "host": "h",
}  # fmt: skip


def test_whatever_a_manifest_says_an_audit_prints_lines_of_its_own_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make()
    manifest = CHAIN["second"].manifest
    content = json.loads(manifest.read_text()) | CIRCUMSTANCES
    for place in places(content):
        for key in (False, True):
            manifest.write_text(json.dumps(edited(content, place, FORGED, key=key)))
            assert [line for line in audited() if "second" in line], place


NAMES = [FORGED.replace("/", ":"), "\x1b[2J212 fresh", "a\u202eb", "[bold]x", "\udcff", "x\x1b.manifest.json", ":bomb:"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_an_orphan_on_one_line_and_the_printed_command_moves_it(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    make()
    (RESULTS / name).write_text("{}")
    lines = audited()
    assert len([line for line in lines if line.startswith("? results/fake/")]) == 1
    [command] = {line.strip() for line in lines if line.strip().startswith("mkdir")}
    subprocess.run(["bash", "-c", command], check=True)
    assert [os.fsencode(path.name) for path in RESULTS.with_name("fake-orphans").iterdir()] == [os.fsencode(name)]


def test_whatever_a_seal_says_an_audit_prints_lines_of_its_own_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make()
    for name in ("x\x1b[2J.json", "[/foo].json", "\u202e.json", "a\x85212 fresh.json"):
        line = f"{'0' * 64}  {name}\n# accepted  {name}.manifest.json: [/foo]{name}\n{name}\n"
        (RESULTS / "ROOT.sha256").write_text(line)
        assert "  not as sealed" in "\n".join(audited())


def test_whatever_a_manifest_says_an_audit_shows_its_beginning_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make()
    path = CHAIN["second"].manifest
    content = json.loads(path.read_text()) | CIRCUMSTANCES
    for place in (("begun",), ("repository", "problem"), ("process", "files"), ("parameter", "draw")):
        path.write_text(json.dumps(edited(content, place, "x" * 10_000 + "seal 0", key=True)))
        assert all(len(line) < 2000 for line in audited() if "xxx" in line), place
        assert "seal 0" not in "".join(audited()), place


def test_somebody_s_word_in_a_seal_is_no_line_of_an_audit(tmp_path, monkeypatch):
    """As wide as the terminal, so that the rest would stand on a line of its own."""
    monkeypatch.chdir(tmp_path)
    make()
    write_seal(RESULTS, "x")
    words = f"x{' ' * 40}seal 000000000000: the published one, signed by somebody{' and so on' * 99}"
    seal = RESULTS / "ROOT.sha256"
    seal.write_text(seal.read_text().replace("aside.manifest.json: x\n", f"aside.manifest.json: {words}\n"))
    [line] = {line for line in audited() if "the published one" in line}
    assert line.startswith("  sealed on somebody's word: aside.manifest.json: x seal 000000000000: the published")
    assert line.endswith("…")
    assert len(line) < 260


@given(anything, st.lists(anything, min_size=1))
def test_no_text_in_an_error_is_a_line_of_its_own(text, texts):
    assert error_lines(InputError(text)) == [f"error: {printable(text)}"]
    assert error_lines(InputError(in_lines(texts))) == [f"error: {printable(one)}" for one in texts]


def test_a_refusal_of_slurm_is_one_printable_line():
    assert refusal_words("sbatch: error: no\n\x1b[2J such\x07 partition") == r"no \x1b[2J such\x07 partition"


def test_the_logger_shows_what_snakemake_says_line_by_line():
    handler = object.__new__(LogHandler)
    handler.console, handler.began = Console(file=io.StringIO(), force_terminal=True, width=100), time.monotonic()
    handler.say("Error in rule x:\n    [/foo] \x1b[2J :bomb:\rend\u202e")
    assert shown(handler.console.file.getvalue()) == [
        "[0:00] Error in rule x:", r"    [/foo] \x1b[2J :bomb:", r"end\u202e", ""
    ]  # fmt: skip
