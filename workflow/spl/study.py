"""A study: one YAML file that says which data, which training and which experiments; typed, with every default here.

Reading a study never runs code from it, and a mistake in it is one line that names file, key and expectation.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from spl.datasets import SOURCES
from spl.errors import InputError
from spl.methods import METHODS


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
    method of an experiment and in its ``variants``; the later ones win, in this order.
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


METHOD_SETTINGS = frozenset[str]().union(*(method.settings for method in METHODS.values()))


def _no_duplicates(values: Iterable[Any]) -> Any:
    values = list(values)
    for value in values:
        if values.count(value) > 1:
            raise PydanticCustomError("twice", "{value} is listed twice", {"value": str(value)})
    return values


class Balanced(Model):
    """The same number of labelled images of each class."""

    scheme: Literal["balanced"]
    per_class: Annotated[Integer, Field(ge=1)]
    keep: Annotated[Number, Field(gt=0, lt=1)] | None = Field(
        default=None, description="part of the unlabelled images of one random class that stays: class imbalance"
    )


class Random(Model):
    """Labelled images drawn uniformly from all; a fold of more labels contains the fold of fewer."""

    scheme: Literal["random"]
    labels: Annotated[list[Annotated[Integer, Field(ge=1)]], Field(min_length=1)]

    _unique = field_validator("labels")(_no_duplicates)


class Full(Model):
    """Every training image is labelled: the fully supervised baseline."""

    scheme: Literal["full"]


Scheme = Annotated[Balanced | Random | Full, Field(discriminator="scheme")]


class Dataset(Model):
    """One data set of the study, and the training settings that belong to it."""

    source: str
    stands_in_for: str | None = Field(default=None, description="the paper's data set whose place this one takes")
    training: Settings = Settings()

    @field_validator("source")
    @classmethod
    def _known(cls, source: str) -> str:
        if source not in SOURCES:
            raise PydanticCustomError(
                "source", "unknown source; expected one of {known}", {"known": ", ".join(SOURCES)}
            )
        return source


class Experiment(Model):
    """A data set, a way to draw labels, and the methods to compare on them."""

    dataset: Slug
    split: Scheme
    folds: Annotated[list[Annotated[Integer, Field(ge=0)]], Field(min_length=1)] = [0]
    seeds: Annotated[list[Annotated[Integer, Field(ge=0)]], Field(min_length=1)] = [0]
    methods: dict[str, Settings] = Field(default={}, description="none: the splits alone are of interest")
    training: Settings = Settings()
    variants: Annotated[list[Settings], Field(min_length=1)] = [Settings()]

    _unique = field_validator("folds", "seeds", "variants")(_no_duplicates)

    @field_validator("methods", mode="before")
    @classmethod
    def _as_mapping(cls, methods: Any) -> Any:
        if isinstance(methods, list):
            return {str(name): {} for name in _no_duplicates(methods)}
        if isinstance(methods, Mapping):
            return {name: {} if given is None else given for name, given in methods.items()}
        return methods

    @field_validator("methods")
    @classmethod
    def _known(cls, methods: dict[str, Settings]) -> dict[str, Settings]:
        for name, given in methods.items():
            if name not in METHODS:
                close = difflib.get_close_matches(name, METHODS, n=1)
                hint = f"did you mean '{close[0]}'?" if close else f"expected one of {', '.join(METHODS)}"
                raise PydanticCustomError("unknown_key", "{hint}", {"key": name, "hint": f"unknown method; {hint}"})
            _refuse_unused(name, given, name)
        return methods

    @model_validator(mode="after")
    def _variants_are_used(self) -> Experiment:
        for place, variant in enumerate(self.variants):
            for method in self.methods:
                _refuse_unused(method, variant, f"variants.{place}")
        return self


def _refuse_unused(method: str, given: Settings, where: str) -> None:
    for key in given.overrides().keys() & (METHOD_SETTINGS - METHODS[method].settings):
        _refuse(f"{where}.{key}", f"{method} does not use {key}")


class Basins(Model):
    """When a run counts as fallen into the low basin, and when as unstable (shares between 0 and 1)."""

    collapsed: Annotated[Number, Field(ge=0, le=1, description="of a class's test images predicted as it")] = 0.01
    partly_collapsed: Annotated[Number, Field(ge=0, le=1, description="the same, partly")] = 0.5
    unstable: Annotated[Number, Field(gt=0, le=1, description="last error minus best error")] = 0.05

    @model_validator(mode="after")
    def _ordered(self) -> Basins:
        if self.collapsed > self.partly_collapsed:
            raise PydanticCustomError("order", "expected collapsed <= partly_collapsed")
        return self


class Study(Model):
    """One study; everything it makes lies under ``results/<name>``."""

    name: Slug
    title: str
    datasets: dict[Slug, Dataset]
    training: Settings = Settings()
    fold_seeds: list[Annotated[Integer, Field(ge=0)]] = Field(
        default=[0, 1, 2, 3, 4, 5], description="the seed that draws the labels of fold k is the k-th, from 0"
    )
    basins: Basins = Basins()
    experiments: dict[Slug, Experiment]
    assumed: dict[str, str] = Field(
        default={}, description="keys whose value the paper does not give, and why this one"
    )

    _unique = field_validator("fold_seeds")(_no_duplicates)

    @model_validator(mode="after")
    def _fits_together(self) -> Study:
        for name, experiment in self.experiments.items():
            where = f"experiments.{name}"
            if experiment.dataset not in self.datasets:
                _refuse(
                    f"{where}.dataset", f"'{experiment.dataset}' is not under datasets ({', '.join(self.datasets)})"
                )
            source = SOURCES[self.datasets[experiment.dataset].source]
            for fold in experiment.folds:
                if fold >= len(self.fold_seeds):
                    _refuse(f"{where}.folds", f"fold {fold} has no seed; expected 0 to {len(self.fold_seeds) - 1}")
            if isinstance(experiment.split, Balanced) and experiment.split.per_class > source.smallest_class:
                _refuse(f"{where}.split.per_class", f"expected at most {source.smallest_class}, the smallest class")
            if isinstance(experiment.split, Random) and max(experiment.split.labels) > source.train_images:
                _refuse(f"{where}.split.labels", f"expected at most {source.train_images}, the training images")
            if isinstance(experiment.split, Full) and experiment.folds != [0]:
                _refuse(f"{where}.folds", "expected [0]: with all images labelled every fold is the same")
            for given in (experiment.training, *experiment.variants, *experiment.methods.values()):
                if given.overrides().get("crop_padding", 0) >= source.side:
                    _refuse(where, f"crop_padding: expected less than {source.side}, the side of an image")
        for name, dataset in self.datasets.items():
            side = SOURCES[dataset.source].side
            if self.settings(name).crop_padding >= side:
                _refuse(f"datasets.{name}.training.crop_padding", f"expected less than {side}, the side of an image")
        for key in self.assumed:
            if not _exists(self.model_dump(), key.split(".")):
                _refuse(f"assumed.{key}", "no such key in this study")
        return self

    def settings(self, dataset: str) -> Settings:
        """The settings of a data set's trainings before any method, experiment or variant changes them."""
        return Settings(**(self.training.overrides() | self.datasets[dataset].training.overrides()))


