"""Two processes that share a training: the same batches, the same losses, the same state as one."""

import json
import multiprocessing
import os
import signal
import time
from functools import partial
from types import SimpleNamespace

import pytest
import torch

from spl.data.digits import read_digits
from spl.data.splits import draw_split
from spl.data.store import grey_levels
from spl.errors import DamagedError, InterruptedTrainingError, NotFiniteError
from spl.study.settings import Settings
from spl.training.checkpoints import Checkpoints
from spl.training.loop import train
from spl.training.processes import _first_failure, joined, launch, processes, rank, share, total

DIGITS = read_digits()
GREY = grey_levels(DIGITS.train_images)
SPLIT = draw_split(DIGITS.train_classes, "balanced", 0, 2)
SHORT = Settings(
    network="wrn-10-1", steps=4, batch=4, mu=3, flip=False, crop_padding=1, ema=0.9, batch_norm_momentum=0.1,
    threshold=0.2, evaluate_every=1, evaluate_late_every=1, lambda_max=0.5, lambda_phi=0.5, prediction_ema=0.9,
    fairness=0.5,
)  # fmt: skip


METHODS = (
    "fixmatch",
    "flexmatch",
    "pseudo-label",
    "smooth-fixmatch-factor",
    "softmatch",
    "adamatch",
    "smooth-freematch",
)


def train_each(settings, folder):
    """Train with each method, once more with an interruption; the first process leaves what came out in the folder."""
    for method in METHODS:
        train_in(folder / method, method, settings)
    with pytest.raises(InterruptedTrainingError, match="after step 3 of 4"):
        train_in(folder / "resumed", "flexmatch", settings, interrupt_after=2)
    total(torch.zeros(1))  # a second attempt begins when the first has ended, with all its processes
    train_in(folder / "resumed", "flexmatch", settings)
    longer = settings | {"steps": 20, "evaluate_every": 20, "evaluate_late_every": 20}
    train_in(folder / "longer", "fixmatch", longer)
    with pytest.raises(InterruptedTrainingError, match="after step 16 of 20"):  # between evaluations
        train_in(folder / "halved", "fixmatch", longer, interrupted_at=16)
    total(torch.zeros(1))
    train_in(folder / "halved", "fixmatch", longer)
    mine = torch.arange(7)[share(7)]
    write(folder / f"share-{rank()}", {"processes": processes(), "mine": mine, "sum": total(torch.tensor(rank()))})
    write(folder / "joined", {"all": joined(torch.arange(6)[share(6)])})


def train_in(folder, method, settings, interrupt_after=None, interrupted_at=None):
    asked = []
    kept = Checkpoints(folder / "checkpoints", 1e9, partial(note, folder))
    given = DIGITS, GREY, SPLIT, method, SimpleNamespace(**settings), 0
    result = train(*given, asked.append, kept, lambda done: len(asked) == interrupt_after or done == interrupted_at)
    measures = [evaluation.measures for evaluation in result.evaluations]
    predicted = torch.stack([torch.from_numpy(evaluation.predicted) for evaluation in result.evaluations])
    if rank() == 0:
        write(folder / "result", {"measures": json.dumps(measures), "predicted": predicted, **result.weights})


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)


def note(folder, line):
    if rank() == 0:
        write(folder / "told", {"line": line})


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """What one process and two processes left behind: a reader of files by their path."""
    folder = tmp_path_factory.mktemp("runs")
    for number in (1, 2):
        settings = SHORT.model_copy(update={"processes": number}).model_dump()
        launch(number, "cpu", train_each, settings, folder / str(number))
    return lambda path: torch.load(folder / path, weights_only=True)


