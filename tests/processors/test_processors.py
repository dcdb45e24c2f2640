"""A study's bytes do not depend on the processor that makes it, if that has the instructions which the study names."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from one_process import write_plan
from processors import HASWELL, NATIVE, NEHALEM, STUDY, make, obstacle, results

WEIGHTS = "runs/digits/balanced-20/fold0/fixmatch/seed0/weights.safetensors"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The project in which a study of a level was made on a processor; two are at work at a time."""
    wanted = [("avx2", HASWELL), ("sse4", NEHALEM), ("avx2", NATIVE), ("sse4", NATIVE)]
    with ThreadPoolExecutor(2) as pool:
        started = {
            (level, on): pool.submit(make, tmp_path_factory.mktemp(level), level, on)
            for level, on in wanted
            if not obstacle(on)
        }

        def project(level, on):
            if reason := obstacle(on):
                pytest.fail(reason)
            return started[level, on].result()

        yield project


def differing(first, second):
    assert first.keys() == second.keys()
    return {path for path in first if first[path] != second[path]}


@pytest.mark.parametrize(("level", "on"), [("avx2", HASWELL), ("sse4", NEHALEM)], ids=["haswell", "nehalem"])
def test_another_processor_makes_the_same_bytes(made, level, on):
    here, there = (results(made(level, processor)) for processor in (NATIVE, on))
    assert {WEIGHTS, "analysis/scarce-labels.csv", "figures/fig1.pdf", "tables/table1.md"} <= here.keys()
    assert differing(here, there) == set()


def test_other_instructions_make_other_weights(made):
    """Or the comparison would see nothing."""
    assert WEIGHTS in differing(*(results(made(level, NATIVE)) for level in ("avx2", "sse4")))


@pytest.mark.parametrize(
    ("on", "environment"),
    [
        (NATIVE, {}),
        (("taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))), {"OMP_NUM_THREADS": "3"}),
        (NATIVE, {"MKL_NUM_THREADS": "2", "OPENBLAS_CORETYPE": "Nehalem"}),
    ],
    ids=["again", "one core", "threads"],
)
def test_repetitions_make_the_same_bytes_whatever_they_are_told_of_cores(made, tmp_path, on, environment):
    again = results(make(tmp_path, "avx2", on, **environment))
    assert differing(results(made("avx2", NATIVE)), again) == set()


def test_a_processor_without_the_instructions_is_refused(made):
    project = made("avx2", NATIVE)
    if reason := obstacle(NEHALEM):
        pytest.fail(reason)
    plan, jobs = write_plan(project, STUDY)
    run = next(name for name, job in jobs.items() if job.subcommand == "train")
    done = project.run(
        "python", Path(sys.executable).with_name("spl"), "train", plan, run, "--checkpoints", "elsewhere", on=NEHALEM
    )
    assert done.returncode == 2
    assert done.stderr == "error: instructions: expected a processor with avx2, fma3 for avx2\n"
