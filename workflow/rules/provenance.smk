from spl.campaign.parameters import crate_parameter


rule seal:
    input:
        f"{PRODUCTS}/paper.html",
    output:
        # The last seal decides what may be sealed, so Snakemake must not delete it first.
        seal=update(f"{RESULTS}/ROOT.sha256"),
        # Of a refusal, Snakemake restores the last seal, as if it were new; this file it deletes.
        done=touch(f"{RESULTS}/campaign/sealed"),
    log:
        f"{RESULTS}/logs/seal.log",
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        results=subpath(output.seal, parent=True),
    shell:
        "spl seal {params.results:q} > {log:q} 2>&1"


rule crate:
    input:
        [str(path) for job in JOBS.values() for path in job.outputs],
        studies=lambda wildcards: files,  # a function, since the report writes names into a script
        registration=lambda wildcards: beside_crate(files),
        seal=f"{RESULTS}/ROOT.sha256",
    output:
        directory(f"{RESULTS}/crate"),
    log:
        f"{RESULTS}/logs/crate.log",
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        plan=plan_file,
        canonical=lambda wildcards: in_script(crate_parameter(PLAN)),  # most targets need no crate
    shell:
        "spl crate {params.plan} {input.studies:q} --output {output:q} > {log:q} 2>&1"
