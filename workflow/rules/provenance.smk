from spl.jobs import jobs
from spl.plan import crate_parameter


rule crate:
    input:
        lambda wildcards: [path for job in jobs(PLAN, ITEMS).values() for path in job.outputs],
        studies=files,
    output:
        directory(f"{RESULTS}/crate"),
    log:
        f"{RESULTS}/logs/crate.log",
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        canonical=lambda wildcards: crate_parameter(PLAN),
    shell:
        "spl crate --parameter {params.canonical:q} {input.studies:q} --output {output:q} > {log:q} 2>&1"
