"""A checkpoint is checked against itself before a run goes on from it."""

import hashlib
import json
import os
import subprocess

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save
from train_job import train_command, train_parameter

from spl.attempts.journal import read_attempts
from spl.attempts.resumption import resumed_checkpoint
from spl.audit import report
from spl.audit.verdicts import Node
from spl.data.store import FILE, mapped_arrays
from spl.provenance.manifest import read_manifest, resumptions
from spl.provenance.records import records
from spl.provenance.seal import Seal
from spl.training.checkpoints import Checkpoint, Checkpoints


@pytest.fixture
def kept(tmp_path):
    return Checkpoints(tmp_path / "run", 0, print)


def checkpoint(inputs, step, **changes):
    """A checkpoint at a step, evaluated there: the first image is predicted wrongly."""
    true = mapped_arrays(inputs / FILE)["test_classes"]
    predicted = torch.from_numpy(true.astype("uint8"))
    predicted[0] = (predicted[0] + 1) % 10
    measures = {"step": step, "test_error": 1 / len(true), "batch_checksum": 7} | changes
    return Checkpoint(step, {"predicted": predicted[None], "checksum": torch.tensor([3, 4])}, {"measures": [measures]})


def test_the_newest_checkpoint_that_agrees_with_itself_is_resumed(kept, inputs):
    lines = []
    assert resumed_checkpoint(kept.folder, inputs, lines.append) is None
    for step in (5, 10):
        kept.write(checkpoint(inputs, step))
    assert resumed_checkpoint(kept.folder, inputs, lines.append) == kept.newest()
    kept.newest().write_bytes(b"")
    assert resumed_checkpoint(kept.folder, inputs, lines.append).name.startswith("step-000000005")
    assert lines == [], "training itself tells of a damaged one"
    assert kept.read().step == 5


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"test_error": 0.001}, "its test error at step 10 is 0.001, its predictions have 0.00"),
        ({"batch_checksum": 8}, "its checksum of batches is 8 in the record, 7 in the state"),
    ],
)
def test_a_checkpoint_that_contradicts_itself_is_moved_aside(kept, inputs, changes, expected):
    lines = []
    kept.write(checkpoint(inputs, 5))
    kept.write(checkpoint(inputs, 10, **changes))
    assert resumed_checkpoint(kept.folder, inputs, lines.append).name.startswith("step-000000005")
    [line] = lines
    assert expected in line
    assert kept.read().step == 5, "training does not see it"
    assert len(list(kept.folder.glob("contradicts-step-*"))) == 1, "somebody may want to look at it"


@given(error=st.floats(0, 1))
def test_no_error_but_its_own_follows_from_predictions(tmp_path_factory, inputs, error):
    kept = Checkpoints(tmp_path_factory.mktemp("checkpoints") / "run", 0, print)
    kept.write(checkpoint(inputs, 5, test_error=error))
    own = checkpoint(inputs, 5).record["measures"][0]["test_error"]
    assert (resumed_checkpoint(kept.folder, inputs, print) is None) == (error != own)


def forge(path):
    """Halve the recorded errors of a checkpoint, and rename it by the digest of what it is now."""
    with safe_open(path, "pt") as file:
        metadata, names = dict(file.metadata()), list(file.keys())
        tensors = {name: file.get_tensor(name) for name in names}
    record = json.loads(metadata["record"])
    for measures in record["measures"]:
        measures["test_error"] /= 2
    content = save(tensors, metadata | {"record": json.dumps(record)})
    path.unlink()
    step = path.name.split("-")[1]
    path.with_name(f"step-{step}-{hashlib.sha256(content).hexdigest()[:16]}.safetensors").write_bytes(content)


def test_a_planted_checkpoint_leaves_no_trace_in_the_results(inputs, tmp_path):
    """Its errors would be written with an honest manifest."""
    command = train_command(train_parameter(), inputs, tmp_path / "results/runs/one", tmp_path / "run")

    def train():
        done = subprocess.run([*command, "--checkpoint-interval", "0"], capture_output=True, text=True, env=os.environ)
        assert done.returncode == 0, done.stderr
        return (tmp_path / "results/runs/one/metrics.csv").read_bytes(), done.stdout

    honest, _ = train()
    for path in (tmp_path / "run").glob("*/step-*"):
        forge(path)
    forged, printed = train()
    assert printed.count("not used, its test error at step 10 is") == 2
    assert forged == honest
    assert resumptions(read_manifest(tmp_path / "results/runs/one.manifest.json").attempts) == []
    again, _ = train()
    assert again == honest
    attempt = read_attempts(tmp_path / "run")[-1]
    [checkpoint] = (tmp_path / "run").glob("*/step-000000020-*")
    assert checkpoint.stem.endswith(attempt.checkpoint)
    expected = f"resumed at step 20 from checkpoint {attempt.checkpoint}"
    manifest = read_manifest(tmp_path / "results/runs/one.manifest.json")
    assert resumptions(manifest.attempts) == [expected]
    assert records(["one"], tmp_path / "results/runs")["one"]["resumed"] == expected, "for the page"
    node = Node("runs/one", "fresh", manifest=manifest)
    assert expected in str(report.run_line(node, None)), "behind a number"
    assert "1 run was resumed from checkpoints: `spl audit RUN` has the steps" in report.repository_lines([node])
    assert report.as_json({"runs/one": node}, Seal("absent", ""), ())["nodes"][0]["resumed"] == [expected]
