rule train:
    input:
        images=lambda wildcards: data_file(PLAN.runs[wildcards.run], "images.safetensors"),
        description=lambda wildcards: data_file(PLAN.runs[wildcards.run], "dataset.json"),
        split=lambda wildcards: f"{RESULTS}/splits/{PLAN.runs[wildcards.run].split}.json",
    output:
        [f"{RESULTS}/runs/{{run}}/{name}" for name in RUN_FILES],
    log:
        f"{RESULTS}/logs/runs/{{run}}.log",
    priority: 1
    conda:
        "../../envs/environment.yaml"
    threads: lambda wildcards: PLAN.runs[wildcards.run].settings["threads"]
    params:
        canonical=lambda wildcards: run_parameter(PLAN, wildcards.run),
        data=subpath(input.images, parent=True),
        folder=subpath(output[0], parent=True),
        # Declared nowhere as output: Snakemake deletes the outputs of a job that failed.
        checkpoints=f"{RESULTS}/checkpoints",
    shell:
        "spl train --parameter {params.canonical:q} {params.data:q} {input.split:q}"
        " --output {params.folder:q} --checkpoints {params.checkpoints:q} > {log:q} 2>&1"
