from spl.campaign.requests import run_requests

REQUESTS = run_requests(PLAN)


rule calibrate:
    input:
        reference=lambda wildcards: metrics_file(wildcards.calibration, "reference"),
        smooth=lambda wildcards: metrics_file(wildcards.calibration, "smooth"),
    output:
        f"{RESULTS}/calibration/{{calibration}}.json",
    log:
        f"{RESULTS}/logs/calibration/{{calibration}}.log",
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        canonical=lambda wildcards: calibration_parameter(PLAN, wildcards.calibration),
    shell:
        "spl calibrate --parameter {params.canonical:q} {input.reference:q} {input.smooth:q}"
        " --output {output:q} > {log:q} 2>&1"


rule train:
    input:
        images=lambda wildcards: data_file(PLAN.runs[wildcards.run], "images.safetensors"),
        description=lambda wildcards: data_file(PLAN.runs[wildcards.run], "dataset.json"),
        split=lambda wildcards: f"{RESULTS}/splits/{PLAN.runs[wildcards.run].split}.json",
        calibration=lambda wildcards: calibration_files(PLAN.runs[wildcards.run]),
    output:
        [f"{RESULTS}/runs/{{run}}/{name}" for name in RUN_FILES],
    log:
        f"{RESULTS}/logs/runs/{{run}}.log",
    priority: 1
    conda:
        "../../envs/environment.yaml"
    threads: lambda wildcards: REQUESTS[wildcards.run].cpus
    resources:
        gpu=lambda wildcards: REQUESTS[wildcards.run].gpu,
        # Snakemake limits `threads` to the cores of the host that submits.
        cpus_per_task=lambda wildcards: REQUESTS[wildcards.run].cpus,
        nodes=1,
        mem_mb=lambda wildcards: REQUESTS[wildcards.run].mem_mb,
        runtime=lambda wildcards: REQUESTS[wildcards.run].runtime,
    params:
        canonical=lambda wildcards: training_parameter(wildcards.run),
        data=subpath(input.images, parent=True),
        folder=subpath(output[0], parent=True),
        # Declared nowhere as output: Snakemake deletes the outputs of a job that failed.
        checkpoints=f"{RESULTS}/checkpoints/{{run}}",
        # Snakemake deletes the log of a job that starts again. Under its second name it goes on.
        log=f"{RESULTS}/checkpoints/{{run}}/log",
    shell:
        "mkdir -p {params.checkpoints:q} && touch {params.log:q} && ln -f {params.log:q} {log:q};"
        " spl train --parameter {params.canonical:q} {params.data:q} {input.split:q} {input.calibration:q}"
        " --output {params.folder:q} --checkpoints {params.checkpoints:q} >> {log:q} 2>&1"
