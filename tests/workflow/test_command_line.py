"""What the command `spl` tells people: help in groups, examples, completion in the shell, progress."""

import re
import shlex

import pytest

TINY = "tests/studies/tiny.yaml"
PEOPLE = [
    *("plan", "status", "audit", "seal", "register", "digest", "equivalent", "doctor", "findings", "schema", "bench"),
    *("compare", "power"),
]
RULES = [
    *("download", "data", "split", "calibrate", "train", "analyse", "figure", "table", "spreadsheet", "page"),
    "crate",
]


def help_of(project, *subcommand):
    shown = project.run("spl", *subcommand, "--help", COLUMNS="200")
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def test_subcommands_for_people_come_first_and_those_of_the_rules_apart(project):
    text = help_of(project)
    people, rules = text[text.index("Interactive commands") :].split("Called by the rules")
    assert [re.findall(r"^│ (\w+) ", part, flags=re.MULTILINE) for part in (people, rules)] == [PEOPLE, RULES]


@pytest.mark.parametrize("subcommand", PEOPLE)
def test_the_examples_in_the_help_of_a_subcommand_use_what_it_has(project, subcommand):
    text = help_of(project, subcommand)
    examples = [shlex.split(line) for line in re.findall("`(spl .*)`", text)]
    assert examples
    for example in examples:
        assert example[:2] == ["spl", subcommand]
        options = [word for word in example if word.startswith("--")]
        assert all(f" {option} " in text for option in options)


def completed(project, line):
    """What the shell would offer behind a line."""
    words = shlex.split(line)
    offered = project.run(
        *("spl",), _SPL_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1), COMP_LINE=line
    )
    return offered.stdout.split()


def test_the_shell_completes_studies_and_results(project):
    assert completed(project, "spl plan config/de") == ["config/demo.yaml"]
    assert completed(project, "spl audit --study tests/studies/tiny.yaml tables/table1") == [
        "tables/table1",
        "tables/table14",
    ]
    run = "runs/digits/balanced-20/fold1/flexmatch/seed0"
    assert completed(project, "spl audit --rerun runs/digits/balanced-20/fold1/flex") == [run]
    project.edit("config/demo.yaml", "name: demo", "nam: demo")
    assert completed(project, "spl audit tab") == []


@pytest.mark.parametrize("command", ["audit", "digest", "plan"])
def test_progress_is_shown_in_a_terminal_alone(finished, command):
    study = ("--study", finished.study) if command == "audit" else (finished.study,)
    quiet = finished.run("spl", command, *study)
    assert quiet.returncode == 0
    assert quiet.stderr == ""
    watched = finished.run("spl", command, *study, TTY_COMPATIBLE="1")
    assert "100%" in watched.stderr


def test_the_module_of_the_command_is_the_command(project):
    """Whoever starts it in this way gets its verdict and its status, and not silence that looks like success."""
    started = project.run("python", "-m", "spl.cli.main", "audit", "--study", "config/none.yaml")
    assert (started.returncode, started.stdout) == (2, "")
    assert started.stderr == project.run("spl", "audit", "--study", "config/none.yaml").stderr != ""


@pytest.mark.parametrize(
    "command",
    [("plan",), ("plan", "--runs"), ("plan", "--observed"), ("status", "--once"), ("digest",), ("doctor",), ("audit",)],
)
def test_what_only_looks_at_a_study_makes_no_folder_of_results(project, command):
    """Someone who looks around must not find results that nobody made."""
    subcommand, *options = command
    study = ("--study", TINY) if subcommand == "audit" else (TINY,)
    looked = project.spl(subcommand, *study, *options)
    assert "Traceback" not in looked.stderr
    assert not (project.folder / "results").exists()
