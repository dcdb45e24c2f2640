rule paper:
    input:
        figures=[f"{PRODUCTS}/figures/{name}.png" for name in named("figure", ON_THE_PAGE)],
        tables=[f"{PRODUCTS}/tables/{name}.md" for name in named("table", ON_THE_PAGE)],
        spreadsheets=[
            f"{PRODUCTS}/tables/{name}.xlsx" for name in named("spreadsheet", ON_THE_PAGE)
        ],
        analysis=[
            f"{PRODUCTS}/analysis/{name}.csv" for name, runs in PLAN.experiments.items() if runs
        ],
    output:
        f"{PRODUCTS}/paper.html",
    log:
        f"{RESULTS}/logs/paper.log",
    conda:
        "../../envs/environment.yaml"
    params:
        canonical=contents.page_parameter(PLAN, ITEMS),
        results=subpath(output[0], parent=True),
    shell:
        "spl page --parameter {params.canonical:q} {params.results:q} --output {output:q} > {log:q} 2>&1"
