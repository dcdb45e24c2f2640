"""What Snakemake's own report of a study shows."""

import json
import re
from zipfile import ZipFile


def archive_of(project, *given):
    """A report, made without a network."""
    made = project.run(
        *("snakemake", "--cores", "1", "all", "--report", "report.zip", "--configfile", str(project.study), *given),
        **dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9"),
    )
    assert made.returncode == 0, made.stderr[-4000:]
    return ZipFile(project.folder / "report.zip")


def results_of(page, name="results"):
    return json.loads(re.search(rf"var {name} = ({{.*}});?\n", page)[1])


def report(project, *given):
    """What a report says of each file that it shows."""
    archive = archive_of(project, *given)
    text = archive.read("report/report.html").decode()
    results, categories = (results_of(text, name) for name in ("results", "categories"))
    study = f"{project.results.relative_to(project.folder)}/"
    assert all(archive.read(f"report/{shown['data_uri']}") for shown in results.values())
    of = {path: name for name, parts in categories.items() for part in parts.values() for path in part}
    return {path.removeprefix(study): {**shown, "category": of[path]} for path, shown in results.items()}
