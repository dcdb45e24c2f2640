"""The paper "Smooth Pseudo-Labeling" from one target.

snakemake all                            the demo: handwritten digits, minutes on a laptop
snakemake all --configfile STUDY.yaml    another study
snakemake all --config study=STUDY.yaml  one from somebody else: nothing in it is run
snakemake fig4                           one figure or table, and only what it needs
snakemake crate                          all of it with its provenance, as an RO-Crate to archive
snakemake --profile slurm all            the paper at full scale, its trainings as jobs of a SLURM cluster
snakemake --config partial=true          what can be shown while trainings are missing, below results/<study>/partial/
"""

from snakemake.utils import min_version

min_version("9.27")


if not workflow.configfiles:

    configfile: "config/demo.yaml"


include: "workflow/rules/common.smk"


localrules:
    all,


rule all:
    input:
        # Beside the seal: where that is there, Snakemake asks for nothing that only it reads.
        f"{PRODUCTS}/paper.html",
        # A partial paper is never sealed.
        [] if PLAN.partial else f"{RESULTS}/ROOT.sha256",


onstart:
    # Snakemake 9.27 adds a timer for each job that ends, and each of them looks at all ready jobs again every second.
    workflow.scheduler.job_rate_limiter = None
    if workflow.non_local_exec:
        executor = workflow.scheduler._executor
        try:
            executor.alone = campaign.begin(Path(RESULTS))  # as long as it is there
        except InputError as mistake:
            sys.exit(f"error: {mistake}")
        for line in campaign.leftovers(PLAN, Path.cwd()):
            print(line, file=sys.stderr)
        # Jobs read the study when they start, perhaps in a week. They get it as it is now.
        workflow.config_settings.configfiles = [
            campaign.freeze(PLAN, config, Path(RESULTS).absolute())
        ]
        executor.slurm_logdir = Path(RESULTS, "logs/slurm").absolute()
        executor.run_uuid = f"{PREFIX}_{PLAN.study.name}_{uuid.uuid4()}"  # names the jobs


onsuccess:
    campaign.remove_checkpoints(PLAN, Path(RESULTS))


onerror:
    for line in campaign.failures(PLAN, Path(RESULTS)):
        print(line, file=sys.stderr)


include: "workflow/rules/data.smk"
include: "workflow/rules/splits.smk"


if not PLAN.partial:  # what there is of the runs is all that is shown

    include: "workflow/rules/train.smk"


include: "workflow/rules/analysis.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/paper.smk"


if not PLAN.partial:  # it vouches for whole studies alone

    include: "workflow/rules/provenance.smk"
