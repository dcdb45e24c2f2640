"""What a training can be told, with every default; and what all parts of a study have in common."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError


def _refuse_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("number", "expected a number, not yes/no")
    return value


Integer = Annotated[int, BeforeValidator(_refuse_boolean)]
Number = Annotated[float, BeforeValidator(_refuse_boolean), Field(allow_inf_nan=False)]
SLUG, WIDE_RESNET = r"^[a-z0-9][a-z0-9-]*$", r"^wrn-\d+-\d+$"
Slug = Annotated[str, Field(pattern=SLUG)]


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

    In a study the same keys may stand under ``training`` of the study, of a data set or of an experiment, under a
    method of an experiment and in its ``variants``; the later ones win, in this order. A method's own recipe (its
    ``defaults`` in the table of methods) wins over the study and the data set, and yields to the experiment.
    """

    network: Annotated[str, Field(pattern=WIDE_RESNET, description="wrn-DEPTH-WIDTH, DEPTH = 6n + 4")] = "wrn-28-2"
    conv_bias: Annotated[Literal["all", "stem"], Field(description="which convolutions have a bias")] = "all"
    preactivate_all: Annotated[bool, Field(description="activate before the first block of stages 2 and 3 too")] = False
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
    randaugment_ops: Annotated[Integer, Field(ge=0, description="operations per strong view")] = 3
    cutout: Annotated[Number, Field(ge=0, le=1, description="largest side of the square, of the image's")] = 0.5
    mu: Annotated[Integer, Field(ge=1, description="unlabelled images per labelled one")] = 7
    threshold: Annotated[Number, Field(ge=0, lt=1, description="tau")] = 0.95
    lambda_u: Annotated[Number, Field(ge=0, description="weight of the unlabelled loss")] = 1.0
    ramp: Annotated[Number, Field(ge=0, le=1, description="part of the steps over which lambda_u grows from 0")] = 0.0
    power: Annotated[Number, Field(gt=0, description="r, the shape of the smoothness factor")] = 1.0
    lambda_phi: Annotated[Number, Field(ge=0, description="weight of the factor as loss")] = 0.0
    evaluate_every: Annotated[Integer, Field(ge=1, description="steps between evaluations")] = 5000
    evaluate_late_every: Annotated[Integer, Field(ge=1, description="the same in the last fifth")] = 1000
    threads: Annotated[Integer, Field(ge=1, description="of one training; changes the last bits of CPU results")] = 1

    @field_validator("network")
    @classmethod
    def _depth_fits(cls, network: str) -> str:
        depth, width = (int(part) for part in network.split("-")[1:])
        if depth < 10 or (depth - 4) % 6 or width < 1:
            raise PydanticCustomError(
                "network", "expected wrn-DEPTH-WIDTH with DEPTH = 10, 16, 22, 28, ... and WIDTH >= 1"
            )
        return network

    def overrides(self) -> dict[str, Any]:
        """The settings that were given, without the defaults."""
        return self.model_dump(exclude_unset=True)
