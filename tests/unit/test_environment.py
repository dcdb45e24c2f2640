"""The environment files say the same. No test builds the container: what its recipe says is compared and tried here."""

import getpass
import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from snakemake.cli import parse_args

from spl.provenance.machine import locked, normalised

ROOT = Path(__file__).parents[2]
ENVS = ROOT / "envs"
LOCK = [line for line in (ENVS / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
CONDA = yaml.safe_load((ENVS / "environment.yaml").read_text())["dependencies"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RECIPE = [
    tuple(line.split(maxsplit=1))
    for line in (ENVS / "Dockerfile").read_text().splitlines()
    if line and not line.startswith("#")
]


def pip_commands(text):
    """The arguments of each `pip install`, but for those that decide only what is printed and kept."""
    quiet = {"--disable-pip-version-check", "--no-cache-dir"}
    return [set(found.split()) - quiet for found in re.findall(r"-m pip install (.*)", text)]


def unmet(requirements, extra=""):
    """The requirements that hold here and that the lock does not satisfy."""
    versions = locked()
    wanted = [Requirement(text) for text in requirements]
    return [
        str(one)
        for one in wanted
        if (one.marker is None or one.marker.evaluate({"extra": extra}))
        and not (normalised(one.name) in versions and one.specifier.contains(versions[normalised(one.name)]))
    ]


def test_the_conda_file_holds_the_packages_of_the_lock():
    assert CONDA[-1]["pip"] == LOCK


def test_the_lock_names_each_package_once_with_its_version():
    assert all(re.fullmatch(r"[\w.-]+==[\w.+!-]+", line) for line in LOCK)
    assert len(locked().keys() - {"python"}) == len(LOCK)


def test_the_lock_satisfies_what_the_project_asks_for():
    project = PROJECT["project"]
    assert not unmet(project["dependencies"])
    assert not unmet(project["optional-dependencies"]["test"])
    assert not unmet(PROJECT["build-system"]["requires"])


def test_the_lock_holds_all_that_its_packages_need():
    """Of what is installed here, which is the lock."""
    lacking = {name: unmet(distribution(name).requires or ()) for name in locked().keys() - {"python"}}
    del lacking["torch"]  # its CUDA libraries are those of the build that an index serves, and pinned by it
    assert not {name: found for name, found in lacking.items() if found}


def test_all_files_agree_on_the_python():
    image = dict(RECIPE[:1])["FROM"]
    python = re.fullmatch(r"python:(3\.\d+)\.\d+-slim-\w+", image)[1]
    assert f"python={python}" in CONDA
    assert f"PYTHON ?= python{python}\n" in (ROOT / "Makefile").read_text()
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{python.replace('.', '')}"
    assert PROJECT["project"]["requires-python"] == f">={python}"
    assert SpecifierSet(f"=={python}.*").contains(".".join(map(str, sys.version_info[:3])))


def test_the_container_is_made_by_the_same_commands_as_the_virtual_environment():
    commands = pip_commands((ENVS / "Dockerfile").read_text())
    beside = {"--requirement", "envs/validator.lock"}  # an environment for tests
    assert commands == [one for one in pip_commands((ROOT / "Makefile").read_text()) if one != beside]
    assert commands == [
        {"--requirement", "envs/requirements.lock"},
        {"--no-deps", "--no-build-isolation", "--editable", "."},
    ]


def test_the_container_runs_for_any_user_and_starts_nothing_by_itself():
    assert not {"ENTRYPOINT", "CMD", "ADD", "VOLUME"} & {word for word, _ in RECIPE}
    assert [rest for word, rest in RECIPE if word == "USER"] == ["1000:1000"]
    assert RECIPE.index(("USER", "1000:1000")) > max(n for n, (word, _) in enumerate(RECIPE) if word in ("RUN", "COPY"))


def test_in_the_container_a_user_without_an_entry_in_the_system_s_list_has_a_name_and_a_home(monkeypatch):
    """As `docker run --user 12345` starts it; Snakemake asks for both before it reads the workflow."""

    def unknown(user):
        raise KeyError(f"uid not found: {user}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    given = dict(pair.split("=") for word, rest in RECIPE if word == "ENV" for pair in rest.split())
    monkeypatch.setattr(os, "environ", given)
    assert getpass.getuser()
    assert Path.home().is_absolute()


def test_the_container_gets_the_files_that_it_copies_and_no_others():
    copied = [file for word, rest in RECIPE if word == "COPY" for file in rest.split()[:-1]]
    assert all((ROOT / file).exists() for file in copied)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == set(copied)
    assert PROJECT["project"]["readme"] in copied
    assert PROJECT["tool"]["setuptools"]["packages"]["find"]["where"][0] in copied


def test_pip_understands_the_lock_and_finds_it_installed():
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--no-index"]
    done = subprocess.run(
        [*command, "--requirement", "envs/requirements.lock"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Requirement already satisfied") == len(LOCK)


def test_every_package_of_the_validator_s_environment_is_pinned():
    lock = [line for line in (ENVS / "validator.lock").read_text().splitlines() if not line.startswith("#")]
    assert any(line.startswith("roc-validator==") for line in lock)
    assert all("==" in line for line in lock)


@pytest.mark.parametrize("options", [[], ["CORES=4"]])
def test_the_demo_s_commands_are_ones_that_snakemake_reads(options):
    made = subprocess.run(["make", "--dry-run", "demo", *options], cwd=ROOT, capture_output=True, text=True, check=True)
    commands = [shlex.split(line)[1:] for line in made.stdout.splitlines() if "/snakemake " in line]
    read = [parse_args(command)[1] for command in commands]
    assert [sorted(arguments.targets) for arguments in read] == [["fig2", "fig3", "fig5"], ["all"], ["all"]]
    assert [arguments.config or [] for arguments in read] == [[], ["partial=true"], []]
    if options:
        assert [arguments.cores for arguments in read] == [4, 4, 4]


@pytest.mark.parametrize("place", ["an old place", "a place that is there"])
def test_an_environment_that_was_moved_with_its_clone_is_told(tmp_path, place):
    """Its programs begin with a path that is gone, of which make says only that there is no such file."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "a place that is there").mkdir()
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/lock-installed").write_text(f"{tmp_path}/{place}\n")
    told = subprocess.run(["make", "--dry-run", "demo"], cwd=tmp_path, capture_output=True, text=True).stderr
    line = f".venv was made in {tmp_path}/{place}, from where this clone was moved: remove .venv, and call make again"
    assert (line in told) == (place == "an old place")
