rule split:
    input:
        lambda wildcards: inputs(f"splits/{wildcards.split}"),
    output:
        f"{RESULTS}/splits/{{split}}.json",
    log:
        f"{RESULTS}/logs/splits/{{split}}.log",
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        plan=plan_file,
        canonical=lambda wildcards: parameter(f"splits/{wildcards.split}"),
    shell:
        "spl split {params.plan} splits/{wildcards.split} > {log:q} 2>&1"
