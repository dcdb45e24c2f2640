include: "workflow/Snakefile"


# Snakemake takes the first rule of this very file for its target where none is asked for.
rule default:
    input:
        rules.all.input,
    localrule: True
