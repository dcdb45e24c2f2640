"""How text from a study, a file name or a manifest is written so that it stays text: one function for each form.

HTML has none: jinja2 and markdown-it escape it on the page, and docutils in Snakemake's report.
"""
