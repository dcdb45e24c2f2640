rule table:
    input:
        lambda wildcards: [
            f"{RESULTS}/{path}" for path in contents.item_inputs(PLAN, wildcards.table)
        ],
    output:
        multiext(f"{RESULTS}/tables/{{table}}", ".csv", ".md", ".tex"),
    log:
        f"{RESULTS}/logs/tables/{{table}}.log",
    conda:
        "../../envs/environment.yaml"
    params:
        canonical=lambda wildcards: contents.item_parameter(PLAN, wildcards.table),
        stem=subpath(output[0], strip_suffix=".csv"),
    shell:
        "spl table --parameter {params.canonical:q} {input:q} --output {params.stem:q} > {log:q} 2>&1"


for name, item in ITEMS.items():
    if item.kind == "table":

        rule:
            name:
                name
            input:
                f"{RESULTS}/tables/{name}.csv",
            localrule: True
