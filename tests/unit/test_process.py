"""What Python ran for a job beside its packages is on record, and looked at when it was loaded."""

import hashlib
import importlib.util
import json
import os
import py_compile
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from project import ROOT

from spl.attempts.plain_file import MOST
from spl.audit import report, sources
from spl.audit.verdicts import audit
from spl.campaign.job import Job, canonical
from spl.campaign.plan_file import write_plan_file
from spl.code.subcommands import with_code
from spl.data.store import Dataset, save_dataset
from spl.errors import InputError
from spl.provenance import machine, process
from spl.provenance.files import digest
from spl.provenance.manifest import read_manifest
from spl.provenance.recording import recorded

PLANNED = Job(
    "splits/fold0", "split", canonical(with_code("split", {"draw": {"scheme": "balanced", "seed": 0, "labels": 10}})),
    tuple(Path("results/fake/data", name) for name in ("images.safetensors", "dataset.json")),
    (Path("results/fake/splits/fold0.json"),),
)  # fmt: skip


class Clone:
    """A copy of the code, in which a test may plant what it wants; the job draws the labelled images of one fold."""

    def __init__(self, folder):
        self.folder = folder
        self.command = [Path(sys.executable).parent / "spl"]
        self.package = folder / "workflow/spl"
        for part in ("workflow", "envs"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "Snakefile", folder / "Snakefile")
        images = np.random.default_rng(0).integers(0, 256, (200, 1, 4, 4), dtype=np.uint8)
        classes = np.arange(10).repeat(20)
        data = folder / PLANNED.inputs[0].parent
        data.mkdir(parents=True)
        save_dataset("digits", list("abcdefghij"), Dataset(images, classes, images, classes), data)
        (folder / PLANNED.outputs[0]).parent.mkdir(parents=True)

    def draw(self, *path, **environment):
        """Do the job, with these folders before the code's own; returns its labelled images."""
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(map(str, [*path, self.package.parent])), "PYTHONDONTWRITEBYTECODE": "1"
        } | environment  # fmt: skip
        plan = write_plan_file({PLANNED.name: PLANNED}, {}, self.folder / "results/fake")
        command = [*self.command, "split", plan, PLANNED.name]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads((self.folder / PLANNED.outputs[0]).read_text())["labelled"]

    def manifest(self):
        return read_manifest(self.folder / PLANNED.manifest)

    def verdict(self, monkeypatch):
        monkeypatch.chdir(self.folder)
        return audit({PLANNED.name: PLANNED}, lambda path: digest(path) if path.exists() else None)[PLANNED.name]


@pytest.fixture
def clone(tmp_path):
    return Clone(tmp_path / "clone")


# Draws other images.
FORGE = """
def forged(classes, original=splits.draw_split, **given):
    return original(classes, **given | {"names": [f"other {number}" for number in range(len(classes))]})
splits.draw_split = forged
"""


# Before Python knows where its packages are, so that it waits for what it is to change.
HOOK = """
import builtins, sys
original_import = builtins.__import__
def import_and_forge(*given, **more):
    module = original_import(*given, **more)
    splits = sys.modules.get("spl.data.splits")
    if hasattr(splits, "write_fold") and not hasattr(splits, "forged"):
        original, splits.forged = splits.draw_split, True
        def forged(classes, **given):
            return original(classes, **given | {"names": [f"other {number}" for number in range(len(classes))]})
        splits.draw_split = forged
    return module
builtins.__import__ = import_and_forge
"""


def test_an_honest_job_records_what_it_loaded_and_nothing_else(clone, monkeypatch):
    clone.draw()
    ran = clone.manifest().process
    for path in ("workflow/spl/data/splits.py", "workflow/spl/cli/jobs.py", "workflow/rules/splits.smk", "Snakefile"):
        assert ran.files[path] == digest(clone.folder / path)
    assert "workflow/spl/training/loop.py" not in ran.files
    assert (ran.customised, ran.shadowing) == ({}, {})
    assert ran.variables["PYTHONPATH"] == str(clone.package.parent)
    assert ran.command[-1] == PLANNED.name
    assert str(clone.folder) not in " ".join(ran.command), "where the folder lies concerns nobody"
    assert clone.verdict(monkeypatch).verdict == "fresh"


