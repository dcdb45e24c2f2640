from spl.campaign.jobs import jobs
from spl.study.plan import crate_parameter


rule seal:
    input:
        f"{PRODUCTS}/paper.html",
    output:
        f"{RESULTS}/ROOT.sha256",
    log:
        f"{RESULTS}/logs/seal.log",
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        results=subpath(output[0], parent=True),
    shell:
        "spl seal {params.results:q} > {log:q} 2>&1"


rule crate:
    input:
        lambda wildcards: [path for job in jobs(PLAN, EXHIBITS).values() for path in job.outputs],
        studies=files,
        seal=f"{RESULTS}/ROOT.sha256",
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
