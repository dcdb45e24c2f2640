"""How the labelled images of a fold are drawn, as a study asks for it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from spl.study.base import Integer, Model, Number, no_duplicates


class Balanced(Model):
    """The same number of labelled images of each class."""

    scheme: Literal["balanced"]
    per_class: Annotated[Integer, Field(ge=1)]
    keep: Annotated[Number, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="class imbalance: fraction of the unlabelled images of one random class that is kept",
    )


class Proportional(Model):
    """The same fraction of the images of each class."""

    scheme: Literal["proportional"]
    part: Annotated[Number, Field(gt=0, lt=1)]


class Random(Model):
    """Labelled images drawn uniformly; a fold of more labels contains the same fold of fewer labels."""

    scheme: Literal["random"]
    labels: Annotated[list[Annotated[Integer, Field(ge=1)]], Field(min_length=1)]

    _unique = field_validator("labels")(no_duplicates)


class Full(Model):
    """Every training image is labelled: the fully supervised baseline."""

    scheme: Literal["full"]


Scheme = Annotated[Balanced | Proportional | Random | Full, Field(discriminator="scheme")]