@pytest.mark.parametrize("method", METHODS)
def test_two_processes_train_as_one_does(outcome, method):
    """The losses agree within float tolerance, and the batches exactly."""
    one, two = outcome(f"1/{method}/result"), outcome(f"2/{method}/result")
    for alone, shared in zip(json.loads(one["measures"]), json.loads(two["measures"]), strict=True):
        assert alone["batch_checksum"] == shared["batch_checksum"]
        assert alone == pytest.approx(shared, rel=1e-4, abs=1e-6, nan_ok=True)
    for name, value in one.items():
        if name.startswith(("averaged.", "network.")):
            assert torch.allclose(value, two[name], rtol=1e-3, atol=1e-5), name
    assert torch.equal(one["predicted"], two["predicted"])


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(("whole", "parts", "after"), [("flexmatch", "resumed", 3), ("longer", "halved", 16)])
def test_interrupted_and_resumed_processes_end_with_the_same_bits(outcome, number, whole, parts, after):
    undisturbed, resumed = outcome(f"{number}/{whole}/result"), outcome(f"{number}/{parts}/result")
    assert f"resuming after step {after}" in outcome(f"{number}/{parts}/told")["line"]
    assert undisturbed.keys() == resumed.keys()
    for name, value in undisturbed.items():
        assert torch.equal(value, resumed[name]) if isinstance(value, torch.Tensor) else value == resumed[name], name


def test_shares_follow_each_other_and_hold_everything_once(outcome):
    first, second = outcome("2/share-0"), outcome("2/share-1")
    assert [*first["mine"], *second["mine"]] == list(range(7))
    assert first["processes"] == 2
    assert first["sum"] == second["sum"] == 1
    assert outcome("2/joined")["all"].tolist() == list(range(6))
    assert outcome("1/share-0")["mine"].tolist() == list(range(7))


def test_what_ends_all_processes_is_raised_in_the_one_that_launched_them(tmp_path):
    settings = SHORT.model_copy(update={"processes": 2, "learning_rate": 1e30}).model_dump()
    with pytest.raises(NotFiniteError, match="in step 2"):
        launch(2, "cpu", train_in, tmp_path, "fixmatch", settings)


def fail_alone(error, elsewhere):
    """The second process fails, or is killed; the first one waits for it, or is busy for long."""
    if rank() == 0:
        time.sleep(600 if elsewhere else 0)
        total(torch.ones(1))
    elif error is None:
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        raise error


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (DamagedError("images: expected others"), DamagedError, "^images: expected others$"),
        (OSError(28, "No space left on device", "metrics.csv"), OSError, "No space left on device: 'metrics.csv'"),
        (ValueError("a mistake of the code"), RuntimeError, "process 1 .*(?s:.*)ValueError: a mistake of the code"),
        (None, RuntimeError, "process 1 .*SIGKILL"),
    ],
)
def test_what_ends_one_process_ends_all_and_is_the_reason(error, kind, reason, elsewhere):
    began = time.monotonic()
    with pytest.raises(kind, match=reason):
        launch(2, "cpu", fail_alone, error, elsewhere)
    assert time.monotonic() - began < 60, "the first process was ended, too"


def test_a_loss_that_is_not_finite_in_one_process_alone_is_the_reason():
    with pytest.raises(NotFiniteError, match="^not finite in step 2$"):
        launch(2, "cpu", fail_alone, NotFiniteError("not finite in step 2"), False)


class Ending:
    """A process whose exit status shows only at the second look: the end of its pipe comes first."""

    def __init__(self, sentinel):
        self.sentinel, self._statuses = sentinel, iter([None, None])

    @property
    def exitcode(self):
        return next(self._statuses, 1)


def test_a_failure_that_shows_late_is_not_missed():
    ended, _closed = multiprocessing.Pipe()
    running, _open = multiprocessing.Pipe()
    _closed.close()
    workers = [SimpleNamespace(sentinel=running.fileno(), exitcode=None), Ending(ended.fileno())]
    assert _first_failure(workers) == (1, 1)


def stop_together(path):
    """As after an interruption: each process stops in the same step, and the first one still writes."""
    total(torch.ones(1))
    if rank() == 0:
        time.sleep(2)
        path.touch()
    raise InterruptedTrainingError("interrupted after step 3")


def test_a_process_that_is_interrupted_lets_the_first_one_write_its_checkpoint(tmp_path):
    with pytest.raises(InterruptedTrainingError, match="^interrupted after step 3$"):
        launch(2, "cpu", stop_together, tmp_path / "checkpoint")
    assert (tmp_path / "checkpoint").exists()
