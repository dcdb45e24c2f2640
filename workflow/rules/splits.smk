rule split:
    input:
        images=lambda wildcards: data_file(PLAN.splits[wildcards.split], "images.safetensors"),
        description=lambda wildcards: data_file(PLAN.splits[wildcards.split], "dataset.json"),
    output:
        f"{RESULTS}/splits/{{split}}.json",
    log:
        f"{RESULTS}/logs/splits/{{split}}.log",
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        canonical=lambda wildcards: split_parameter(PLAN, wildcards.split),
        data=subpath(input.images, parent=True),
    shell:
        "spl split --parameter {params.canonical:q} {params.data:q} --output {output:q} > {log:q} 2>&1"
