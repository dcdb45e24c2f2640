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
        canonical=lambda wildcards: parameter(f"splits/{wildcards.split}"),
    shell:
        "spl split {PLAN_FILE} splits/{wildcards.split} > {log:q} 2>&1"
