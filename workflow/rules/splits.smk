rule split:
    input:
        lambda wildcards: f"{RESULTS}/data/{PLAN.splits[wildcards.split].dataset}/images.safetensors",
    output:
        f"{RESULTS}/splits/{{split}}.json",
    log:
        f"{RESULTS}/logs/splits/{{split}}.log",
    conda:
        "../../envs/environment.yaml"
    params:
        canonical=lambda wildcards: split_parameter(PLAN, wildcards.split),
        data=subpath(input[0], parent=True),
    shell:
        "spl split --parameter {params.canonical:q} {params.data:q} --output {output:q} > {log:q} 2>&1"
