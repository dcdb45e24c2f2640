"""Every command and every example in the README and the other pages works as documented, on the tiny study.

All commands run one after the other in one copy of the project, where the tiny study stands in for demo and paper.
What cannot run there is listed with its reason, or with the test that runs it.
"""

import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml
from markdown_it import MarkdownIt
from PIL import Image
from project import ROOT

PAGES = [ROOT / "README.md", ROOT / "config/README.md", *sorted((ROOT / "docs").glob("*.md"))]
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
    "snakemake all --configfile config/pictures.yaml": "the data set's example, below",
    "snakemake all --configfile config/beyond.yaml": "trains for an hour and a half; its plan: test_beyond.py",
    "spl plan config/thresholds.yaml": "the ablation's example, below",
    "snakemake all --configfile config/thresholds.yaml": "the ablation's example, below",
    "snakemake table9 fig2 --configfile config/thresholds.yaml": "the ablation's example, below",
    'spl equivalent train --reason "a faster way to the same bits, compared on six runs"': "test_reruns.py",
    "spl audit --study config/digits.yaml --archive": "takes that study's results; test_published_study.py",
    "snakemake all --config partial=true study=config/digits.yaml": "for minutes; test_published_study.py",
    "spl audit --rerun-cheap": "takes half a minute; test_audit_by_rerun.py",
    "spl audit --rerun-sample 3 --seed 7": "trains; test_audit_by_rerun.py",
    "spl bench --quick --json": "measures for a minute; test_step_speed.py",
    "srun --gpus=1 --cpus-per-task=4 spl bench --study config/paper.yaml --device cuda": "no GPU; test_bench_rates.py",
    "srun --gpus=1 --cpus-per-task=4 spl check-device": "no GPU; test_check_device.py",
    "spl bench --plan --json": "measures for minutes; test_planning_speed.py",
}
"""Commands that do not run here, each with the reason or the tests that cover it."""
DIGEST = re.compile("[0-9a-f]{64}")


def blocks(page):
    """The code blocks of a page: language, empty if there is none, and text."""
    tokens = MarkdownIt().parse(page.read_text())
    return [(token.info, token.content) for token in tokens if token.type in ("fence", "code_block")]


def commands(page):
    """The commands of a page, without comments: the lines of its code blocks without a language."""
    text = "".join(text for language, text in blocks(page) if not language and not DIGEST.fullmatch(text.strip()))
    lines = text.replace("\\\n", "").splitlines()
    return [re.sub(r"\s+# .*", "", re.sub(r"\s{4,}#? .*", "", line)).strip() for line in lines if line.strip()]


def example(beginning):
    """The example with this beginning."""
    [text] = [text for text in EXAMPLES if text.startswith(beginning)]
    return text


EXAMPLES = [text for page in PAGES for language, text in blocks(page) if language not in ("", "mermaid")]
METHOD, STATEFUL = (f"# workflow/spl/methods/{name}.py" for name in ("trusting_fixmatch", "mean_threshold"))
DATA_SET, ABLATION = "# config/pictures.yaml", "# config/thresholds.yaml"
ADDED_LABELS = "experiments:\n  added-labels:"
MODULE = 'configfile: "config/my-study.yaml"'
ERRORS, IN_PYTHON = "method,fold,error_percent", "from spl.analysis import compare, power"
DOCUMENTED = [(str(page.relative_to(ROOT)), command) for page in PAGES for command in commands(page)]


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


def test_the_readme_s_methods_are_in_the_table_when_their_files_are_added(finished):
    """That the state of the second one survives an interruption is tested in test_method_state.py."""
    assert len(example(METHOD).splitlines()) < 20
    assert len(example(STATEFUL).splitlines()) < 30
    for beginning in (METHOD, STATEFUL):
        (finished.folder / beginning.removeprefix("# ")).write_text(example(beginning))
    added = "trusting-fixmatch, mean-threshold"
    finished.edit(finished.study, "[fixmatch, smooth-fixmatch]", f"[fixmatch, smooth-fixmatch, {added}]")
    trained = {job for job in finished.planned("table1") if job.startswith("train ")}
    folders = [f"train digits/balanced-40/fold{fold}" for fold in (0, 1)]
    assert trained == {f"{folder}/{method}/seed0" for folder in folders for method in added.split(", ")}
    finished.snakemake("all")  # every figure has them, too
    table = (finished.results / "tables/table1.md").read_text()
    assert "| Trusting FixMatch" in table
    assert "| FixMatch at the mean score" in table


def test_the_readme_s_data_set_is_trained_on(project):
    text = example(DATA_SET)
    study, random = yaml.safe_load(text), np.random.default_rng(0)
    place = project.folder / "config/pictures.yaml"
    place.write_text(text.replace("steps: 3000", "steps: 20").replace("every: 100", "every: 10"))
    for part, count in (("train", 6), ("test", 2)):
        for name in ("bird", "frog"):
            folder = project.folder / study["datasets"]["pictures"]["root"] / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 256, (30, 40, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    [command] = [command for _, command in DOCUMENTED if "pictures.yaml" in command]
    done = project.run(*shlex.split(command))
    assert done.returncode == 0, done.stderr[-4000:]
    page = (project.folder / "results/pictures/paper.html").read_text()
    assert "My own pictures" in page
    assert "Smooth FixMatch" in page


def test_the_readme_s_ablation_is_a_whole_study_with_its_table_and_figure(project):
    place, text = project.folder / "config/thresholds.yaml", example(ABLATION)
    place.write_text(text)
    listed, trained, built = [shlex.split(command) for _, command in DOCUMENTED if "thresholds.yaml" in command]
    planned = project.run(*listed)
    assert (planned.returncode, planned.stderr) == (0, "")
    assert "default" not in planned.stdout, "its network and its steps are its own"
    place.write_text(text.replace("steps: 600", "steps: 100").replace("steps: 300", "steps: 100"))
    for command in (trained, built):
        done = project.run(*command)
        assert done.returncode == 0, done.stderr[-4000:]
    results = project.folder / "results/thresholds"
    written = (results / "tables/table9.md").read_text()
    assert all(threshold in written for threshold in ("0.9", "0.95"))
    assert (results / "figures/fig2.pdf").is_file()
    assert "Thresholds on handwritten digits" in (results / "paper.html").read_text()


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
