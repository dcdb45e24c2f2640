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
        plan=plan_file,
        canonical=lambda wildcards: parameter(product(f"analysis/{wildcards.experiment}")),
    shell:
        f"spl analyse {{params.plan}} {PLAN.products}analysis/{{wildcards.experiment}} > {{log:q}} 2>&1"
