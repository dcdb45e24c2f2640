"""The schema of a study: its data sets, training settings and experiments, each part typed and checked alone.

:mod:`spl.study.checks` checks that the parts fit together, :mod:`spl.study.resolve` decides which of them wins.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from spl.errors import InputError
from spl.methods.registry import METHODS
from spl.study.base import Integer, Model, Number, Slug, no_duplicates, refuse_key
from spl.study.dataset import DatasetSettings, Resources
from spl.study.known_methods import METHOD_SETTINGS, method_problem
from spl.study.ranges import WholeNumbers
from spl.study.scheme import Scheme
from spl.study.settings import Settings

# Probability of a false verdict of a registered study, in each direction.
TOTAL_LEVEL = 0.05


def _as_mapping(methods: Any) -> Any:
    if isinstance(methods, list):
        if not all(isinstance(name, str) for name in methods):  # lists within lists may be long beyond all bounds
            raise PydanticCustomError("names", "expected names of methods")
        return {name: {} for name in no_duplicates(methods)}
    if isinstance(methods, Mapping):
        return {name: {} if settings is None else settings for name, settings in methods.items()}
    return methods


def _known(methods: dict[str, Settings]) -> dict[str, Settings]:
    for name, settings in methods.items():
        if problem := method_problem(name):
            refuse_key(name, problem)
        for calibrating in METHODS[name].calibration or ():
            if problem := method_problem(calibrating):
                refuse_key(name, problem)
        _refuse_unused(name, settings, name)
    return methods


MethodSettings = Annotated[dict[str, Settings], BeforeValidator(_as_mapping), AfterValidator(_known)]


class Experiment(Model):
    """A data set, a way to draw labels, and the methods to compare on them."""

    dataset: Slug
    split: Scheme
    folds: WholeNumbers = Field(default=[0])
    seeds: WholeNumbers = Field(default=[0])
    methods: MethodSettings = Field(default={}, description="empty: only the splits are drawn")
    baseline: str | None = Field(
        default=None, description="the method that the others are compared with; without it, the first"
    )
    training: Settings = Settings()
    resources: Resources = Resources()
    variants: list[Settings] = Field(default=[Settings()], min_length=1)
    start_from: Slug | None = Field(
        default=None,
        description="an experiment above this one: each run starts from the final state of its run with the same "
        "method, settings, fold and seed that has the next fewer labels, instead of from initial weights",
    )
    steps_per_addition: Annotated[Integer, Field(ge=1)] | None = Field(
        default=None,
        description="labels are added to finished runs: the run with the fewest labels of `split` starts from initial "
        "weights; with each next number of labels a run goes on for so many steps from the final state of the run "
        "before. Beside them, runs from initial weights: of so many steps, and of as many as the chain up to there has",
    )

    _unique = field_validator("folds", "seeds")(no_duplicates)

    @property
    def reference(self) -> str:
        """The method that the others are compared with."""
        return self.baseline or next(iter(self.methods))

    @model_validator(mode="after")
    def _baseline_is_trained(self) -> Experiment:
        if self.baseline and self.baseline not in self.methods:
            refuse_key("baseline", f"expected one of methods ({', '.join(self.methods)}), got '{self.baseline}'")
        return self

    @model_validator(mode="after")
    def _variants_are_used(self) -> Experiment:
        given = [variant.overrides() for variant in self.variants]  # what equals a default may decide, too
        for number, variant in enumerate(self.variants):
            if (first := given.index(given[number])) < number:
                refuse_key(f"variants.{number}", f"the same as variants.{first}; expected other settings")
            for method in self.methods:
                _refuse_unused(method, variant, f"variants.{number}")
        return self


def _refuse_unused(method: str, settings: Settings, where: str) -> None:
    for key in settings.overrides().keys() & (METHOD_SETTINGS - METHODS[method].settings):
        refuse_key(f"{where}.{key}", f"{method} does not use {key}")


class Basins(Model):
    """When a run counts as fallen into the low basin, and when as unstable (fractions between 0 and 1)."""

    collapsed: Annotated[
        Number, Field(ge=0, le=1, description="a class is collapsed below this ratio of its predictions to its images")
    ] = 0.01
    partly_collapsed: Annotated[
        Number, Field(ge=0, le=1, description="a class is partly collapsed below this ratio")
    ] = 0.5
    recall: Annotated[
        Number,
        Field(
            ge=0,
            le=1,
            description="and if, besides, less than this part of its images is recognised. The part is never above the "
            "ratio, so a limit from partly_collapsed on would say nothing",
        ),
    ] = 0.4
    unstable: Annotated[Number, Field(gt=0, le=1, description="last error minus best error")] = 0.05

    @model_validator(mode="after")
    def _ordered(self) -> Basins:
        if not self.collapsed <= self.recall <= self.partly_collapsed:
            raise PydanticCustomError("order", "expected collapsed <= recall <= partly_collapsed")
        return self


class NoEffect(Model):
    """When a method that neither improves nor harms counts as equivalent to the baseline (section 4.2)."""

    margin: Annotated[
        Number, Field(gt=0, le=1, description="largest gain or loss, a fraction of the test images, that is no effect")
    ] = 0.005


class Stability(Model):
    """When the random-label benchmark counts a number of labels as enough, and a transition as unreliable."""

    mean_below: Annotated[Number, Field(gt=0, le=1, description="mean error over folds, a fraction")] = 0.1
    std_below: Annotated[Number, Field(gt=0, le=1, description="standard deviation over folds, a fraction")] = 0.03
    level: Annotated[Number, Field(gt=0, lt=1, description="p-value above which the error does not reliably fall")] = (
        0.1
    )


class Registered(Model):
    """What is decided before the first run: which claims are tested, and when (a group-sequential design).

    Folds are added between looks. By the union bound, a true null hypothesis is rejected at any of them with a
    probability of at most the sum of the levels, in each direction.
    """

    claims: Annotated[list[Slug], Field(min_length=1, description="names of claims, from the catalogue of the paper's")]
    primary: Annotated[Slug, Field(description="the claim that the study is planned for, one of these")]
    experiments: Annotated[
        list[Slug],
        Field(
            min_length=1,
            description="those whose folds are added between looks, with equal folds; claims about other experiments "
            "are tested once, on all folds",
        ),
    ]
    looks: Annotated[
        list[Annotated[Integer, Field(ge=1)]],
        Field(min_length=1, description="numbers of folds at which tests are made; between them none"),
    ]
    levels: Annotated[
        list[Annotated[Number, Field(gt=0, lt=1)]],
        Field(description=f"of the test in each direction at each look; together at most {TOTAL_LEVEL:g}"),
    ]

    _unique = field_validator("claims", "experiments")(no_duplicates)

    @model_validator(mode="after")
    def _is_a_design(self) -> Registered:
        if self.primary not in self.claims:
            refuse_key("primary", f"expected one of claims, got '{self.primary}'")
        if self.looks != sorted(set(self.looks)):
            refuse_key("looks", f"expected increasing numbers of folds, got {self.looks}")
        if len(self.levels) != len(self.looks):
            refuse_key("levels", f"expected one for each of the {len(self.looks)} looks, got {len(self.levels)}")
        if (total := math.fsum(self.levels)) > TOTAL_LEVEL + 1e-9:
            refuse_key("levels", f"expected a sum of at most {TOTAL_LEVEL:g}, got {total:g}")
        return self


Share = Annotated[Number, Field(ge=0, le=1)]


class Gate(Model):
    """The regime of few labels and high performance (section 1), outside which the paper's claims are not tested.

    It is measured on FixMatch and on full supervision alone, so it cannot favour a method that is compared with
    FixMatch. Needs the experiments ``scarce-labels``, with FixMatch, and ``fully-supervised``.
    """

    coverage: Annotated[
        Share, Field(description="least mean weight of FixMatch's pseudo-labels over the last fifth of its steps")
    ]
    distance: Annotated[
        Share, Field(description="largest median error of its runs in the high basin, minus that of full supervision")
    ]
    low_basin: Annotated[
        list[Share],
        Field(min_length=2, max_length=2, description="least and largest share of its runs in the low basin"),
    ]

    @field_validator("low_basin")
    @classmethod
    def _rising(cls, limits: list[float]) -> list[float]:
        if limits[0] > limits[1]:
            raise PydanticCustomError("order", "expected the least share before the largest")
        return limits


class Study(Model):
    """One study; all its results lie below ``results/<name>``."""

    name: Slug
    title: str
    datasets: dict[Slug, DatasetSettings]
    training: Settings = Settings()
    methods: MethodSettings = Field(default={}, description="settings of a method in every experiment")
    fold_seeds: WholeNumbers = Field(
        default=[0, 1, 2, 3, 4, 5], description="seeds that draw the labels: fold k uses the k-th seed, from 0"
    )
    basins: Basins = Basins()
    stability: Stability = Stability()
    no_effect: NoEffect = NoEffect()
    gate: Gate | None = Field(default=None, description="without it, no claim counts as out of regime")
    experiments: dict[Slug, Experiment]
    registered: Registered | None = Field(default=None, description="`spl register` freezes it before the first run")
    assumed: dict[str, str] = Field(
        default={}, description="keys whose value the paper does not give, and why this value was chosen"
    )

    _unique = field_validator("fold_seeds")(no_duplicates)

    @model_validator(mode="after")
    def _data_are_there(self) -> Study:
        for name, dataset in self.datasets.items():
            try:
                dataset.look_for_files(Path("results", self.name, "data", name))
            except (InputError, OSError, ValueError, RuntimeError) as error:
                refuse_key(f"datasets.{name}.root", getattr(error, "strerror", None) or str(error))
        return self

    def is_registered(self, claim: str) -> bool:
        """Whether a claim's test was decided before the first run; everything else is exploratory."""
        return self.registered is not None and claim in self.registered.claims
