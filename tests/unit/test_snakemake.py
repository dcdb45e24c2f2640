"""The one attribute of Snakemake that the workflow sets is still there, and may still be None."""

import inspect

from project import ROOT
from snakemake.scheduling.job_scheduler import JobScheduler


def test_the_limiter_that_no_option_turns_off_is_where_the_workflow_looks():
    assert "workflow.scheduler.job_rate_limiter = None" in (ROOT / "workflow/Snakefile").read_text()
    source = inspect.getsource(JobScheduler)
    assert "self.job_rate_limiter = (" in source
    assert "if self.job_rate_limiter is not None:" in source, "or a timer starts for each job that ends"
    assert "if self.job_rate_limiter is None:" in source, "or no job would be scheduled"


def test_nothing_private_is_set_besides():
    text = "".join(path.read_text() for path in [ROOT / "workflow/Snakefile", *(ROOT / "workflow/rules").glob("*.smk")])
    assert "._" not in text
    assert [line.strip() for line in text.splitlines() if line.lstrip().startswith("workflow.") and " = " in line] == [
        "workflow.scheduler.job_rate_limiter = None"
    ]
