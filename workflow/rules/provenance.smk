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
