# The study, its plan, and where things lie. A mistake in the study ends here, before any job.
import json
import os
import sys
import uuid
from pathlib import Path

from spl.campaign import frozen_plan as campaign
from spl.errors import InputError
from spl.paper import selection as contents
from spl.campaign.partial import partial_plan
from spl.study.plan import (
    analysis_parameter,
    calibration_parameter,
    data_parameter,
    make_plan,
    run_parameter,
    split_parameter,
)
from spl.study.files import RUN_FILES, SUMMARISED
from spl.code.equivalence import declared
from spl.data.downloads import DOWNLOADS
from spl.attempts.slurm import PREFIX
from spl.study.reading import check_study, read_yaml

files = [os.path.relpath(path) for path in workflow.configfiles]
FROZEN = config.pop("frozen", None)  # in a submitted job: its plan, made when Snakemake started
distrusted = config.pop("study", None)
# Snakemake reads "True" as a boolean, "true" as text.
in_part = str(config.pop("partial", "false")).lower()
try:
    if in_part not in ("true", "false"):
        raise InputError(f"--config partial={in_part}: expected true or false")
    if FROZEN:
        campaign.check_newest(Path(files[0]))
    elif distrusted:  # Snakemake's own reader can run code from the file
        files = [str(distrusted)]
        config.clear()
        config.update(read_yaml(Path(distrusted)))
    for path in files:
        read_yaml(Path(path))  # and lets the last of two equal keys win
    declared()  # a mistake in it ends here, too
    origin = ", ".join(files) or "config"  # that of a workflow that imports this one
    PLAN = make_plan(check_study(config, origin))
    if in_part == "true":
        PLAN = partial_plan(PLAN, Path("results", PLAN.study.name))
    EXHIBITS = contents.exhibits(PLAN, origin)
except InputError as mistake:
    print(*(f"error: {line}" for line in str(mistake).splitlines()), sep="\n", file=sys.stderr)
    raise SystemExit(2)

ON_THE_PAGE = contents.on_the_page(PLAN, EXHIBITS)
RESULTS = f"results/{PLAN.study.name}"
PRODUCTS = f"{RESULTS}/{PLAN.products}".rstrip("/")

if workflow.is_main_process:
    for name, key in PLAN.off.items():
        print(f"off: experiments.{name}: {key}", file=sys.stderr)

# `spl` belongs to the Python that runs Snakemake, also where its environment is not activated.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]))


def named(kind, some=EXHIBITS):
    """The exhibits of the paper that are figures, tables or spreadsheets."""
    return [name for name, exhibit in some.items() if exhibit.kind == kind]


def exhibit_files(name):
    """The files that an exhibit of the paper is made from."""
    return [f"{RESULTS}/{path}" for path in contents.exhibit_inputs(PLAN, EXHIBITS[name])]


def caption(name):
    """An exhibit's caption for the report. As a parameter "derived from input" it starts no job again."""
    exhibit = EXHIBITS[name]
    return f"{exhibit.title}. {exhibit.heading}. {contents.exhibit_caption(PLAN, exhibit)}"


def part(name):
    """The part of the report that an exhibit belongs to."""
    return EXHIBITS[name].part or "The paper"


def labels(name, form):
    """The columns in which the report lists a file of an exhibit."""
    return {"exhibit": EXHIBITS[name].title, "shows": EXHIBITS[name].heading, "as": form}


wildcard_constraints:
    dataset="|".join(name for name, one in PLAN.study.datasets.items() if not one.off),
    experiment=r"[a-z0-9-]+",
    calibration=r"[a-z0-9-]+/[a-z0-9-]+",
    split=r"[a-z0-9-]+/[a-z0-9.-]+/fold\d+",
    run=r"[a-z0-9-]+/[a-z0-9.-]+/fold\d+/[^/]+(/[^/]+)?/seed\d+",
    figure="|".join(named("figure")),
    table="|".join(named("table")),
    spreadsheet="|".join(named("spreadsheet")),


def downloads(dataset):
    """The files of a data set that a rule here has to make."""
    return [path for path in PLAN.study.datasets[dataset].files if path.is_relative_to(DOWNLOADS)]


def data_file(job, name):
    """A file of the data set that a split or a run needs."""
    return f"{RESULTS}/data/{job.dataset}/{name}"


def metrics_file(calibration, role):
    """The metrics of one of the two runs of a calibration."""
    return f"{RESULTS}/runs/{getattr(PLAN.calibrations[calibration], role)}/metrics.csv"


def training_parameter(run):
    """The canonical parameter of a training, as it was when Snakemake started."""
    return FROZEN["parameters"][run] if FROZEN else run_parameter(PLAN, run)


def calibration_files(run):
    """The calibration that gives a run its weights, if it needs one."""
    return [f"{RESULTS}/calibration/{run.calibration}.json"] if run.calibration else []
