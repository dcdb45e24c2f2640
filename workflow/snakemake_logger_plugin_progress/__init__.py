"""What ``snakemake`` shows in a terminal: a line for each job, how many training runs are done, and the time left.

The profile selects it. Where all details are asked for (``-p``, ``--verbose``, ``-n``) or none (``--quiet``), and where
the output goes into a file or another program, Snakemake prints as ever. The details of each job are in its log.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from snakemake.logging import DefaultFormatter
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from spl.text.terminal import show

TRAINING = "train"


class LogHandler(LogHandlerBase):
    """Prints one line per job, shows a progress bar, and prints errors in full."""

    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    @property
    def writes_to_stream(self) -> bool:
        """Whether this handler prints, in place of Snakemake's own."""
        asked = self.common_settings
        details = asked.dryrun or asked.printshellcmds or asked.verbose or asked.debug_dag or asked.quiet
        return sys.stderr.isatty() and not details

    def __post_init__(self) -> None:
        console = Console(stderr=True, highlight=False)
        self.errors = DefaultFormatter(show_failed_logs=True)
        self.bar = Progress(
            TextColumn("training runs"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            refresh_per_second=2,
        )
        self.console = console
        self.began = time.monotonic()
        self.runs, self.runs_done, self.seconds = 0, 0, 0.0
        self.jobs: dict[int, tuple[str, str, float]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Show one event of Snakemake."""
        if not self.writes_to_stream:
            return
        fields: dict[str, Any] = record.__dict__
        event = fields.get("event")
        if event == LogEvent.RUN_INFO and not self.bar.tasks:
            self.runs = fields["stats"].get(TRAINING, 0)
            self.say(f"{fields['stats']['total']} jobs to do, {self.runs} of them training runs")
            if self.runs:
                self.bar.start()
                self.bar.add_task("", total=self.runs, left="")
        elif event == LogEvent.JOB_INFO:
            target = " ".join(map(str, fields["wildcards"].values()))
            self.jobs[fields["jobid"]] = (fields["rule_name"], target, time.monotonic())
            if fields["rule_name"] == TRAINING:
                self.say(f"training {target}")
        elif event == LogEvent.JOB_FINISHED:
            self.finish(*self.jobs.pop(fields["job_id"]))
        elif record.levelno >= logging.WARNING or (event is None and _is_news(record)):
            self.say(self.errors.format(record))

    def finish(self, rule: str, target: str, began: float) -> None:
        """Report a job that ended."""
        if rule != TRAINING:
            if rule != target:
                self.say(f"{rule} {target}".rstrip())
            return
        self.runs_done += 1
        self.seconds += time.monotonic() - began
        parallel = 1 + sum(name == TRAINING for name, _, _ in self.jobs.values())
        left = (self.runs - self.runs_done) * self.seconds / self.runs_done / parallel
        remaining = f"about {clock(left)} left" if self.runs_done < self.runs else "all training runs done"
        self.say(f"trained  {target} ({self.runs_done} of {self.runs}, {remaining})")
        self.bar.update(self.bar.tasks[0].id, completed=self.runs_done, left=remaining)

    def say(self, text: str) -> None:
        """Print text, with the time since the start."""
        show(self.console, *f"[{clock(time.monotonic() - self.began)}] {text}".splitlines())

    def close(self) -> None:
        """Remove the bar."""
        self.bar.stop()
        super().close()


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a message of no event is worth a line: there is nothing to do, or an executor says where jobs go."""
    return "Nothing to be done" in str(record.msg) or (
        record.levelno >= logging.INFO and "snakemake_executor_plugin" in record.pathname
    )


def clock(seconds: float) -> str:
    """Seconds as on a stopwatch: "3:07", or "1:03:07" from one hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
