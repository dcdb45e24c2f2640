"""Wide residual networks (Zagoruyko and Komodakis, 2016) as the FixMatch code bases build them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spl.errors import InputError
from spl.training.layers import GlobalBatchNorm

if TYPE_CHECKING:
    from spl.study.settings import Settings

LEAKY_SLOPE = 0.1
STEM_WIDTH = 16
STRIDES = (1, 2, 2)


class Block(nn.Module):
    """Two 3 x 3 convolutions, batch norm and leaky ReLU before each, and a shortcut around them.

    Where the width changes, the published code bases differ in what the shortcut and the first convolution get: the
    normalised and activated input (``preactivate``) or the raw one. In the second case the first batch norm is dead: it
    holds parameters, has no effect and is not computed.
    """

    def __init__(self, width_in: int, width_out: int, stride: int, *, preactivate: bool, settings: Settings) -> None:
        super().__init__()
        bias = settings.conv_bias == "all"
        self.norm1 = _norm(width_in, settings)
        self.conv1 = nn.Conv2d(width_in, width_out, 3, stride, padding=1, bias=bias)
        self.norm2 = _norm(width_out, settings)
        self.conv2 = nn.Conv2d(width_out, width_out, 3, padding=1, bias=bias)
        self.activate = nn.LeakyReLU(LEAKY_SLOPE)
        self.shortcut = nn.Conv2d(width_in, width_out, 1, stride, bias=bias) if width_in != width_out else None
        self.preactivate = preactivate
        if self.shortcut is not None and not preactivate:
            self.norm1.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Float (n, width_in, h, w) to (n, width_out, h / stride, w / stride)."""
        if self.shortcut is None:
            inner, around = self.activate(self.norm1(x)), x
        else:
            inner = self.activate(self.norm1(x)) if self.preactivate else x
            around = self.shortcut(inner)
        added: Tensor = around + self.conv2(self.activate(self.norm2(self.conv1(inner))))
        return added


def _norm(width: int, settings: Settings) -> nn.Module:
    kind: type[nn.Module] = nn.BatchNorm2d
    if settings.processes > 1:
        kind = nn.SyncBatchNorm if settings.device == "cuda" else GlobalBatchNorm
    norm: nn.Module = kind(width, eps=settings.batch_norm_eps, momentum=settings.batch_norm_momentum)
    if kind is not nn.SyncBatchNorm:  # which insists on counting batches; with a momentum nobody reads the count
        norm.register_buffer("num_batches_tracked", None)
    return norm


class WideResNet(nn.Module):
    """Stem, three stages of blocks at widths 16k, 32k and 64k, average pooling and a linear classifier."""

    def __init__(self, settings: Settings, channels: int, classes: int) -> None:
        super().__init__()
        depth, widening = (int(part) for part in settings.network.split("-")[1:])
        widths = [STEM_WIDTH] + [STEM_WIDTH * widening * 2**stage for stage in range(3)]
        self.stem = nn.Conv2d(channels, STEM_WIDTH, 3, padding=1)
        blocks = []
        for stage, stride in enumerate(STRIDES):
            for position in range((depth - 4) // 6):
                first = position == 0
                blocks.append(
                    Block(
                        widths[stage] if first else widths[stage + 1],
                        widths[stage + 1],
                        stride if first else 1,
                        preactivate=stage == 0 or settings.preactivate_all,
                        settings=settings,
                    )
                )
        self.blocks = nn.Sequential(*blocks)
        self.norm = _norm(widths[-1], settings)
        self.activate = nn.LeakyReLU(LEAKY_SLOPE)
        self.classifier = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images float (n, channels, h, w) to logits float (n, classes)."""
        x = self.activate(self.norm(self.blocks(self.stem(x))))
        logits: Tensor = self.classifier(x.mean(dim=(2, 3)))
        return logits


def build_network(settings: Settings, channels: int, classes: int, draw: np.random.Generator) -> nn.Module:
    """Build and initialise a network on the CPU.

    Wide residual networks have Kaiming normal (fan out) convolutions and a Xavier normal classifier, as TorchSSL;
    other residual networks are torchvision's, initialised as there.

    Args:
        settings: network and its variants.
        channels: 1 for grey images, 3 for RGB.
        classes: outputs of the classifier.
        draw: source of the initial weights.
    """
    network = (_wide if settings.network.startswith("wrn") else _torchvision)(settings, channels, classes, draw)
    layout = torch.channels_last if settings.channels_last else torch.contiguous_format
    return network.to(memory_format=layout)


def _wide(settings: Settings, channels: int, classes: int, draw: np.random.Generator) -> nn.Module:
    network = WideResNet(settings, channels, classes)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            _fill(module.weight, draw.standard_normal(module.weight.shape) * math.sqrt(2 / _fan_out(module)))
            if module.bias is not None:
                bound = 1 / math.sqrt(module.weight[0].numel())
                _fill(module.bias, draw.uniform(-bound, bound, module.bias.shape))
        elif isinstance(module, nn.Linear):
            deviation = math.sqrt(2 / (module.in_features + module.out_features))
            _fill(module.weight, draw.standard_normal(module.weight.shape) * deviation)
            nn.init.zeros_(module.bias)
    return network


def _torchvision(settings: Settings, channels: int, classes: int, draw: np.random.Generator) -> nn.Module:
    from torchvision.models import get_model

    if channels != 3:
        raise InputError(f"network: {settings.network} takes colour images; these have {channels} channel")
    with torch.random.fork_rng(devices=[]):  # torchvision draws weights from the global generator
        network: nn.Module = get_model(
            settings.network.replace("-", ""), num_classes=classes, norm_layer=lambda width: _norm(width, settings)
        )
    for module in network.modules():  # the same distributions, from our own draw
        if isinstance(module, nn.Conv2d):
            _fill(module.weight, draw.standard_normal(module.weight.shape) * math.sqrt(2 / _fan_out(module)))
        elif isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.in_features)
            _fill(module.weight, draw.uniform(-bound, bound, module.weight.shape))
            _fill(module.bias, draw.uniform(-bound, bound, module.bias.shape))
    return network


def _fan_out(convolution: nn.Conv2d) -> int:
    return convolution.weight[0, 0].numel() * convolution.out_channels


@torch.no_grad()
def _fill(parameter: Tensor, values: NDArray[np.float64]) -> None:
    parameter.copy_(torch.from_numpy(values))


@torch.no_grad()
def disturb(network: nn.Module, deviation: float, draw: np.random.Generator) -> None:
    """Multiply each weight of convolutions and classifier by 1 + e, with e normal: a twin's initial weights.

    Args:
        network: on the CPU.
        deviation: of e; 1e-6 changes the last few bits of a float32.
        draw: source of e.
    """
    for weight in network.parameters():
        if weight.ndim > 1:
            _fill(weight, weight.double().numpy() * (1 + deviation * draw.standard_normal(weight.shape)))
