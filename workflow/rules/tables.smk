rule table:
    input:
        lambda wildcards: inputs(product(f"tables/{wildcards.table}")),
    output:
        report(
            f"{PRODUCTS}/tables/{{table}}.csv",
            caption="../report/exhibit.rst",
            category="Tables",
            subcategory=lambda wildcards: part(wildcards.table),
            labels=lambda wildcards: labels(wildcards.table, "CSV"),
        ),
        report(
            f"{PRODUCTS}/tables/{{table}}.md",
            caption="../report/exhibit.rst",
            category="Tables",
            subcategory=lambda wildcards: part(wildcards.table),
            labels=lambda wildcards: labels(wildcards.table, "Markdown"),
        ),
        f"{PRODUCTS}/tables/{{table}}.tex",
        f"{PRODUCTS}/tables/{{table}}.runs.json",
    log:
        f"{RESULTS}/logs/tables/{{table}}.log",
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        plan=plan_file,
        canonical=lambda wildcards: parameter(product(f"tables/{wildcards.table}")),
        caption=lambda wildcards, input: caption(wildcards.table),
    shell:
        f"spl table {{params.plan}} {PLAN.products}tables/{{wildcards.table}} > {{log:q}} 2>&1"


for name in named("table"):

    rule:
        name:
            name
        input:
            f"{PRODUCTS}/tables/{name}.csv",
        localrule: True


rule write_spreadsheet:
    input:
        lambda wildcards: inputs(product(f"tables/{wildcards.spreadsheet}")),
    output:
        report(
            f"{PRODUCTS}/tables/{{spreadsheet}}.xlsx",
            caption="../report/exhibit.rst",
            category="Tables",
            subcategory=lambda wildcards: part(wildcards.spreadsheet),
            labels=lambda wildcards: labels(wildcards.spreadsheet, "Excel"),
        ),
    log:
        f"{RESULTS}/logs/tables/{{spreadsheet}}.log",
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        plan=plan_file,
        canonical=lambda wildcards: parameter(product(f"tables/{wildcards.spreadsheet}")),
        caption=lambda wildcards, input: caption(wildcards.spreadsheet),
    shell:
        f"spl spreadsheet {{params.plan}} {PLAN.products}tables/{{wildcards.spreadsheet}} > {{log:q}} 2>&1"


for name in named("spreadsheet"):

    rule:
        name:
            name
        input:
            f"{PRODUCTS}/tables/{name}.xlsx",
        localrule: True