def test_a_site_customisation_makes_a_result_stale(clone, tmp_path, monkeypatch):
    """It may have changed anything in the process, as here, and cover its tracks."""
    honest = clone.draw()
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        f"import sys\nimport spl.data.splits as splits\n{FORGE}del sys.modules[__name__]\n"
    )
    assert clone.draw(folder) != honest
    node = clone.verdict(monkeypatch)
    assert (node.verdict, node.kinds) == ("stale", ("env",))
    assert f"{folder / 'sitecustomize.py'}: Python ran this site customisation" in node.why[0]


@pytest.mark.parametrize(
    ("name", "text", "foreign"),
    [
        ("evil.pth", "import os; os.environ['A'] = '1'\n", True),
        ("evil.pth", "/some/folder\nimport\tevil\n", True),
        ("paths.pth", "/some/folder\nimportant\n", False),
        ("of-numpy.pth", "import numpy_helper\n", False),
        ("of-stranger.pth", "import stranger_helper\n", True),
        ("_virtualenv.pth", "import _virtualenv", False),
        ("_virtualenv.pth", "import _virtualenv; import evil", True),
    ],
)
def test_lines_that_python_executes_are_foreign_unless_a_locked_package_brought_them(
    tmp_path, monkeypatch, name, text, foreign
):
    listed = {"numpy": "of-numpy.pth,,\n", "stranger": "a.py,,\nof-stranger.pth,,\n"}
    packages = {one: Mock(read_text=lambda _, record=record: record) for one, record in listed.items()}
    monkeypatch.setattr(process, "_site_folders", lambda: (str(tmp_path),))
    monkeypatch.setattr(machine, "installed_distributions", lambda: packages)
    (tmp_path / name).write_text(text)
    assert (tmp_path / name in process.foreign_files()) == foreign


def test_a_module_from_elsewhere_in_place_of_python_s_own_makes_a_result_stale(clone, tmp_path, monkeypatch):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "hashlib.py").write_text(Path(importlib.util.find_spec("hashlib").origin).read_text() + "\nforged = 1\n")
    clone.draw(folder)
    node = clone.verdict(monkeypatch)
    assert (node.verdict, node.kinds) == ("stale", ("env",))
    assert f"{folder / 'hashlib.py'}: was loaded as hashlib, and belongs neither to Python" in node.why[0]


@pytest.mark.parametrize("package", [False, True])
def test_a_module_of_a_name_of_its_own_that_something_loads_makes_a_result_stale(clone, tmp_path, monkeypatch, package):
    """Warnings, plugins and optional packages are ways to have it loaded."""
    honest = clone.draw()
    folder = tmp_path / "elsewhere/plugins" if package else tmp_path / "elsewhere"
    folder.mkdir(parents=True)
    (folder / "helper.py").write_text(f"{HOOK}class Helped(Warning):\n    pass\n")
    name = "plugins.helper" if package else "helper"
    assert clone.draw(tmp_path / "elsewhere", PYTHONWARNINGS=f"ignore::{name}.Helped") != honest
    node = clone.verdict(monkeypatch)
    assert (node.verdict, node.kinds) == ("stale", ("env",))
    assert f"{folder / 'helper.py'}: was loaded as {name}, and belongs neither to Python" in node.why[0]


def test_what_a_job_says_of_foreign_code_is_sealed():
    """Nobody can take it out of a manifest that a job wrote; without it, statements are as they always were."""
    from spl.provenance.manifest import Manifest, statement

    known = {
        "subcommand": "split", "parameter": {}, "code": {"fingerprint": "f", "modules": []}, "inputs": {},
        "outputs": {}, "repository": None, "lock": "", "packages": {}, "hardware": {}, "environment": {}, "host": "",
        "slurm_job": None, "begun": "", "ended": "",
    }  # fmt: skip
    plain = statement(Manifest(**known))
    assert statement(Manifest(**known, process={"files": {"a.py": "1"}, "command": ["spl"]})) == plain
    for foreign in ({"customised": {"a.py": "1"}}, {"shadowing": {"a": "a.py"}}):
        assert statement(Manifest(**known, process={"files": {}, **foreign})) != plain


def plant(clone, module, text, invalidation):
    """Put the compiled form of another text into the cache of a module."""
    source = clone.package / module
    other = clone.folder / source.name
    other.write_text(text)
    cached = Path(importlib.util.cache_from_source(str(source)))
    py_compile.compile(str(other), str(cached), dfile=str(source), invalidation_mode=invalidation)
    other.unlink()


