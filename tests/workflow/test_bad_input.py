"""A wrong study ends before any job: status 2, one clear line, nothing written."""

import pytest


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("steps: 150", "stepps: 150", "training.stepps: unknown key; did you mean 'steps'?"),
        ("folds: [0, 1]", "folds: [0, 0]", "experiments.scarce-labels.folds: 0 is listed twice"),
        ("mu: 3", "mu: 3\n  threshold: 1", "training.threshold: expected less than 1, got 1"),
        ("name: tiny", "name: tiny\nname: other", "'name' is given twice"),
    ],
)
def test_snakemake_and_spl_refuse_it_alike(project, old, new, expected):
    project.edit("tests/studies/tiny.yaml", old, new)
    for command in (
        ["snakemake", "--cores", "1", "all", "--configfile", "tests/studies/tiny.yaml"],
        ["spl", "plan", "tests/studies/tiny.yaml"],
    ):
        refused = project.run(*command)
        assert refused.returncode == 2, refused.stderr
        lines = [line for line in refused.stderr.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1
        assert lines[0].startswith("error: tests/studies/tiny.yaml")
        assert expected in lines[0]
        assert "Traceback" not in refused.stderr
    assert not (project.folder / "results").exists()


def test_the_demo_does_not_leak_into_a_study_that_says_too_little(project):
    (project.folder / "mine.yaml").write_text("name: mine\ntitle: Mine\ndatasets: {digits: {source: digits}}\n")
    refused = project.run("snakemake", "-n", "all", "--configfile", "mine.yaml")
    assert refused.returncode == 2
    assert "error: mine.yaml: experiments: missing" in refused.stderr


def test_a_damaged_data_set_is_named(finished):
    images = finished.results / "data/digits/images.safetensors"
    content = bytearray(images.read_bytes())
    content[-1] ^= 255
    images.write_bytes(content)
    refused = finished.run(
        "spl", "split", "--parameter", '{"draw": {}}', str(images.parent), "--output", str(finished.folder / "out.json")
    )
    assert refused.returncode == 2
    assert "expected the array with sha256" in refused.stderr
    assert not (finished.folder / "out.json").exists()
