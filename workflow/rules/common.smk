# The study, its plan and its jobs. A mistake in the study ends here, before any job.
import os
import sys
from pathlib import Path

from spl.campaign import frozen_plan
from spl.campaign.command_line import check_command_line, check_targets
from spl.campaign.here import cores_here, memory_here, memory_of_run, runs_on_gpu
from spl.campaign.jobs import jobs
from spl.campaign.notes import noting
from spl.campaign.own_images import image_notes, note_images, state_file
from spl.campaign.owner import check_owner, record_owner
from spl.campaign.partial import partial_plan
from spl.campaign.plan_file import read_plan_file, write_plan_file
from spl.campaign.processor import check_machine
from spl.campaign.registration import check_is_registered, looks_file, registration_file
from spl.campaign.submission import check_site_resources
from spl.code.equivalence import declared
from spl.data.downloads import DOWNLOADS
from spl.doctor.checkup import check_before_submission
from spl.doctor.site import site_of
from spl.errors import InputError
from spl.paper.selection import exhibit_caption, exhibits
from spl.audit.deviations import check_registration
from spl.provenance.links import check_folders
from spl.provenance.clone import check_clone
from spl.provenance.machine import check_encoding, check_installed
from spl.study.plan import make_plan
from spl.study.reading import check_study, read_yaml
from spl.text.html import in_script
from spl.text.printable import error_lines, say
from spl.text.restructured import restructured

files = [os.path.relpath(path) for path in workflow.configfiles]
# In a submitted job: the plan as it was when Snakemake started.
frozen = None if workflow.is_main_process else os.environ.get("SPL_PLAN")
os.environ.setdefault("SPL_PLAN", "")
LOCKS = []  # open files: their locks last as long as Snakemake
IS_MAIN = workflow.modifier.is_main_snakefile()  # and not a module of another workflow
distrusted = config.pop("study", None)
# Snakemake reads "True" as a boolean, "true" as text.
in_part = str(config.pop("partial", "false")).lower()
GPU_SHARES = config.pop("gpu_shares", None)
GPU_TYPE = config.pop("gpu_type", None)
GPU_TYPE = None if GPU_TYPE is None else str(GPU_TYPE)  # Snakemake reads 4090 as a number


def study_file():
    """The file that the study was read from; None in a workflow that imports this one."""
    return Path(files[0]) if files else None


try:
    if in_part not in ("true", "false"):
        raise InputError(f"--config partial={in_part}: expected true or false")
    check_encoding()
    check_installed()
    check_clone(Path(workflow.basedir))
    if IS_MAIN and not frozen:
        check_command_line(files, workflow.config_settings.config)
    if frozen:
        frozen_plan.check_newest(Path(frozen))
        study, JOBS = read_plan_file(Path(frozen))
        files = [frozen]
        config.clear()
        config.update(study)
    elif distrusted:  # Snakemake's own reader can run code from the file
        files = [str(distrusted)]
        config.clear()
        config.update(read_yaml(Path(distrusted)))
    for path in files if not frozen else []:
        read_yaml(Path(path))  # Snakemake lets the last of two equal keys win
    check_site_resources(workflow.resource_settings.default_resources or {})
    declared()  # a mistake in the declared equivalences ends here, too
    origin = ", ".join(files) or "config"  # that of a workflow that imports this one
    PLAN = make_plan(check_study(config, origin))
    if not frozen:
        check_is_registered(PLAN.study, files)
    if in_part == "true":
        PLAN = partial_plan(PLAN, Path("results", PLAN.study.name))
    EXHIBITS = exhibits(PLAN, origin)
    RESULTS = f"results/{PLAN.study.name}"
    if frozen:
        PLAN_FILE = Path(frozen)
    else:
        JOBS = jobs(PLAN, EXHIBITS)
        with noting(Path(RESULTS)):
            if study_file():
                check_owner(study_file(), Path(RESULTS))
                record_owner(study_file(), Path(RESULTS))
            check_folders(JOBS.values(), Path(RESULTS))
            PLAN_FILE = write_plan_file(JOBS, dict(config), Path(RESULTS))
            CHANGED_IMAGES = note_images(PLAN, Path(RESULTS)) if workflow.is_main_process else []
except InputError as mistake:
    say(*error_lines(mistake), file=sys.stderr)
    raise SystemExit(2)

PRODUCTS = f"{RESULTS}/{PLAN.products}".rstrip("/")

if workflow.is_main_process:
    for name, key in PLAN.off.items():
        say(f"off: experiments.{name}: {key}", file=sys.stderr)
    IMAGE_NOTES = image_notes(PLAN, Path(RESULTS))
    say(*CHANGED_IMAGES, *IMAGE_NOTES, file=sys.stderr)
    if PLAN.study.registered and files:
        for line in check_registration(Path(files[0]), PLAN.study, ()).deviations:
            say(f"not as registered: {line}", file=sys.stderr)

# `spl` belongs to the Python that runs Snakemake, even where its environment is not activated.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]))