def test_what_lies_in_a_cache_is_never_run(clone):
    honest = clone.draw()
    text = (clone.package / "data/splits.py").read_text()
    forged = f"{text}\nimport sys\nsplits = sys.modules[__name__]\n{FORGE}"
    plant(clone, "data/splits.py", forged, py_compile.PycInvalidationMode.UNCHECKED_HASH)
    assert clone.draw() == honest


@pytest.mark.parametrize("module", ["cli/interactive.py", "cli/jobs.py", "audit/results.py"])
def test_no_command_runs_what_lies_in_a_cache(clone, module):
    """Whoever sends a clone can leave there what git ignores."""
    text = (clone.package / module).read_text()
    plant(clone, module, f"{text}\nprint('forged')\n", py_compile.PycInvalidationMode.UNCHECKED_HASH)
    environment = os.environ | {"PYTHONPATH": str(clone.package.parent)}
    command = [*clone.command, "audit", "--study", "absent.yaml"]
    done = subprocess.run(command, cwd=clone.folder, env=environment, capture_output=True, text=True)
    assert done.stdout == ""
    assert done.stderr.startswith("error: absent.yaml")


@pytest.mark.parametrize("begun", [{"init_main_from_path": str(Path(sys.executable).parent / "spl")},
                                   {"init_main_from_name": "spl.cli.main"}])  # fmt: skip
