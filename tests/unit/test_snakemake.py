"""The attributes of Snakemake that the workflow sets are still there, and mean the same."""

import inspect
from importlib.util import find_spec
from pathlib import Path

from project import ROOT
from snakemake.cli import get_argument_parser
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake.settings.types import GroupSettings
from snakemake.workflow import Workflow


def test_the_limiter_that_no_option_turns_off_is_where_the_workflow_looks():
    assert "workflow.scheduler.job_rate_limiter = None" in (ROOT / "workflow/Snakefile").read_text()
    source = inspect.getsource(JobScheduler)
    assert "self.job_rate_limiter = (" in source
    assert "if self.job_rate_limiter is not None:" in source, "or a timer starts for each job that ends"
    assert "if self.job_rate_limiter is None:" in source, "or no job would be scheduled"


def test_the_number_of_runs_in_a_group_is_where_the_workflow_sets_it():
    assert "workflow.group_settings.group_components = {" in (ROOT / "workflow/rules/common.smk").read_text()
    assert "group_components" in vars(GroupSettings())
    source = Path(find_spec("snakemake.dag").origin).read_text()
    assert source.count("self.workflow.group_settings.group_components.get(") == 1


def test_limits_of_this_machine_are_set_where_the_scheduler_reads_them():
    common = (ROOT / "workflow/rules/common.smk").read_text()
    assert 'workflow.register_resource("_cores", ' in common
    assert "self.global_resources[name] = value" in inspect.getsource(Workflow.register_resource)
    assert '"_cores"' in inspect.getsource(JobScheduler)
    assert [action.dest for action in get_argument_parser()._actions if not action.option_strings] == ["targets"]


def test_nothing_private_is_set_besides():
    text = "".join(path.read_text() for path in [ROOT / "workflow/Snakefile", *(ROOT / "workflow/rules").glob("*.smk")])
    assert "._" not in text
    lines = [line.strip() for line in text.splitlines() if line.lstrip().startswith("workflow.") and " = " in line]
    assert [line.partition(" = ")[0] for line in lines] == [
        "workflow.scheduler.job_rate_limiter",
        "workflow.group_settings.group_components",
    ]
