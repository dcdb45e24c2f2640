rule figure:
    input:
        lambda wildcards: [
            f"{RESULTS}/{path}" for path in contents.item_inputs(PLAN, wildcards.figure)
        ],
    output:
        multiext(f"{RESULTS}/figures/{{figure}}", ".pdf", ".png", ".csv"),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    conda:
        "../../envs/environment.yaml"
    params:
        canonical=lambda wildcards: contents.item_parameter(PLAN, wildcards.figure),
        stem=subpath(output[0], strip_suffix=".pdf"),
    shell:
        "spl figure --parameter {params.canonical:q} {input:q} --output {params.stem:q} > {log:q} 2>&1"


for name, item in ITEMS.items():
    if item.kind == "figure":

        rule:
            name:
                name
            input:
                f"{RESULTS}/figures/{name}.pdf",
            localrule: True
