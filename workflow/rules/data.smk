rule data:
    output:
        images=f"{RESULTS}/data/{{dataset}}/images.safetensors",
        description=f"{RESULTS}/data/{{dataset}}/dataset.json",
    log:
        f"{RESULTS}/logs/data/{{dataset}}.log",
    conda:
        "../../envs/environment.yaml"
    params:
        canonical=lambda wildcards: data_parameter(PLAN, wildcards.dataset),
        folder=subpath(output.images, parent=True),
    shell:
        "spl data --parameter {params.canonical:q} --output {params.folder:q} > {log:q} 2>&1"
