"""Whoever interrupts a command is not shown a traceback, wherever the interruption falls."""

import os
import signal
import sys
from contextlib import suppress
from typing import Annotated

import pytest
from pydantic import BaseModel, PlainSerializer

from spl.cli import main


@pytest.fixture(autouse=True)
def interruptible():
    """As in a terminal: a shell lets its background processes ignore interruptions, and these tests may run in one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt(_):
    os.kill(os.getpid(), signal.SIGINT)


class Interrupted(BaseModel):
    """Is interrupted in a function that pydantic calls."""

    number: Annotated[int, PlainSerializer(interrupt)] = 0


def test_an_interruption_within_another_library_ends_with_the_status_of_one(monkeypatch, capsys):
    monkeypatch.setattr(main, "_command", lambda _: Interrupted().model_dump_json())
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == ""
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("end", [lambda: None, lambda: sys.exit(1)])
def test_an_interruption_that_somebody_took_for_something_else_is_no_success_and_no_verdict(monkeypatch, end):
    def command(_):
        with suppress(Exception):
            Interrupted().model_dump_json()
        end()

    monkeypatch.setattr(main, "_command", command)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 130


def test_a_failure_without_an_interruption_is_told(monkeypatch):
    monkeypatch.setattr(main, "_command", lambda _: [][0])
    with pytest.raises(IndexError):
        main.main()
