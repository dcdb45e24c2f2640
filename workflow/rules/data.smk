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
        # Checked by content, not by date.
        lambda wildcards: [ancient(path) for path in downloads(wildcards.dataset)],
    output:
        images=f"{RESULTS}/data/{{dataset}}/images.safetensors",
        description=f"{RESULTS}/data/{{dataset}}/dataset.json",
    log:
        f"{RESULTS}/logs/data/{{dataset}}.log",
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        canonical=lambda wildcards: data_parameter(PLAN, wildcards.dataset),
        # Snakemake does not record what is derived from `input`: a data set that moved is the same data set.
        files=lambda wildcards, input: PLAN.study.datasets[wildcards.dataset].files,
        folder=subpath(output.images, parent=True),
    shell:
        "spl data --parameter {params.canonical:q} {params.files:q} --output {params.folder:q} > {log:q} 2>&1"
