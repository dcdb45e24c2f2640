from spl.page.render import page_inputs

PAGE = contents.page_parameter(PLAN, EXHIBITS)


rule paper:
    input:
        [f"{RESULTS}/{path}" for path in page_inputs(json.loads(PAGE))],
    output:
        report(
            f"{PRODUCTS}/paper.html",
            caption="../report/paper.rst",
            category="Paper",
            labels={"shows": "Everything on one page"},
        ),
    log:
        f"{RESULTS}/logs/paper.log",
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        canonical=PAGE,
        results=subpath(output[0], ancestor=2 if PLAN.partial else 1),
    shell:
        "spl page --parameter {params.canonical:q} {params.results:q} --output {output:q} > {log:q} 2>&1"
