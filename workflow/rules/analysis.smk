rule analyse:
    input:
        lambda wildcards: [
            f"{RESULTS}/runs/{run}/{name}"
            for run in PLAN.experiments[wildcards.experiment]
            if run not in PLAN.missing
            for name in SUMMARISED
        ],
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
        canonical=lambda wildcards: analysis_parameter(PLAN, wildcards.experiment),
        runs=f"{RESULTS}/runs",
    shell:
        "spl analyse --parameter {params.canonical:q} {params.runs:q} --output {output:q} > {log:q} 2>&1"
