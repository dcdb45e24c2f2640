"""The examples in the README and the other pages train to tables and figures as they say."""

import shlex

import numpy as np
import yaml
from documented import ABLATION, DATA_SET, DOCUMENTED, METHOD, STATEFUL, example
from PIL import Image


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
