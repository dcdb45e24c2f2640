"""Write what semilearn, the code base of USB, computes for given logits and weights, for tests/unit/test_semilearn.py.

Make the environment that ``benchmarks/peers/semilearn_step.py`` describes, which also says which imports of
semilearn are replaced by dummies; then::

    PYTHONPATH=benchmarks/peers peer/bin/python tests/peers/semilearn_reference.py

The file in ``tests/golden`` was made with Python 3.11.7 and the versions named there, on a CPU.

Losses, coverage, thresholds, moving averages and gradients come from semilearn's own ``train_step``; its network is
replaced by one that returns its input: the logits. semilearn leaves undefined what FlexMatch remembers of an image
that is twice in a batch, and keeps its thresholds when all images are remembered with one and the same class: no
input has either.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from semilearn_step import build_algorithm

GOLDEN = Path(__file__).parents[1] / "golden" / "semilearn.safetensors"
LABELLED, UNLABELLED = 8, 56
POOL, FLEXMATCH_STEPS = 60, 10
FIXMATCH = [(10, 0.5), (10, 0.95), (100, 0.5), (100, 0.95)]
BEYOND, BEYOND_STEPS, TEMPERATURE = ("softmatch", "freematch", "adamatch", "uda"), 5, 0.4
CHANGED = {"ema_p": 0.8, "ent_loss_ratio": 0.5}
"""Of the methods beyond the paper: averages that move within the steps, and a fairness loss that shows."""


def main() -> None:
    """Write the inputs and what semilearn makes of them, by names such as ``fixmatch-10-0.95/strong``."""
    draw = torch.Generator().manual_seed(0)
    cases: dict[str, dict[str, Tensor]] = {}
    for classes, threshold in FIXMATCH:
        fixmatch = build_algorithm("fixmatch", num_classes=classes, p_cutoff=threshold)
        cases[f"fixmatch-{classes}-{threshold}"] = one_step(fixmatch, draw_logits(classes, threshold, draw))
    flexmatch = build_algorithm("flexmatch", num_classes=10, p_cutoff=0.95, ulb_dest_len=POOL)
    for step in range(FLEXMATCH_STEPS):
        thresholds = flexmatch.hooks_dict["MaskingHook"]
        beta = thresholds.classwise_acc.clone()
        given = draw_logits(10, 0.95, draw) | {"positions": torch.randperm(POOL, generator=draw)[:UNLABELLED]}
        cases[f"flexmatch-{step}"] = one_step(flexmatch, given) | {
            "beta": beta,
            "latest": thresholds.selected_label.clone(),
        }
    cases["wrn-28-2"] = forward(build_algorithm("fixmatch").model, draw)
    beyond = {name: build_algorithm(name, num_classes=10, **CHANGED) for name in BEYOND}
    for step in range(BEYOND_STEPS):
        given = cases[f"beyond-{step}"] = draw_logits(10, 0.8, draw)
        sharpen = beyond["uda"].hooks_dict["PseudoLabelingHook"].gen_ulb_targets  # its train step does not sharpen
        soft = sharpen(beyond["uda"], given["weak"], use_hard_label=False, T=TEMPERATURE)
        cases[f"sharpened-{step}"] = {"targets": soft}
        for name, algorithm in beyond.items():
            computed = one_step(algorithm, given)
            cases[f"{name}-{step}"] = {key: computed[key] for key in computed.keys() - given.keys()} | averages(
                algorithm
            )
    tensors = {f"{case}/{name}": value for case, values in cases.items() for name, value in values.items()}
    save_file(tensors, GOLDEN)


def draw_logits(classes: int, threshold: float, draw: torch.Generator) -> dict[str, Tensor]:
    """Logits of a batch: sharp and flat, classes of unequal frequency, scores close to the threshold and on 0.5."""

    def logits(rows: int) -> Tensor:
        sharpness = torch.tensor([1.0, 3.0, 9.0])[torch.randint(3, (rows, 1), generator=draw)]
        return sharpness * torch.randn(rows, classes, generator=draw) - torch.linspace(0, 3, classes)

    weak, strong = logits(UNLABELLED), logits(UNLABELLED)
    for row, distance in enumerate((-0.03, -1e-3, -1e-5, 1e-5, 1e-3, 0.03)):
        others, top = weak[row].topk(classes).indices[1:], weak[row].argmax()
        score = torch.tensor(threshold + distance, dtype=torch.float64)
        weak[row, top] = (weak[row, others].double().logsumexp(0) + score.logit()).float()
    weak[6] = -200  # whose exponential is 0, so that the score is 0.5 to the last bit
    weak[6, [2, 5]] = 0
    return {
        "labelled": logits(LABELLED),
        "targets": torch.randint(classes, (LABELLED,), generator=draw),
        "weak": weak,
        "strong": strong,
    }


def averages(algorithm: Any) -> dict[str, Tensor]:
    """The moving averages after a step, by the names that this project gives them."""
    alignment, masking = (algorithm.hooks_dict.get(name) for name in ("DistAlignHook", "MaskingHook"))
    named = {"frequency": (alignment, "p_model"), "mean": (masking, "prob_max_mu_t")}
    named |= {"variance": (masking, "prob_max_var_t"), "probability": (masking, "p_model")}
    named |= {"labels": (masking, "label_hist"), "score": (masking, "time_p")}
    if getattr(alignment, "update_p_target", False):
        named["expected"] = (alignment, "p_target")
    return {name: getattr(hook, other).clone() for name, (hook, other) in named.items() if hasattr(hook, other)}


def one_step(algorithm: Any, given: dict[str, Tensor]) -> dict[str, Tensor]:
    """What the algorithm's own train step computes of logits, and the gradients of its loss, beside what was given."""
    algorithm.model = lambda logits: {"logits": logits, "feat": logits}
    leaves = {name: given[name].clone().requires_grad_() for name in ("labelled", "weak", "strong")}
    batch = {
        "x_lb": leaves["labelled"],
        "y_lb": given["targets"],
        "x_ulb_w": leaves["weak"],
        "x_ulb_s": leaves["strong"],
    }
    if "positions" in given:
        batch["idx_ulb"] = given["positions"]
    computed, measured = algorithm.train_step(**batch)
    computed["loss"].backward()
    if leaves["weak"].grad.any():
        raise AssertionError("semilearn was expected to hold the pseudo-labels constant")
    return given | {
        "labelled_gradient": leaves["labelled"].grad,
        "strong_gradient": leaves["strong"].grad,
        "loss": torch.tensor(measured["train/total_loss"]),
        "labelled_loss": torch.tensor(measured["train/sup_loss"]),
        "unlabelled_loss": torch.tensor(measured["train/unsup_loss"]),
        "coverage": torch.tensor(measured["train/util_ratio"]),
    }


def forward(network: nn.Module, draw: torch.Generator) -> dict[str, Tensor]:
    """Logits of a few images with batch statistics, and then with the running ones, for the weights of :func:`fill`."""
    fill(network)
    images = torch.randn(4, 3, 32, 32, generator=draw)
    with torch.no_grad():
        trained = network.train()(images)["logits"]
        evaluated = network.eval()(images)["logits"]
    parameters = torch.tensor(sum(weight.numel() for weight in network.parameters()))
    return {"images": images, "train_logits": trained, "eval_logits": evaluated, "parameters": parameters}


@torch.no_grad()
def fill(network: nn.Module) -> None:
    """Set the weights, parameter by parameter in order, from a stream of bits that numpy promises not to change."""
    for place, weight in enumerate(network.parameters()):
        bits = np.random.PCG64(place).random_raw(weight.numel())
        uniform = torch.from_numpy(bits / 2**63 - 1).reshape(weight.shape)
        weight.copy_(uniform * (6 / weight[:, 0].numel()) ** 0.5 if weight.ndim > 1 else (uniform + 1) / 2)


if __name__ == "__main__":
    main()
