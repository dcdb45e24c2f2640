"""The command ``spl``: all subcommands together, and how each kind of failure ends."""

from __future__ import annotations

import errno
import gc
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from spl.code.loading import compile_from_text
from spl.errors import FailedBeforeError, InputError, InterruptedTrainingError, NotFiniteError

GARBAGE = 100_000
"""New objects before Python looks for garbage."""
INTERRUPTED = 75
"""The status of a training run that saved its state on request (EX_TEMPFAIL: try again)."""
KILLED = 128 + signal.SIGINT
"""The status of a command that was interrupted."""
REFUSALS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOLCK, errno.EMFILE, errno.ENFILE),
    *(errno.ENOTDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG),
}
"""Of a system that does not let us read or write: no fault of the code, which a traceback would show."""
SPAWNED = "__mp_main__"
"""What multiprocessing calls the command in a process that shares its work: it loads this module and runs no main()."""
STATUS = {InputError: 2, NotFiniteError: 1, FailedBeforeError: 1, InterruptedTrainingError: INTERRUPTED}


def main() -> None:
    """Run the command; what a person can understand ends with clear lines: status 2 for mistakes in what was given."""
    # Most of a short job is the import of packages, all of which stay: looking for garbage among them is in vain.
    gc.set_threshold(GARBAGE)
    # numpy's library starts a thread for each core as soon as it is loaded, and many jobs run side by side.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Processes that share work begin as `python -c`, which would import whatever lies in the present folder.
    os.environ["PYTHONSAFEPATH"] = "1"
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names of files need not be text; and no terminal's settings are a reason to end.
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        # Before any other module is loaded: whoever sent a clone may have left forged bytecode of it.
        compile_from_text()
        with _interruptible():
            _command(sys.argv[1:])
    except tuple(STATUS) as error:
        _say_error(error)
        sys.exit(next(status for kind, status in STATUS.items() if isinstance(error, kind)))
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        _say_error(InputError(f"{error.filename or 'what is to be written'}: {error.strerror}"))
        sys.exit(1)


@contextmanager
def _interruptible() -> Iterator[None]:
    """End with status 130, as shells count, whatever becomes of an interruption on its way through other libraries.

    Some make it an exception of their own, as pydantic does in the functions that it calls, and whoever expects theirs
    goes on as if a file were broken: what such a command says last is no result.
    """
    interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        signal.default_int_handler(number, frame)

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, or asked for by whoever calls us
        yield
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except (Exception, SystemExit):
        if not interrupted:
            raise
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if interrupted:
        sys.exit(KILLED)


def _say_error(error: Exception) -> None:
    from spl.text.printable import error_lines, say  # no job loads it, since it is no part of what the job computes

    say(*error_lines(error), file=sys.stderr)


def _command(arguments: list[str]) -> None:
    from spl.cli.jobs import PLAIN, do
    from spl.provenance.machine import check_encoding

    check_encoding()
    match arguments:
        # What rules call some hundred times: without the library that reads command lines, whose import would take as
        # long as everything that surrounds the job itself.
        case [subcommand, plan, name] if subcommand in PLAIN and not plan.startswith("-") and not name.startswith("-"):
            do(subcommand, Path(plan), name)
        case _:
            import typer

            from spl.cli import benchmarks, interactive, panel, rules, statistics
            from spl.provenance.clone import check_code_here

            check_code_here()
            command = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=panel.HELP)
            for subcommands in (interactive, benchmarks, statistics, rules):
                command.add_typer(subcommands.app)
            command()


if SPAWNED in sys.modules:
    compile_from_text()

if __name__ == "__main__":  # `python -m spl.cli.main`
    main()