# Only the number of jobs in a queue tells so early whether runs will be submitted.
TRAINS_HERE = workflow.is_main_process and workflow.resource_settings.nodes is None
if workflow.is_main_process and workflow.resource_settings.cores:
    # A container's limits, of which Snakemake knows nothing.
    workflow.register_resource("_cores", cores_here(workflow.resource_settings.cores))
memory = memory_here()
if TRAINS_HERE and memory and not {"mem", "mem_mb", "mem_mib"} & workflow.global_resources.keys():
    workflow.register_resource("mem_mb", memory)


def check_rules_asked_for():
    """End with the names of all targets where one is asked for that does not exist."""
    try:
        if IS_MAIN and workflow.is_main_process:
            check_targets([rule.name for rule in workflow.rules if not rule.has_wildcards()])
    except InputError as mistake:
        say(*error_lines(mistake), file=sys.stderr)
        raise SystemExit(2)


def site():
    """What profile and command line say about the cluster."""
    resources = workflow.resource_settings
    train = (resources.overwrite_resources or {}).get("train")
    return site_of(resources.default_resources or {}, GPU_TYPE, resources.nodes, train)


def memory_mb(wildcards):
    """The memory of a run: as its study requests it from a cluster, or by which it counts on this machine."""
    request = REQUESTS[wildcards.run]
    return memory_of_run(request) if TRAINS_HERE else request.mem_mb


def registration_of(studies):
    """The registrations and recorded looks of studies, where they have some."""
    places = (place(Path(study)) for study in studies for place in (registration_file, looks_file))
    return [str(path) for path in places if path.is_file()]


def beside_crate(studies):
    """What a crate holds beside results: registrations and looks. Ends where a link is in the place of the crate, which
    Snakemake takes for the crate itself."""
    if (crate := Path(RESULTS, "crate")).is_symlink():
        say(f"error: {crate} is a link; expected a folder or nothing", file=sys.stderr)
        raise SystemExit(2)
    return registration_of(studies)


def inputs(name):
    """The files that a job reads."""
    return [str(path) for path in JOBS[name].inputs]


def data_inputs(wildcards):
    """What makes Snakemake prepare a data set again: downloads, checked by content, not by date; of a user's own
    images, which are no business of Snakemake, the file that notes their state."""
    downloads = [
        path for path in inputs(f"data/{wildcards.dataset}") if Path(path).is_relative_to(DOWNLOADS)
    ]
    noted = state_file(Path(RESULTS), wildcards.dataset)
    return [*map(ancient, downloads), *([str(noted)] if noted.is_file() else [])]


def parameter(name):
    """The canonical parameter of a job, by which Snakemake notices changes; the job reads it from the plan file.

    Snakemake's report writes it into a script of the page.
    """
    return in_script(JOBS[name].parameter)


def plan_file(wildcards, input):
    """Where a job reads its parameter. As a parameter "derived from input" it starts no job again."""
    return PLAN_FILE


def product(name):
    """A job below the folder of products, which a partial paper has for itself."""
    return f"{PLAN.products}{name}"


def named(kind):
    """The exhibits of the paper that are figures, tables or spreadsheets."""
    return [name for name, exhibit in EXHIBITS.items() if exhibit.kind == kind]


def caption(name):
    """An exhibit's caption for the report. As a parameter "derived from input" it starts no job again."""
    exhibit = EXHIBITS[name]
    return restructured(f"{exhibit.title}. {exhibit.heading}. {exhibit_caption(PLAN, exhibit)}")


def part(name):
    """The part of the report that an exhibit belongs to."""
    return EXHIBITS[name].section


def labels(name, form):
    """The columns in which the report lists a file of an exhibit."""
    return {"exhibit": EXHIBITS[name].title, "shows": EXHIBITS[name].heading, "as": form}


def gpus(wildcards):
    """How a run requests its GPU, from train.smk. Snakemake knows whether it submits jobs only after it has read this file."""
    return (ON_CLUSTER if workflow.non_local_exec else HERE)[wildcards.run]


def runs_among(jobs):
    """The runs that jobs of Snakemake train, by path."""
    return {job.wildcards.run for job in jobs if "run" in job.wildcards.keys()}


def gpu_group(wildcards):
    """The group of runs that are one job with this one, if any."""
    group = gpus(wildcards).group
    if group:
        # Snakemake joins so many jobs of a group that do not depend on each other, one by default. Its option does not
        # reach submitted jobs, which would do the runs one after the other; and it replaces what is set any earlier.
        workflow.group_settings.group_components = {
            **workflow.group_settings.group_components,
            group: len(GROUPS[group]),
        }
    return group


wildcard_constraints:
    study=PLAN.study.name,
    dataset="|".join(name for name, dataset in PLAN.study.datasets.items() if not dataset.off),
    experiment=r"[a-z0-9-]+",
    calibration=r"[a-z0-9-]+/[a-z0-9-]+",
    split=r"[a-z0-9-]+/[a-z0-9.-]+/fold\d+",
    run=r"[a-z0-9-]+/[a-z0-9.-]+/fold\d+/[^/]+(/[^/]+)?/seed\d+",
    figure="|".join(named("figure")),
    table="|".join(named("table")),
    spreadsheet="|".join(named("spreadsheet")),