def test_no_process_that_shares_a_training_runs_what_lies_in_a_cache(clone, begun):
    """Multiprocessing loads the command in it, under another name, and calls no main()."""
    text = (clone.package / "text/printable.py").read_text()
    plant(clone, "text/printable.py", f"{text}\nprint('forged')\n", py_compile.PycInvalidationMode.UNCHECKED_HASH)
    program = f"from multiprocessing import spawn; spawn.prepare({begun!r}); import spl.text.printable"
    environment = os.environ | {"PYTHONPATH": str(clone.package.parent)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("place", ["splits/__init__.pyc", "splits.cpython-311-x86_64-linux-gnu.so"])
def test_what_python_finds_before_a_module_s_text_is_never_run(clone, place):
    """A package without text and an extension come first, and no fingerprint holds them."""
    clone.draw()
    planted = clone.package / "data" / place
    planted.parent.mkdir(exist_ok=True)
    if planted.suffix == ".pyc":
        forged = clone.folder / "forged.py"
        forged.write_text(
            f"{(clone.package / 'data/splits.py').read_text()}\n__file__ = {str(clone.package / 'data/splits.py')!r}\n"
            f"import sys\nsplits = sys.modules[__name__]\n{FORGE}"
        )
        py_compile.compile(str(forged), str(planted))
    else:
        planted.touch()
    with pytest.raises(AssertionError) as caught:
        clone.draw()
    assert str(caught.value).startswith(f"error: {planted}: expected {clone.package / 'data/splits.py'}, before which")


def test_a_comment_that_another_encoding_turns_into_statements_is_never_run(clone):
    module = clone.package / "data/splits.py"
    hidden = "import sys; splits = sys.modules[__name__]\n" + FORGE.strip()
    comment = "# " + "".join(f"\\u{ord(letter):04x}" for letter in f"\n{hidden}")
    module.write_text(f"# coding: raw_unicode_escape\n{module.read_text()}\n{comment}\n")
    with pytest.raises(AssertionError, match=r"error: .*data/splits.py: expected Python in UTF-8, "):
        clone.draw()


@pytest.mark.parametrize("started", [["spl"], ["python", "-m", "spl.cli.main"]])
def test_the_module_that_begins_a_job_is_compared_with_its_cache(clone, started):
    clone.command = [Path(sys.executable).parent / started[0], *started[1:]]
    assert clone.draw()
    text = (clone.package / "cli/main.py").read_text()
    plant(clone, "cli/main.py", f"{text}\nforged = 1\n", py_compile.PycInvalidationMode.UNCHECKED_HASH)
    with pytest.raises(
        AssertionError, match="error: .*cli/main.py: its compiled form in __pycache__ is of another text"
    ):
        clone.draw()


SWAP = """
import sys
from pathlib import Path
from unittest.mock import Mock
from spl.campaign.plan_file import read_job
from spl.cli.jobs import planned
from spl.code.subcommands import entry
from spl.errors import InputError
from spl.provenance.recording import recorded
job = planned("split", Path(sys.argv[1]), sys.argv[2])
module = Path(sys.argv[3])
honest = module.read_text()
try:
    with recorded(job):
        module.write_text(honest + "\\nforged = 1\\n")
        work = entry("split")
        {restore}module.write_text(honest)
        work(job.content, job.inputs, job.outputs)
        {later}module.write_text(honest + "\\nlater = 1\\n")
except InputError as error:
    sys.exit(f"error: {{error}}")
"""


def swap(clone, **places):
    plan = write_plan_file({PLANNED.name: PLANNED}, {}, clone.folder / "results/fake")
    program = SWAP.format(**{"restore": "", "later": "", **places})
    command = [sys.executable, "-c", program, plan, PLANNED.name, clone.package / "data/ranking.py"]
    environment = os.environ | {"PYTHONPATH": str(clone.package.parent)}
    return subprocess.run(command, cwd=clone.folder, env=environment, capture_output=True, text=True)


def test_a_module_that_is_swapped_after_it_was_looked_at_fails_the_job(clone):
    for places in ({"later": "# "}, {"restore": "# ", "later": "# "}):
        done = swap(clone, **places)
        assert done.returncode == 1
        assert "data/ranking.py: was changed after this job had begun, and then loaded" in done.stderr
        assert done.stderr.count("\n") == 1
        assert not (clone.folder / PLANNED.manifest).exists()
        honest = (ROOT / "workflow/spl/data/ranking.py").read_text()
        (clone.package / "data/ranking.py").write_text(honest)


def edited(images):
    images.write_text("lies")


def replaced(images):
    images.rename("elsewhere")
    images.write_text("true")


def put_back(images):
    before = images.stat()
    images.write_text("lies")
    images.write_text("true")
    os.utime(images, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("touch", [edited, replaced, put_back, Path.unlink])
def test_an_input_that_is_touched_while_a_job_is_at_work_fails_the_job(tmp_path, monkeypatch, touch):
    """Its manifest would record bytes that the job may not have read."""
    monkeypatch.chdir(tmp_path)
    images = Path("images")
    images.write_text("true")
    job = replace(PLANNED, inputs=(images,))
    with pytest.raises(InputError, match="^images: was touched while this job was at work"), recorded(job):
        touch(images)
    assert not job.manifest.exists()


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(clone, monkeypatch):
    """The clone as a git repository, to which audits look."""
    git(clone.folder, "init", "--quiet")
    (clone.folder / ".gitignore").write_text("results/\n__pycache__/\n")
    git(clone.folder, "add", ".")
    git(clone.folder, "commit", "--quiet", "--message", "first")
    monkeypatch.setattr("spl.provenance.git.PROJECT", clone.folder)
    for function in (sources.committed_files, sources._is_known, sources._present):
        function.cache_clear()
    return clone


JOBS = "workflow/spl/cli/jobs.py"


def lines(node):
    return list(report.repository_lines([node]))


def test_a_committed_tree_is_not_mentioned(repository, monkeypatch):
    repository.draw()
    node = repository.verdict(monkeypatch)
    assert (node.verdict, lines(node)) == ("fresh", [])


@pytest.mark.parametrize("file", [JOBS, "workflow/rules/splits.smk"])
def test_uncommitted_changes_of_files_that_ran_are_named(repository, monkeypatch, file):
    """No fingerprint holds what starts and records jobs, such as a rule that calls the command in another way."""
    honest = (repository.folder / file).read_text()
    (repository.folder / file).write_text(f"{honest}\n# forged\n")
    repository.draw()
    (repository.folder / file).write_text(honest)
    node = repository.verdict(monkeypatch)
    [line] = lines(node)
    assert line.startswith("1 job ran while the working tree had uncommitted changes (")
    assert line.endswith(f"): loaded {file}")


def test_uncommitted_changes_of_now_are_mentioned(repository, monkeypatch):
    repository.draw()
    (repository.folder / "Snakefile").write_text("# edited\n")
    [line] = lines(repository.verdict(monkeypatch))
    assert re.fullmatch(r"the working tree has uncommitted changes \([0-9a-f]{12}\)", line)


def test_changes_that_a_manifest_conceals_contradict_its_commit(repository, monkeypatch):
    path = repository.folder / JOBS
    path.write_text(f"{path.read_text()}\nforged = 1\n")
    repository.draw()
    manifest = repository.folder / PLANNED.manifest
    told = json.loads(manifest.read_text())
    assert told["repository"]["diff"]
    manifest.write_text(json.dumps(told | {"repository": told["repository"] | {"diff": None}}))
    node = repository.verdict(monkeypatch)
    assert node.verdict == "contradictory"
    assert f"{JOBS} ran as {digest(path)[:12]}, its commit has " in node.why[0]


def conceal(repository, **told):
    """Say in the job's manifest that nothing was changed, and what else is told of its repository or process."""
    path = repository.folder / PLANNED.manifest
    content = json.loads(path.read_text())
    content["repository"] |= {"diff": None} | {name: told[name] for name in told if name != "files"}
    content["process"]["files"] |= told.get("files", {})
    path.write_text(json.dumps(content))


def commit_all(repository):
    git(repository.folder, "add", "--all")
    git(repository.folder, "commit", "--quiet", "--allow-empty", "--message", "more")
    done = subprocess.run(["git", "-C", repository.folder, "rev-parse", "HEAD"], capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.mark.parametrize("attribute", ["export-ignore", "export-subst", "text eol=crlf"])
def test_attributes_in_a_commit_hide_no_change_from_its_comparison(repository, monkeypatch, attribute):
    (repository.folder / ".gitattributes").write_text(f"{JOBS} {attribute}\n")
    commit = commit_all(repository)
    repository.draw()
    assert repository.verdict(monkeypatch).verdict == "fresh"
    conceal(repository, files={JOBS: "ab" * 32})
    assert repository.manifest().repository.commit == commit
    assert f"{JOBS} ran as abababababab, its commit has " in repository.verdict(monkeypatch).why[0]


def test_a_file_that_ran_and_that_its_commit_lacks_contradicts_it(repository, monkeypatch):
    repository.draw()
    evil = "workflow/spl/cli/evil.py"
    for sha256 in ("ab" * 32, ""):
        conceal(repository, files={evil: sha256})
        node = repository.verdict(monkeypatch)
        assert f"{evil} ran as {sha256[:12]}, its commit has no such file, no change" in node.why[0]


def test_a_commit_without_any_workflow_is_not_the_one_that_ran(repository, monkeypatch):
    repository.draw()
    shutil.rmtree(repository.package.parent)
    (repository.folder / "Snakefile").unlink()
    empty = commit_all(repository)
    git(repository.folder, "checkout", "--quiet", "HEAD~")
    conceal(repository, commit=empty)
    node = repository.verdict(monkeypatch)
    assert node.verdict == "contradictory"
    assert "Snakefile ran as " in node.why[0]
    assert "its commit has no such file" in node.why[0]


def test_a_replaced_commit_is_what_its_name_says(repository, monkeypatch):
    """Git takes another object for it, wherever somebody has noted that."""
    first = repository.draw() and repository.manifest().repository.commit
    path = repository.folder / JOBS
    honest = path.read_text()
    path.write_text(f"{honest}\nforged = 1\n")
    git(repository.folder, "replace", first, commit_all(repository))
    conceal(repository, files={JOBS: digest(path)})
    assert f"{JOBS} ran as {digest(path)[:12]}, its commit has " in repository.verdict(monkeypatch).why[0]


def test_other_ends_of_lines_and_links_within_the_workflow_are_no_change(repository, monkeypatch):
    """As git writes files where its settings ask for it; Python reads the same."""
    rule = repository.package.parent / "rules/splits.smk"
    rule.rename(rule.with_name("real.txt"))
    rule.symlink_to("real.txt")
    commit_all(repository)
    repository.draw()
    assert repository.verdict(monkeypatch).verdict == "fresh"
    windows = (repository.folder / JOBS).read_bytes().replace(b"\n", b"\r\n")
    conceal(repository, files={JOBS: hashlib.sha256(windows).hexdigest()})
    assert repository.verdict(monkeypatch).verdict == "fresh"


@pytest.mark.parametrize("ignored", [False, True])
def test_an_uncommitted_module_is_a_recorded_change_whatever_is_ignored(repository, monkeypatch, ignored):
    folder = repository.package / "cli/mine"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    if ignored:
        (folder / ".gitignore").write_text("*\n")
    jobs = repository.folder / JOBS
    jobs.write_text(f"{jobs.read_text()}\nimport spl.cli.mine\n")
    git(repository.folder, "commit", "--quiet", "--message", "its import", JOBS)
    repository.draw()
    node = repository.verdict(monkeypatch)
    [line] = [one for one in lines(node) if "1 job ran while" in one]
    assert node.verdict == "fresh", node.why
    assert line.endswith("loaded workflow/spl/cli/mine/__init__.py")


def test_a_commit_whose_files_git_does_not_tell_is_told(repository, monkeypatch):
    """As in a clone that has not fetched all objects: nothing is compared, and nothing is hidden."""
    repository.draw()
    [blob] = subprocess.run(
        ["git", "-C", repository.folder, "rev-parse", f"HEAD:{JOBS}"], capture_output=True, text=True, check=True
    ).stdout.split()
    (repository.folder / ".git/objects" / blob[:2] / blob[2:]).unlink()
    node = repository.verdict(monkeypatch)
    assert node.verdict == "fresh"
    assert "cannot be looked up: git does not tell its files" in lines(node)[0]


def test_a_commit_is_read_by_few_processes_however_many_files_it_has(repository, monkeypatch):
    repository.draw()
    started, run = [], subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *command, **more: started.append(command) or run(*command, **more))
    assert len(sources.committed_files(repository.manifest().repository.commit)) > 100
    assert len(started) <= 3


def test_a_commit_that_is_not_here_is_told_and_condemns_nothing(repository, monkeypatch, tmp_path):
    repository.draw()
    path = repository.folder / PLANNED.manifest
    path.write_text(path.read_text().replace(repository.manifest().repository.commit, "1" * 40))
    node = repository.verdict(monkeypatch)
    expected = "commit 111111111111 of 1 job cannot be looked up: "
    assert (node.verdict, lines(node)) == ("fresh", [f"{expected}this repository does not have it"])
    sources._present.cache_clear()
    (repository.package / "cli/jobs.py").write_text("")
    assert lines(node)[1] == f"1 job ran with other texts than are here, and no commit has them: {JOBS}"
    monkeypatch.setattr("spl.provenance.git.PROJECT", tmp_path / "elsewhere")
    sources._is_known.cache_clear()
    assert lines(node)[0] == f"{expected}no repository is here"


def test_of_files_that_a_manifest_names_those_of_the_workflow_alone_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("spl.provenance.git.PROJECT", tmp_path)
    sources._present.cache_clear()
    (tmp_path / "workflow").mkdir()
    for name in ("Snakefile", "workflow/Snakefile", "secret"):
        (tmp_path / name).write_text("text")
    with (tmp_path / "workflow/holes").open("wb") as file:
        file.truncate(MOST + 1)
    expected = hashlib.sha256(b"text").hexdigest()
    assert [sources._present(name) for name in ("Snakefile", "workflow/Snakefile")] == [expected, expected]
    for name in (f"{tmp_path}/secret", "secret", "workflow/../secret", f"workflow/{'../' * 40}proc/self/pagemap",
                 f"{tmp_path}/workflow/Snakefile", "workflow/holes", "workflow", "workflow/\0"):  # fmt: skip
        assert sources._present(name) is None, name


@pytest.mark.parametrize("commit", ["--output=written", "--remote=.", "HEAD", "main\n"])
def test_a_commit_that_is_none_is_not_handed_to_git(repository, monkeypatch, commit):
    repository.draw()
    path = repository.folder / PLANNED.manifest
    content = json.loads(path.read_text())
    content["repository"]["commit"] = commit
    path.write_text(json.dumps(content))
    node = repository.verdict(monkeypatch)
    assert "cannot be looked up: this repository does not have it" in lines(node)[0]
    assert not Path("written").exists()


def test_a_manifest_that_says_nothing_of_what_ran_is_contradicted(repository, monkeypatch):
    repository.draw()
    path = repository.folder / PLANNED.manifest
    content = json.loads(path.read_text())
    del content["process"]
    path.write_text(json.dumps(content))
    node = repository.verdict(monkeypatch)
    assert node.verdict == "contradictory"
    assert "process.files has no workflow/spl/data/splits.py" in "; ".join(node.why)
