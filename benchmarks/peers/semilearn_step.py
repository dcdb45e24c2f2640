"""Take FixMatch steps of semilearn, the code base of USB, on one thread; run with a Python that has it.

semilearn 0.3.2 asks for packages that no one version of torch suits. This much of an environment is enough::

    python3.11 -m venv peer
    peer/bin/pip install torch==2.14.1 torchvision==0.29.1 scikit-learn==1.9.1 safetensors==0.8.0 \\
        tqdm==4.70.1 progress==1.6.1 ruamel.yaml==0.19.1
    peer/bin/pip install --no-deps semilearn==0.3.2

``peer/bin/python semilearn_step.py B MU`` takes a step for each line on its standard input and answers it with a line.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from itertools import repeat
from typing import Any
from unittest.mock import MagicMock

import torch

REPLACED = (
    *("aim", "wandb", "torch.utils.tensorboard"),  # experiment trackers
    *("torchaudio", "transformers", "transformers.data", "transformers.file_utils"),  # sound and language
    *("transformers.tokenization_utils_base", "timm", "timm.models", "timm.models.layers"),  # and vision transformers
    *("skimage", "skimage.util"),  # MedMNIST's pictures
)
"""Modules that semilearn imports, and that its FixMatch, FlexMatch and WideResNets do not use: dummies stand in."""


def build_algorithm(name: str, **changed: object) -> Any:
    """One of semilearn's algorithms with its own configuration, network, optimizer, schedule and hooks, on the CPU.

    Args:
        name: such as "fixmatch".
        changed: arguments that differ from the defaults of its ``get_config``, which are FixMatch's for CIFAR-10 but
            for a smaller batch.
    """
    sys.modules.update({name: MagicMock() for name in REPLACED})
    from semilearn import get_algorithm, get_config, get_net_builder

    long = dict.fromkeys(("num_train_iter", "num_eval_iter", "num_log_iter"), 2**20)
    # It knows no data set of this name, and so loads none.
    args = get_config({"algorithm": name, "dataset": "in memory", "distributed": False, **long, **changed})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old names in torch, and of a loss scaler, unused, that wants CUDA
        algorithm = get_algorithm(args, get_net_builder(args.net, from_name=False), None, None)
    for hook in ("TimerHook", "EvaluationHook", "CheckpointHook"):  # CUDA's clock, and what comes after the last step
        del algorithm.hooks_dict[hook]
    algorithm.process_batch = dict  # its own moves the batch to a GPU
    return algorithm


def on_demand(batch: dict[str, torch.Tensor]) -> Iterator[dict[str, torch.Tensor]]:
    """The same batch for each line on standard input; the answer tells that the next batch is asked for."""
    for _ in sys.stdin:
        yield batch
        print("done", flush=True)


def main(batch: int, mu: int) -> None:
    """Run semilearn's own training loop on random images in memory: no data loader, no augmentation."""
    torch.set_num_threads(1)
    with redirect_stdout(sys.stderr):
        fixmatch = build_algorithm("fixmatch", batch_size=batch, uratio=mu)
    labelled = {"x_lb": torch.randn(batch, 3, 32, 32), "y_lb": torch.randint(10, (batch,))}
    unlabelled = {view: torch.randn(batch * mu, 3, 32, 32) for view in ("x_ulb_w", "x_ulb_s")}
    fixmatch.loader_dict = {"train_lb": on_demand(labelled), "train_ulb": repeat(unlabelled)}
    fixmatch.train()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
