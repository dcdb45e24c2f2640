from spl.campaign.requests import run_requests
from spl.campaign.shared_gpus import failed_runs, gpu_groups, gpu_requests
from spl.study.files import RUN_FILES

REQUESTS = run_requests(PLAN)
GROUPS = gpu_groups(PLAN, REQUESTS)
FAILED = failed_runs(PLAN, Path(RESULTS)) if workflow.is_main_process else set()
try:
    ON_CLUSTER = gpu_requests(
        REQUESTS, GROUPS, GPU_SHARES, GPU_TYPE, FAILED, workflow.is_main_process
    )
    HERE = gpu_requests(REQUESTS, {}, None, None, FAILED, workflow.is_main_process)
except InputError as mistake:
    say(*error_lines(mistake), file=sys.stderr)
    raise SystemExit(2)

if TRAINS_HERE and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", runs_on_gpu(REQUESTS.values()))


rule calibrate:
    input:
        lambda wildcards: inputs(f"calibration/{wildcards.calibration}"),
    output:
        f"{RESULTS}/calibration/{{calibration}}.json",
    log:
        f"{RESULTS}/logs/calibration/{{calibration}}.log",
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        plan=plan_file,
        canonical=lambda wildcards: parameter(f"calibration/{wildcards.calibration}"),
    shell:
        "spl calibrate {params.plan} calibration/{wildcards.calibration} > {log:q} 2>&1"


rule train:
    input:
        lambda wildcards: inputs(f"runs/{wildcards.run}"),
    output:
        # The study is a wildcard here, so that SLURM's comments tell jobs of one study from those of another.
        [f"results/{{study}}/runs/{{run}}/{name}" for name in RUN_FILES],
    log:
        "results/{study}/logs/runs/{run}.log",
    priority: 1
    group:
        gpu_group
    conda:
        "../../envs/environment.yaml"
    # The cores of the host that submits must not limit how many runs of a group train at the same time.
    threads: lambda wildcards: 0 if gpus(wildcards).group else REQUESTS[wildcards.run].cpus
    resources:
        gpu=lambda wildcards: gpus(wildcards).gpu,
        gres=lambda wildcards: gpus(wildcards).gres,
        gpu_type=lambda wildcards: gpus(wildcards).gpu_type,
        # Snakemake limits `threads` to the cores of the host that submits.
        cpus_per_task=lambda wildcards: REQUESTS[wildcards.run].cpus,
        nodes=lambda wildcards: gpus(wildcards).nodes,
        mem_mb=memory_mb,
        runtime=lambda wildcards: REQUESTS[wildcards.run].runtime,
    params:
        plan=plan_file,
        canonical=lambda wildcards: parameter(f"runs/{wildcards.run}"),
        # Declared nowhere as output: Snakemake deletes the outputs of a job that failed.
        checkpoints="results/{study}/checkpoints/{run}",
        # Snakemake deletes the log of a job that starts again. Under its second name it goes on, where the file system
        # has hard links.
        log="results/{study}/checkpoints/{run}/log",
    shell:
        "mkdir -p {params.checkpoints:q} && touch {params.log:q};"
        " ln -f {params.log:q} {log:q} 2> /dev/null || true;"
        " spl train {params.plan} runs/{wildcards.run} --checkpoints {params.checkpoints:q} >> {log:q} 2>&1"
