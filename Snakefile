"""The paper "Smooth Pseudo-Labeling" from one target.

snakemake all                            the demo: handwritten digits, minutes on a laptop
snakemake all --configfile STUDY.yaml    another study
snakemake fig4                           one figure or table, and only what it needs
"""

from snakemake.utils import min_version

min_version("9.27")


if not workflow.configfiles:

    configfile: "config/demo.yaml"


include: "workflow/rules/common.smk"


localrules:
    all,


rule all:
    input:
        f"{PRODUCTS}/paper.html",


include: "workflow/rules/data.smk"
include: "workflow/rules/splits.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/analysis.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/paper.smk"
