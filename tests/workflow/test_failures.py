"""A training that cannot succeed stops no other, is not tried in vain, and is named in the end with its reason."""

import re

HOPELESS = "digits/balanced-40/fold0/fixmatch/learning_rate=1e+30/seed0"


def test_the_others_go_on_and_it_is_listed_with_reason_and_log(project):
    project.edit(project.study, "    methods: [fixmatch, smooth-fixmatch]", "    methods: [fixmatch]")
    project.edit(
        project.study, "    folds: [0, 1]\n", "    folds: [0]\n    variants: [{ learning_rate: 1.0e+30 }, {}]\n"
    )
    asked = ("snakemake", "--cores", "2", "--keep-going", "--configfile", project.study, "--retries", "2")
    done = project.run(*asked, "results/tiny/analysis/scarce-labels.csv")
    assert done.returncode == 1
    assert (project.results / "runs/digits/balanced-40/fold0/fixmatch/seed0/metrics.csv").exists()
    [line] = [line for line in done.stderr.splitlines() if line.startswith("not done: ")]
    assert line.startswith(f"not done: {HOPELESS}: failed: the loss is not finite in step ")
    after = done.stderr[done.stderr.index(line) :].splitlines()
    assert re.match("    error: failed on .*: the loss is not finite in step ", after[3]), "its retries ended at once"
    log = (project.results / "logs/runs" / f"{HOPELESS}.log").read_text()
    assert log.count("failed on") == 2
