"""The check of a GPU: what it says on a processor, where everything but the recording of a graph runs as well."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import typer

import check_device
from spl.cli import benchmarks
from spl.errors import InputError
from spl.methods.registry import METHODS
from spl.study.settings import Settings

SMALL = Settings(network="wrn-10-1", batch=2, mu=2)


@pytest.fixture(autouse=True)
def one_method(monkeypatch):
    monkeypatch.setattr(check_device, "METHODS", {"flexmatch": METHODS["flexmatch"], "fixmatch": METHODS["fixmatch"]})


def test_what_trains_as_it_must_passes():
    found = check_device.check("cpu", 4, SMALL)
    assert found["passed"]
    assert set(found["checks"]) == {
        f"{method}, {precision}" for method in check_device.METHODS for precision in ("fp32", "bf16")
    }
    for results in found["checks"].values():
        assert results == {"repeated": True, "resumed": True, "as a graph": True}
    assert all(speed["images/s"] > 0 for speed in found["speed"].values())


@pytest.mark.parametrize(("check", "which"), [("resumed", 2), ("repeated", 3), ("as a graph", 4)])
def test_a_run_with_other_bytes_is_named(check, which, monkeypatch):
    """Of the runs of one method: the whole one, one that is killed, its resumption, a repetition, and as a graph."""
    runs, original = [], check_device.trained

    def trained(method, settings, *how):
        result = original(method, settings, *how)
        runs.append(result)
        return {name: value + (len(runs) == which + 1) for name, value in result.items()}

    monkeypatch.setattr(check_device, "trained", trained)
    found = check_device.check("cpu", 4, SMALL)
    assert not found["passed"]
    assert found["checks"]["flexmatch, fp32"] == {"repeated": True, "resumed": True, "as a graph": True} | {
        check: False
    }
    assert found["verdict"] == "does not train as it must: flexmatch, fp32"


def test_an_error_of_one_method_does_not_hide_the_others(monkeypatch):
    def trained(method, settings, *how):
        if method == "fixmatch":
            raise RuntimeError("no kernel for this device")
        return original(method, settings, *how)

    original = check_device.trained
    monkeypatch.setattr(check_device, "trained", trained)
    found = check_device.check("cpu", 2, SMALL)
    assert found["checks"]["fixmatch, fp32"] == {"ran": "RuntimeError: no kernel for this device"}
    assert found["checks"]["flexmatch, fp32"]["resumed"] is True
    assert found["verdict"] == "does not train as it must: fixmatch, fp32; fixmatch, bf16"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_machine_without_a_gpu_is_told_so_in_one_line():
    with pytest.raises(InputError, match="no CUDA device on this machine"):
        check_device.check("cuda", 2, SMALL)
    command = [Path(sys.executable).parent / "spl", "check-device"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_the_command_prints_a_page_that_ends_with_the_verdict():
    small = ["--device", "cpu", "--steps", "2", "--network", "wrn-10-1", "--batch", "1"]
    command = [Path(sys.executable).parent / "spl", "check-device", *small]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].endswith("trains as it must")
    assert done.stderr.count("resumed yes") == 2 * len(METHODS)


def test_json_is_what_the_check_found_and_so_is_the_status(tmp_path, monkeypatch, capsys):
    (tmp_path / "check_device.py").write_text("""print('{"passed": false}')""")
    monkeypatch.setattr(benchmarks, "BENCHMARKS", tmp_path)
    with pytest.raises(typer.Exit) as ended:
        benchmarks.check_device("cpu", 2, "wrn-10-1", 1, as_json=True)
    assert ended.value.exit_code == 1
    assert json.loads(capsys.readouterr().out) == {"passed": False}
