rule paper:
    input:
        inputs(product("paper")),
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
        canonical=parameter(product("paper")),
    shell:
        "spl page {PLAN_FILE} {PLAN.products}paper > {log:q} 2>&1"
