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
        f"{PRODUCTS}/paper.records.js",
    log:
        f"{RESULTS}/logs/paper.log",
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        plan=plan_file,
        canonical=lambda wildcards: parameter(product("paper")),  # in a text, "{x}" would be a wildcard
        title=lambda wildcards, input: restructured(PLAN.study.title),
    shell:
        f"spl page {{params.plan}} {PLAN.products}paper > {{log:q}} 2>&1"
