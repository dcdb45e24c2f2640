rule analyse:
    input:
        lambda wildcards: inputs(product(f"analysis/{wildcards.experiment}")),
    output:
        report(
            f"{PRODUCTS}/analysis/{{experiment}}.csv",
            caption="../report/analysis.rst",
            category="Analysis",
            labels={"experiment": "{experiment}"},
        ),
    log:
        f"{RESULTS}/logs/analysis/{{experiment}}.log",
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        canonical=lambda wildcards: parameter(product(f"analysis/{wildcards.experiment}")),
    shell:
        "spl analyse {PLAN_FILE} {PLAN.products}analysis/{wildcards.experiment} > {log:q} 2>&1"
