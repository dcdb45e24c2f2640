"""The settings of a training run, each with its default."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, field_validator
from pydantic_core import PydanticCustomError

from spl.study.base import Integer, Model, Number, as_number
from spl.study.labels import CALIBRATED

NETWORK = r"^(wrn-\d+-\d+|resnet-\d+)$"
RESNETS = (18, 34, 50, 101, 152)


def _loss_weight(value: Any) -> Any:
    value = as_number(value)
    if value == CALIBRATED:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= sys.float_info.max:
        raise PydanticCustomError("loss_weight", "expected a number of at least 0, or 'calibrated'")
    return float(value)


# Any: a study may give "calibrated"; training only ever sees the number.
LossWeight = Annotated[
    Any,
    PlainValidator(_loss_weight),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"const": CALIBRATED}]}),
]


def _interval(value: Any) -> Any:
    value = as_number(value)
    if not (_is_steps(value) or _is_fraction(value)):
        raise PydanticCustomError("interval", "expected steps, a whole number from 1, or a fraction of steps below 1")
    return value


def _is_steps(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value < 2**63


def _is_fraction(value: Any) -> bool:
    return isinstance(value, float) and 0 < value < 1


Interval = Annotated[
    int | float,
    PlainValidator(_interval),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            ]
        }
    ),
]


class Settings(Model):
    """The settings of a training run; the defaults are TorchSSL's recipe for CIFAR-10, which the paper follows.

    Runs shorter than the paper's have other defaults for ``ema``, ``prediction_ema``, ``batch_norm_momentum`` and the
    evaluations, fitted to their steps (:func:`spl.study.resolve.completed`).

    A study may give these keys in six places: ``training`` of the study, ``training`` of a data set, a method in
    ``methods`` of the study, ``training`` of an experiment, a method of an experiment, and ``variants`` of an
    experiment. Later places in this order win. A method's own recipe (its ``defaults``) wins over ``training`` of the
    study and of the data set, and yields to all other places.
    """

    network: Annotated[str, Field(pattern=NETWORK, description="wrn-DEPTH-WIDTH, DEPTH = 6n + 4, or resnet-DEPTH")] = (
        "wrn-28-2"
    )
    conv_bias: Annotated[Literal["all", "stem"], Field(description="which convolutions of a wrn have a bias")] = "all"
    preactivate_all: Annotated[
        bool, Field(description="also activate before the first block of stages 2 and 3 of a wrn")
    ] = False
    batch_norm_eps: Annotated[Number, Field(gt=0)] = 1e-3
    batch_norm_momentum: Annotated[Number, Field(gt=0, le=1, description="weight of the newest batch")] = 1e-3
    initial_noise: Annotated[
        Number, Field(ge=0, lt=1, description="relative disturbance of the initial weights, for twins of a run")
    ] = 0.0
    steps: Annotated[Integer, Field(ge=1, description="K, length of the run and of its learning-rate schedule")] = 2**20
    stop: Annotated[Integer, Field(ge=1)] | None = Field(
        default=None, description="step after which the run ends, although its schedule has more; null: the last step"
    )
    batch: Annotated[Integer, Field(ge=1, description="B, labelled images per step")] = 64
    learning_rate: Annotated[Number, Field(gt=0)] = 0.03
    schedule: Annotated[
        Literal["fixmatch", "cosine", "constant"],
        Field(description="of the learning rate: the paper's cos(7 pi k / 16 K), a cosine down to 0, or none"),
    ] = "fixmatch"
    momentum: Annotated[Number, Field(ge=0, lt=1, description="of SGD with Nesterov")] = 0.9
    weight_decay: Annotated[Number, Field(ge=0, description="not applied to biases and batch norm")] = 5e-4
    ema: Annotated[Number, Field(ge=0, lt=1, description="decay of the averaged weights that are evaluated")] = 0.999
    flip: Annotated[bool, Field(description="weak augmentation mirrors images with probability 0.5")] = True
    crop_padding: Annotated[Integer, Field(ge=0, description="pixels of reflection before the random crop")] = 4
    randaugment: Annotated[
        Literal["torchssl", "google"],
        Field(description="strong augmentation: TorchSSL's 3 operations, or Google's 2, each with probability 0.5"),
    ] = "torchssl"
    cutout: Annotated[Number, Field(ge=0, le=1, description="largest side of the square, relative to the image")] = 0.5
    mu: Annotated[Integer, Field(ge=1, description="unlabelled images per labelled one")] = 7
    threshold: Annotated[Number, Field(ge=0, lt=1, description="tau")] = 0.95
    lambda_u: Annotated[LossWeight, Field(description="weight of the unlabelled loss")] = 1.0
    ramp: Annotated[Number, Field(ge=0, le=1, description="fraction of steps over which lambda_u grows from 0")] = 0.0
    power: Annotated[Number, Field(gt=0, description="r, the shape of the smoothness factor")] = 1.0
    jump: Annotated[Number, Field(ge=0, le=1, description="j, the weight at the threshold of jump-fixmatch")] = 0.5
    prediction_ema: Annotated[
        Number, Field(ge=0, lt=1, description="decay of the moving averages of predictions in SoftMatch and others")
    ] = 0.999
    fairness: Annotated[Number, Field(ge=0, description="weight of FreeMatch's fairness loss")] = 0.01
    temperature: Annotated[Number, Field(gt=0, description="T, sharpens the targets of UDA")] = 0.4
    lambda_max: Annotated[LossWeight, Field(description="upper limit of the weight of the factor as loss")] = CALIBRATED
    lambda_phi: Annotated[Number, Field(ge=0, description="weight of the factor as loss, in units of lambda_max")] = 0.0
    evaluate_every: Annotated[
        Interval, Field(description="steps between evaluations, or below 1 a fraction of steps")
    ] = 5000
    evaluate_late_every: Annotated[Interval, Field(description="the same, in the last fifth of the schedule")] = 1000
    device: Annotated[Literal["cpu", "cuda"], Field(description="where the run is computed")] = "cpu"
    processes: Annotated[Integer, Field(ge=1, description="processes per run, one device each, sharing a batch")] = 1
    threads: Annotated[Integer, Field(ge=1, description="threads per process; affects the last bits on CPUs")] = 1
    precision: Annotated[Literal["fp32", "bf16"], Field(description="of the forward passes in training")] = "fp32"
    tf32: Annotated[bool, Field(description="round the factors of fp32 products, on CUDA devices")] = False
    channels_last: Annotated[bool, Field(description="memory layout of the network")] = True
    compiled: Annotated[bool, Field(description="by torch.compile")] = False
    graph: Annotated[
        bool, Field(description="a training step as one CUDA graph; on CPUs the same step, not recorded")
    ] = False
    instructions: Annotated[
        Literal["native", "avx2", "sse4"],
        Field(description="instruction set of the processor; CPU results are the same on all processors that have it"),
    ] = "native"
    deterministic: Annotated[bool, Field(description="same bits on every repetition; CUDA may be slower")] = True

    @field_validator("network")
    @classmethod
    def _depth_fits(cls, network: str) -> str:
        depth, *rest = (int(part) for part in network.split("-")[1:])
        if not rest:
            if depth not in RESNETS:
                raise PydanticCustomError("network", "expected resnet-DEPTH with DEPTH = 18, 34, 50, 101 or 152")
            return network
        width = rest[0]
        if depth < 10 or (depth - 4) % 6 or width < 1:
            raise PydanticCustomError(
                "network", "expected wrn-DEPTH-WIDTH with DEPTH = 10, 16, 22, 28, ... and WIDTH >= 1"
            )
        return network

    def overrides(self) -> dict[str, Any]:
        """The settings that were set explicitly, without the defaults."""
        return self.model_dump(exclude_unset=True)
