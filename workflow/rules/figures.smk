rule figure:
    input:
        lambda wildcards: inputs(product(f"figures/{wildcards.figure}")),
    output:
        f"{PRODUCTS}/figures/{{figure}}.pdf",
        report(
            f"{PRODUCTS}/figures/{{figure}}.png",
            caption="../report/exhibit.rst",
            category="Figures",
            subcategory=lambda wildcards: part(wildcards.figure),
            labels=lambda wildcards: labels(wildcards.figure, "PNG"),
        ),
        f"{PRODUCTS}/figures/{{figure}}.csv",
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        plan=plan_file,
        canonical=lambda wildcards: parameter(product(f"figures/{wildcards.figure}")),
        caption=lambda wildcards, input: caption(wildcards.figure),
    shell:
        f"spl figure {{params.plan}} {PLAN.products}figures/{{wildcards.figure}} > {{log:q}} 2>&1"


for name in named("figure"):

    rule:
        name:
            name
        input:
            f"{PRODUCTS}/figures/{name}.pdf",
        localrule: True
