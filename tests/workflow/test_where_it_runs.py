"""What a machine, a profile or a file system cannot do is refused before any job, or done in another way."""

import pytest
from project import ROOT

TINY = "tests/studies/tiny.yaml"
RUN = "digits/balanced-40/fold0/fixmatch/seed0"


def test_runs_on_gpus_are_refused_once_where_there_is_none_before_their_data_are_prepared(project):
    project.edit(TINY, "steps: 150", "device: cuda\n  steps: 150")
    refused = project.run("snakemake", "--cores", "2", "all", "--configfile", TINY)
    assert refused.returncode != 0
    assert refused.stderr.count("error: tiny: device: expected 1 CUDA devices, found 0; train on another machine") == 1
    assert "Traceback" not in refused.stderr
    assert not (project.results / "data").exists()


def test_what_trains_nothing_needs_no_gpu(project):
    """Planning, and the host that submits: it prepares the data alone."""
    project.edit(TINY, "steps: 150", "device: cuda\n  steps: 150")
    for how in (["-n"], ["--until", "data"]):
        done = project.run("snakemake", "--cores", "2", "all", "--configfile", TINY, *how)
        assert done.returncode == 0, done.stderr[-4000:]
    assert (project.results / "data/digits/images.safetensors").exists()


def test_names_in_the_profile_that_would_arrive_as_something_else_are_refused_in_a_line_each(project):
    names = "slurm_partition=all", "gpu_model=rtx-3090"
    refused = project.run("snakemake", "-n", "all", "--configfile", TINY, "--default-resources", *names)
    assert refused.returncode == 2
    lines = [line for line in refused.stderr.splitlines() if line.startswith("error: ")]
    assert [line.split(": expected")[0] for line in lines] == [
        "error: default-resources: slurm_partition: all",
        "error: default-resources: gpu_model: rtx-3090",
    ]
    assert "Traceback" not in refused.stderr


def test_a_file_system_without_hard_links_gets_a_plain_log(finished):
    (finished.folder / "bin").mkdir()
    (finished.folder / "bin/ln").write_text("#!/bin/sh\necho 'ln: Operation not permitted' >&2\nexit 1\n")
    (finished.folder / "bin/ln").chmod(0o755)
    (finished.results / "runs" / RUN / "metrics.csv").unlink()
    log = finished.results / "logs/runs" / f"{RUN}.log"
    path = f"{finished.folder}/bin:{finished.environment()['PATH']}"
    target = f"results/tiny/runs/{RUN}/metrics.csv"
    done = finished.run("snakemake", "--cores", "2", target, "--configfile", TINY, PATH=path)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "step 150: error" in log.read_text()
    assert log.stat().st_nlink == 1


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"PYTHONPATH": str(ROOT / "workflow")}, f"error: `spl` runs the code of {ROOT}, not of "),
        (ASCII, "error: locale: expected names of files in UTF-8, got ascii; export PYTHONUTF8=1"),
    ],
)
def test_code_of_another_clone_and_other_names_of_files_are_refused(project, environment, line):
    refused = project.run("snakemake", "-n", "all", "--configfile", TINY, **environment)
    assert refused.returncode == 2
    [told] = [told for told in refused.stderr.splitlines() if told.startswith("error: ")]
    assert told.startswith(line)
    assert not (project.folder / "results").exists()


def test_a_terminal_that_knows_ascii_alone_gets_all_commands(project):
    for command in (("doctor", TINY), ("status", TINY, "--once"), ("audit", "--study", TINY)):
        told = project.run("spl", *command, PYTHONIOENCODING="ascii")
        assert "Traceback" not in told.stderr
    refused = project.run("spl", "plan", TINY, **ASCII)
    assert refused.stderr == "error: locale: expected names of files in UTF-8, got ascii; export PYTHONUTF8=1\n"


def test_a_link_to_a_place_that_is_gone_is_named_where_results_belong(project):
    (project.folder / "results").symlink_to("/scratch/gone")
    line = "results: expected a folder, found a link to /scratch/gone, which is not there"
    refused = project.run("snakemake", "-n", "all", "--configfile", TINY)
    assert refused.returncode == 2
    assert [told for told in refused.stderr.splitlines() if told.startswith("error: ")] == [f"error: {line}"]
    assert f"error files: {line}" in project.run("spl", "doctor", TINY).stdout
    assert not list(project.folder.glob("scratch"))
