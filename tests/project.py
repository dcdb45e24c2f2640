"""A copy of the project in which a test may run the workflow and edit anything."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from unittest.mock import patch

ROOT = Path(__file__).parents[1]
RECORDS = ("logs", "checkpoints", "campaign")
RECORD_FILES = (".manifest.json", ".records.js", "ROOT.sha256")
CODE = ("workflow", "envs")
PARTS = ("Snakefile", "benchmarks", "config", "envs", "profiles", "slurm", "tests/studies", "workflow")


class Project:
    """A checkout in a folder of its own."""

    def __init__(self, folder):
        for part in PARTS:
            whole = (ROOT / part).is_dir() and not (ROOT / part).is_symlink()
            copy = shutil.copytree if whole else partial(shutil.copy2, follow_symlinks=False)
            (folder / part).parent.mkdir(parents=True, exist_ok=True)
            copy(ROOT / part, folder / part)
        self._settle(folder)

    @classmethod
    def at(cls, folder):
        """The project that lies in a folder already."""
        project = object.__new__(cls)
        project._settle(folder)
        return project

    def _settle(self, folder):
        self.folder = folder
        self.has_own_code = False
        self.study = folder / "tests/studies/tiny.yaml"
        self.results = folder / "results/tiny"

    def copied(self, folder):
        """A copy of it in a new folder, with all that was made in it and Snakemake's own records."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project.at(folder)

    def run(self, *command, on=(), **environment):
        """Run a command of the environment on this copy's code, perhaps on another processor: below an emulator."""
        how = self._how(*command)
        how |= {"args": [*on, *how["args"]], "env": how["env"] | environment}
        return subprocess.run(**how, capture_output=True, text=True, timeout=600)

    def spl(self, *arguments):
        """Run `spl` as :meth:`run` does, in this process if the code is ours. No jobs: they check what is loaded."""
        command = ["spl", *map(str, arguments)]
        if self.has_own_code:
            return self.run(*command)
        from spl.cli.main import main

        status = 0
        with (
            chdir(self.folder), patch.object(sys, "argv", command),
            # Files, because a rerun hands them on to a process of its own.
            TemporaryFile("w+", errors="surrogateescape") as out, redirect_stdout(out),
            TemporaryFile("w+", errors="surrogateescape") as err, redirect_stderr(err),
        ):  # fmt: skip
            try:
                main()
            except SystemExit as ended:
                status = ended.code or 0
            for file in (out, err):
                file.seek(0)
            return subprocess.CompletedProcess(command, status, out.read(), err.read())

    def start(self, *command, told=subprocess.DEVNULL):
        """Start such a command, and go on; what it prints goes to a file."""
        return subprocess.Popen(**self._how(*command), stdout=told, stderr=told)

    def environment(self):
        """The variables under which a command runs this copy's code."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return os.environ | {
            "PYTHONPATH": str(self.folder / "workflow"), "PYTHONDONTWRITEBYTECODE": "1", "PATH": path
        }  # fmt: skip

    def _how(self, *command):
        own = Path(sys.executable).parent / command[0]
        program = own if own.exists() else command[0]
        return {"args": [program, *command[1:]], "cwd": self.folder, "env": self.environment()}

    def snakemake(self, *arguments):
        """Run Snakemake on the tiny study; it must succeed."""
        done = self.run("snakemake", "--cores", "2", *arguments, "--configfile", str(self.study))
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout + done.stderr

    def planned(self, *targets):
        """The jobs that Snakemake would run, as "rule" or "rule wildcard"."""
        text = self.snakemake("-n", *targets)
        jobs = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", text, flags=re.MULTILINE)
        found = set()
        for rule, body in jobs:
            wildcards = re.search(r"wildcards: (?:study=\S+, )?\w+=(\S+)", body)
            found.add(f"{rule} {wildcards[1]}" if wildcards else rule)
        return found

    def products(self, study="tiny"):
        """What a study came out as, by path: all its files but the records of how it went."""
        results = self.folder / "results" / study
        files = (path.relative_to(results) for path in results.rglob("*") if path.is_file())
        made = (path for path in files if path.parts[0] not in RECORDS and not path.name.endswith(RECORD_FILES))
        return {str(path): (results / path).read_bytes() for path in made}

    def edit(self, file, old, new):
        """Replace text that must be there."""
        path = self.folder / file
        text = path.read_text()
        assert old in text, f"{old!r} is not in {file}"
        path.write_text(text.replace(old, new, 1))
        self.has_own_code |= path.relative_to(self.folder).parts[0] in CODE
