"""Which instructions torch may use: limited before it is used, or refused."""

import os
import subprocess
import sys
from typing import get_args

import pytest
import torch

from spl.errors import InputError
from spl.study.settings import Settings
from spl.training import instructions
from spl.training.instructions import LEVELS


@pytest.fixture
def environment(monkeypatch):
    """The environment, which the test may change."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    return os.environ


def test_every_level_of_the_settings_is_known():
    assert get_args(Settings.model_fields["instructions"].annotation) == ("native", *LEVELS)


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_tells_all_three_libraries(environment, level):
    instructions.limit(level)
    assert LEVELS[level].environment.items() <= environment.items()
    assert set(LEVELS[level].environment) == {"ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR"}


def test_native_limits_and_refuses_nothing(environment, monkeypatch):
    before = dict(environment)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    instructions.limit("native")
    instructions.check("native")
    assert environment == before


def test_instructions_that_the_processor_lacks_are_named(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "fma3": False})
    with pytest.raises(InputError, match="^instructions: expected a processor with fma3 for avx2$"):
        instructions.check("avx2")


CPUINFO = "processor\t: 0\nmodel name\t: x\nflags\t\t: sse sse4_1 avx2 {more}\n\nprocessor\t: 1\nflags\t\t: other\n"


@pytest.mark.parametrize(
    ("content", "level", "expected"),
    [
        (CPUINFO.format(more=""), "avx2", ["fma"]),
        (CPUINFO.format(more="fma"), "avx2", []),
        ("flags\t: sse\n", "sse4", ["sse4_1"]),
        ("flags\t: sse\n", "native", []),
        ("Features : neon\n", "avx2", []),
        (None, "avx2", []),
    ],
)
def test_what_a_processor_lacks_is_read_off_the_system_s_list(content, level, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(instructions, "CPUINFO", tmp_path / "cpuinfo")
    if content is not None:
        (tmp_path / "cpuinfo").write_text(content)
    assert instructions.lacking(level) == expected


@pytest.mark.parametrize("level", LEVELS)
def test_torch_and_the_system_agree_on_this_processor(level):
    capabilities = torch.cpu.get_capabilities()
    assert instructions.lacking(level) == [
        flag for name, flag in LEVELS[level].needs.items() if not capabilities.get(name)
    ]


def test_libraries_that_were_not_limited_are_noticed(environment):
    """Also where the processor has no others than those."""
    environment.pop("MKL_CBWR", None)
    with pytest.raises(RuntimeError, match="and not sse4: it was used before it was limited"):
        instructions.check("sse4")


CODE = """
import sys
from spl.training import instructions

instructions.lacking("avx2")
assert "torch" not in sys.modules, "to ask what a processor lacks imports torch"
{used_first}
instructions.limit("sse4")
instructions.check("sse4")
"""


@pytest.mark.parametrize(("used_first", "status"), [("import torch; torch.rand(9).exp()", 1), ("", 0)])
def test_torch_that_was_used_first_is_noticed(used_first, status):
    unlimited = {name: value for name, value in os.environ.items() if name not in LEVELS["sse4"].environment}
    command = [sys.executable, "-c", CODE.format(used_first=used_first)]
    done = subprocess.run(command, capture_output=True, text=True, env=unlimited)
    assert done.returncode == status, done.stderr
    assert ("it was used before it was limited" in done.stderr) == bool(status)
