rule paper:
    input:
        figures=[
            f"{RESULTS}/figures/{name}.png"
            for name, item in ITEMS.items()
            if item.kind == "figure"
        ],
        tables=[
            f"{RESULTS}/tables/{name}.md" for name, item in ITEMS.items() if item.kind == "table"
        ],
        analysis=[
            f"{RESULTS}/analysis/{name}.csv" for name, runs in PLAN.experiments.items() if runs
        ],
    output:
        f"{RESULTS}/paper.html",
    log:
        f"{RESULTS}/logs/paper.log",
    conda:
        "../../envs/environment.yaml"
    params:
        canonical=contents.page_parameter(PLAN, ITEMS),
        results=subpath(output[0], parent=True),
    shell:
        "spl page --parameter {params.canonical:q} {params.results:q} --output {output:q} > {log:q} 2>&1"
