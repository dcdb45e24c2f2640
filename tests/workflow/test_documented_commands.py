"""Every command in the README and the other pages works as documented, on the tiny study.

All commands run one after the other in one copy of the project, where the tiny study stands in for demo and paper.
What cannot run there is listed with its reason, or with the test that runs it.
"""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from documented import (
    ABLATION,
    ADDED_LABELS,
    DATA_SET,
    DOCUMENTED,
    ERRORS,
    EXAMPLES,
    IN_PYTHON,
    METHOD,
    MODULE,
    STATEFUL,
    blocks,
    example,
)
from project import ROOT

STAND_INS = {
    "results/demo/campaign/plan-*.json": '"$(ls -t results/tiny/campaign/plan-*.json | head -1)"',
    "results/demo": "results/tiny",
    "balanced-20": "balanced-40",
}
"""Names in the documentation, and their counterparts in the tiny study."""
ELSEWHERE = {
    "make demo": "takes minutes; its parts: test_unfinished_study.py, test_end_to_end.py",
    "make check": "runs the linters and the unit tests",
    "make test": "runs this test",
    "make test-all": "runs this test, and installs packages",
    "make .venv/lock-installed": "installs what runs this test; the commands are compared in test_environment.py",
    "source .venv/bin/activate": "tests run in that environment",
    "snakemake --profile slurm all": "test_injuries.py",
    "snakemake --profile slurm results/paper/analysis/scarce-labels.csv": "the same with one target",
    "snakemake --profile slurm all --configfile config/demo.yaml": "test_cluster.py",
    "docker build --file envs/Dockerfile --tag spl . && docker save --output spl.tar spl": (
        "no docker; its recipe is compared in test_environment.py"
    ),
    "apptainer build spl.sif docker-archive:spl.tar": "no apptainer",
    'apptainer exec --env PYTHONPATH="$PWD/workflow" spl.sif snakemake --cores 2 all': "no apptainer",
    "spl seal results/demo --sign ~/.ssh/id_ed25519": "needs a key; test_seal.py",
    "ssh-keygen -Y verify -f config/allowed_signers -I author@example.org -n smooth-pseudo-labeling "
    "-s results/demo/ROOT.sha256.sig < results/demo/ROOT.sha256": "needs a signature; test_seal.py",
    "snakemake all --configfile config/pictures.yaml": "trains; test_documented_examples.py",
    "snakemake all --configfile config/beyond.yaml": "trains for an hour and a half; its plan: test_beyond.py",
    "spl plan config/thresholds.yaml": "test_documented_examples.py",
    "snakemake all --configfile config/thresholds.yaml": "trains; test_documented_examples.py",
    "snakemake table9 fig2 --configfile config/thresholds.yaml": "the same",
    'spl equivalent train --reason "a faster way to the same bits, compared on six runs"': "test_reruns.py",
    "spl audit --study config/digits.yaml --archive": "takes that study's results; test_published_study.py",
    "snakemake all --config partial=true": "builds everything; test_unfinished_study.py",
    "snakemake all --config partial=true study=config/digits.yaml": "for minutes; test_published_study.py",
    "spl audit --rerun-cheap": "takes half a minute; test_audit_by_rerun.py",
    "spl audit --rerun-sample 3 --seed 7": "trains; test_audit_by_rerun.py",
    "spl bench --quick --json": "measures for a minute; test_step_speed.py",
    "srun --gpus=1 --cpus-per-task=4 spl bench --study config/paper.yaml --device cuda": "no GPU; test_bench_rates.py",
    "srun --gpus=1 --cpus-per-task=4 spl check-device": "no GPU; test_check_device.py",
    "spl bench --plan --json": "measures for minutes; test_planning_speed.py",
    "spl bench --images --json": "measures for half a minute; test_image_speed.py",
}
"""Commands that do not run here, each with the reason or the tests that cover it."""


def test_every_command_is_run_or_listed_and_the_list_is_up_to_date():
    assert ELSEWHERE.keys() <= {command for _, command in DOCUMENTED}
    beginnings = (DATA_SET, METHOD, STATEFUL, ABLATION, ADDED_LABELS, MODULE, ERRORS, IN_PYTHON)
    assert [example(beginning) for beginning in beginnings] == EXAMPLES
    tests = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert {name for reason in ELSEWHERE.values() for name in re.findall(r"test_\w+\.py", reason)} <= tests


def arrows(text):
    """The arrows of a graph in Mermaid's language, with the labels of Snakemake's nodes in place of their numbers."""
    names = dict(re.findall(r"^\s*(id\d+)\[(\w+)\]", text, re.MULTILINE))
    chains = ([names.get(name.strip(), name.strip()) for name in line.split("-->")] for line in text.splitlines())
    return {pair for chain in chains for pair in pairwise(chain)}


def test_the_picture_of_the_workflow_is_that_of_its_rules():
    [drawn] = [text for language, text in blocks(ROOT / "README.md") if language == "mermaid"]
    shown = arrows(drawn)
    done = subprocess.run(
        [Path(sys.executable).parent / "snakemake", "all", "--rulegraph", "mermaid-js", "--nolock"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    rules = arrows(done.stdout)
    assert shown <= rules
    for start, end in rules:  # an arrow that a longer way replaces is not drawn
        reached = {start}
        while further := {new for old, new in shown if old in reached} - reached:
            reached |= further
        assert end in reached, f"no way from {start} to {end}"


@pytest.fixture(scope="module")
def reader(_finished, tmp_path_factory):
    """A copy of the project in which the tiny study, in place of the demo, has run."""
    copy = _finished.copied(tmp_path_factory.mktemp("reader") / "copy")
    study = (copy.folder / "tests/studies/tiny.yaml").read_text()
    (copy.folder / "config/demo.yaml").write_text(study)
    (copy.folder / "config/paper.yaml").write_text(study.replace("name: tiny", "name: paper"))
    (copy.folder / "errors.csv").write_text(example(ERRORS))
    return copy


@pytest.mark.parametrize(
    ("page", "command"), [(page, command) for page, command in DOCUMENTED if command not in ELSEWHERE]
)
def test_a_documented_command_succeeds(reader, page, command):
    reader.run("spl", "seal", "results/tiny")  # a command before this one may have repeated a job
    for documented, tiny in STAND_INS.items():
        command = command.replace(documented, tiny)
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=reader.folder,
        env=reader.environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{page}: {command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def test_the_example_that_adds_labels_is_a_study_of_its_own():
    study = yaml.safe_load((ROOT / "config/added-labels.yaml").read_text())
    assert yaml.safe_load(example(ADDED_LABELS))["experiments"] == study["experiments"]


def test_the_module_of_another_workflow_plans_the_whole_study(finished, tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/my-study.yaml").write_text(finished.study.read_text())
    (tmp_path / "Snakefile").write_text(
        example(MODULE).replace("/path/to/smooth-pseudo-labeling", str(finished.folder))
    )
    finished.snakemake("-n", "all", "--directory", str(tmp_path), "--snakefile", str(tmp_path / "Snakefile"))