def _refuse(where: str, hint: str) -> None:
    raise PydanticCustomError("unknown_key", "{hint}", {"key": where, "hint": hint})


def _exists(tree: Any, path: list[str]) -> bool:
    if not path:
        return True
    if isinstance(tree, list):
        return path[0].isdigit() and int(path[0]) < len(tree) and _exists(tree[int(path[0])], path[1:])
    return isinstance(tree, dict) and path[0] in tree and _exists(tree[path[0]], path[1:])


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML without the rule that the last of two equal keys silently wins."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for place, (key, (key_node, _)) in enumerate(zip(keys, node.value, strict=True)):
            if key in keys[:place]:
                raise yaml.constructor.ConstructorError(None, None, f"'{key}' is given twice", key_node.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML mapping.

    Raises:
        InputError: the file is absent, is not YAML, is not a mapping or gives a key twice.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{path}{line}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a mapping with the keys {', '.join(Study.model_fields)}")
    return content


def read_study(path: Path) -> Study:
    """Read and check one study.

    Raises:
        InputError: one line for each mistake, naming file, key and what was expected.
    """
    return check_study(read_yaml(path), str(path))


def check_study(content: Mapping[str, Any], origin: str) -> Study:
    """Make a study of parsed YAML; ``origin`` names where it came from in messages.

    Raises:
        InputError: one line for each mistake, naming origin, key and what was expected.
    """
    try:
        return Study.model_validate(dict(content))
    except ValidationError as error:
        raise InputError("\n".join(f"{origin}: {_describe(problem)}" for problem in error.errors())) from None


SCHEMES = ("balanced", "random", "full")

_EXPECTATIONS = {
    "missing": "missing; every study needs it",
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "list_type": "expected a list",
    "string_type": "expected text",
    "bool_type": "expected yes or no",
    "bool_parsing": "expected yes or no",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "finite_number": "expected a finite number",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected at least {ge}",
    "less_than": "expected less than {lt}",
    "less_than_equal": "expected at most {le}",
    "too_short": "expected at least {min_length} item",
    "string_pattern_mismatch": "expected {pattern}",
    "union_tag_not_found": f"expected a scheme: {', '.join(SCHEMES)}",
    "union_tag_invalid": f"unknown scheme; expected one of {', '.join(SCHEMES)}",
}
_PATTERNS = {SLUG: "lower-case letters, digits and dashes", WIDE_RESNET: "a network like wrn-28-2"}


def _describe(problem: Any) -> str:
    path = [str(part) for part in problem["loc"] if part not in (*SCHEMES, "[key]")]
    context = dict(problem.get("ctx", {}))
    if problem["type"] == "unknown_key":
        return f"{'.'.join([*path, context['key']])}: {context['hint']}"
    context["pattern"] = _PATTERNS.get(context.get("pattern", ""), "")
    expectation = _EXPECTATIONS.get(problem["type"], problem["msg"]).format(**context)
    got = "" if problem["type"] in ("missing", "twice") else f", got {_brief(problem['input'])}"
    return f"{'.'.join(path) or 'the study'}: {expectation}{got}"


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
