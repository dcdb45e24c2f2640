"""What a training can be told, with every default; and what all parts of a study have in common."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError


def _refuse_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("number", "expected a number, not yes/no")
    return value


Integer = Annotated[int, BeforeValidator(_refuse_boolean), Field(le=2**63 - 1)]
Number = Annotated[float, BeforeValidator(_refuse_boolean), Field(allow_inf_nan=False)]
SLUG, NETWORK = r"^[a-z0-9][a-z0-9-]*$", r"^(wrn-\d+-\d+|resnet-\d+)$"
Slug = Annotated[str, Field(pattern=SLUG, max_length=100)]  # names files
RESNETS = (18, 34, 50, 101, 152)


CALIBRATED = "calibrated"


def _loss_weight(value: Any) -> Any:
    if value == CALIBRATED:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= sys.float_info.max:
        raise PydanticCustomError("loss_weight", "expected a number of at least 0, or 'calibrated'")
    return float(value)


# Any: the study may say "calibrated", a training only ever sees the number.
LossWeight = Annotated[
    Any,
    PlainValidator(_loss_weight),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"const": CALIBRATED}]}),
]


class Model(BaseModel):
    """A part of the study: immutable, and no key but the known ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="wrap")
    @classmethod
    def _name_unknown_keys(cls, data: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        if isinstance(data, Mapping):
            for key in data:
                if key not in cls.model_fields:
                    close = difflib.get_close_matches(str(key), cls.model_fields, n=1)
                    hint = f"did you mean '{close[0]}'?" if close else f"expected one of {', '.join(cls.model_fields)}"
                    raise PydanticCustomError(
                        "unknown_key", "{hint}", {"key": str(key), "hint": f"unknown key; {hint}"}
                    )
        return handler(data)


class Settings(Model):
    """What a training can be told; the defaults are TorchSSL's recipe for CIFAR-10, which the paper follows.

    In a study the same keys may stand under ``training`` of the study and of a data set, under a method in ``methods``
    of the study, under ``training`` of an experiment, under a method of an experiment and in its ``variants``; the
    later ones win, in this order. A method's own recipe (its ``defaults`` in the table of methods) wins over the
    study's and the data set's ``training``, and yields to all else.
    """

    network: Annotated[str, Field(pattern=NETWORK, description="wrn-DEPTH-WIDTH, DEPTH = 6n + 4, or resnet-DEPTH")] = (
        "wrn-28-2"
    )
    conv_bias: Annotated[Literal["all", "stem"], Field(description="which convolutions have a bias, in a wrn")] = "all"
    preactivate_all: Annotated[
        bool, Field(description="activate before the first block of a wrn's stages 2, 3 too")
    ] = False
    batch_norm_eps: Annotated[Number, Field(gt=0)] = 1e-3
    batch_norm_momentum: Annotated[Number, Field(gt=0, le=1, description="weight of the newest batch")] = 1e-3
    steps: Annotated[Integer, Field(ge=1, description="K, length of the training and of its schedule")] = 2**20
    batch: Annotated[Integer, Field(ge=1, description="B, labelled images a step")] = 64
    learning_rate: Annotated[Number, Field(gt=0)] = 0.03
    momentum: Annotated[Number, Field(ge=0, lt=1, description="of SGD with Nesterov")] = 0.9
    weight_decay: Annotated[Number, Field(ge=0, description="none on biases and batch norm")] = 5e-4
    ema: Annotated[Number, Field(ge=0, lt=1, description="decay of the averaged weights that are evaluated")] = 0.999
    flip: Annotated[bool, Field(description="weak augmentation mirrors half of the images")] = True
    crop_padding: Annotated[Integer, Field(ge=0, description="pixels of reflection before the random crop")] = 4
    randaugment: Annotated[
        Literal["torchssl", "google"],
        Field(description="of a strong view: TorchSSL's 3 operations, or Google's 2, each with probability 0.5"),
    ] = "torchssl"
    cutout: Annotated[Number, Field(ge=0, le=1, description="largest side of the square, of the image's")] = 0.5
    mu: Annotated[Integer, Field(ge=1, description="unlabelled images per labelled one")] = 7
    threshold: Annotated[Number, Field(ge=0, lt=1, description="tau")] = 0.95
    lambda_u: Annotated[LossWeight, Field(description="weight of the unlabelled loss")] = 1.0
    ramp: Annotated[Number, Field(ge=0, le=1, description="part of the steps over which lambda_u grows from 0")] = 0.0
    power: Annotated[Number, Field(gt=0, description="r, the shape of the smoothness factor")] = 1.0
    lambda_max: Annotated[LossWeight, Field(description="upper limit of the weight of the factor as loss")] = CALIBRATED
    lambda_phi: Annotated[Number, Field(ge=0, description="weight of the factor as loss, in parts of lambda_max")] = 0.0
    evaluate_every: Annotated[Integer, Field(ge=1, description="steps between evaluations")] = 5000
    evaluate_late_every: Annotated[Integer, Field(ge=1, description="the same in the last fifth")] = 1000
    device: Annotated[Literal["cpu", "cuda"], Field(description="where a training runs")] = "cpu"
    processes: Annotated[Integer, Field(ge=1, description="of one training, a device each; they share its batch")] = 1
    threads: Annotated[Integer, Field(ge=1, description="of one process; changes the last bits of CPU results")] = 1
    precision: Annotated[Literal["fp32", "bf16"], Field(description="of the training's forward passes")] = "fp32"
    tf32: Annotated[bool, Field(description="round the factors of fp32 products, on CUDA devices")] = False
    channels_last: Annotated[bool, Field(description="memory layout of the network")] = True
    compiled: Annotated[bool, Field(description="by torch.compile")] = False
    instructions: Annotated[
        Literal["native", "avx2", "sse4"],
        Field(description="of the processor, for CPU results that are the same on every one that has them"),
    ] = "native"
    deterministic: Annotated[bool, Field(description="same bits on every repetition; off, CUDA may be faster")] = True

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
        """The settings that were given, without the defaults."""
        return self.model_dump(exclude_unset=True)
