rule download:
    output:
        f"{DOWNLOADS}/{{source}}/{{file}}",
    log:
        f"{RESULTS}/logs/download/{{source}}/{{file}}.log",
    wildcard_constraints:
        file=r"[^/]+",
    retries: 2
    localrule: True
    conda:
        "../../envs/environment.yaml"
    shell:
        "spl download {wildcards.source:q} --output {output:q} > {log:q} 2>&1"


rule data:
    input:
        data_inputs,
    output:
        f"{RESULTS}/data/{{dataset}}/images.safetensors",
        f"{RESULTS}/data/{{dataset}}/dataset.json",
    log:
        f"{RESULTS}/logs/data/{{dataset}}.log",
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        plan=plan_file,
        canonical=lambda wildcards: parameter(f"data/{wildcards.dataset}"),
    shell:
        "spl data {params.plan} data/{wildcards.dataset} > {log:q} 2>&1"
