"""A study: which data, which training and which experiments; typed and checked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from spl.data.registry import SOURCES
from spl.data.source import Description
from spl.errors import InputError
from spl.methods.registry import METHODS
from spl.study.settings import CALIBRATED, Integer, Model, Number, Settings, Slug

CALIBRATION_PARTS = 10
"""Evaluations of a calibration run; the second half of them counts."""

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


class Proportional(Model):
    """The same part of the images of each class."""

    scheme: Literal["proportional"]
    part: Annotated[Number, Field(gt=0, lt=1)]


class Random(Model):
    """Labelled images drawn uniformly from all; a fold of more labels contains the fold of fewer."""

    scheme: Literal["random"]
    labels: Annotated[list[Annotated[Integer, Field(ge=1)]], Field(min_length=1)]

    _unique = field_validator("labels")(_no_duplicates)


class Full(Model):
    """Every training image is labelled: the fully supervised baseline."""

    scheme: Literal["full"]


Scheme = Annotated[Balanced | Proportional | Random | Full, Field(discriminator="scheme")]


class Calibration(Model):
    """The short runs that calibrate the smooth methods on a data set, one for each shape and one to compare with.

    Weights that say "calibrated" are those at which a smooth method's unlabelled loss keeps the magnitude that the
    method it is compared with has at equilibrium, which is the mean over the second half of these runs.
    """

    split: Scheme
    fold: Annotated[Integer, Field(ge=0)] = 0
    seed: Annotated[Integer, Field(ge=0)] = 0
    steps: Annotated[Integer, Field(ge=CALIBRATION_PARTS)]


class Resources(Model):
    """What one training asks of a cluster, beside the devices and cores that its settings name; no part of a run.

    In a study the keys may stand under ``resources`` of a data set and of an experiment, which wins.
    """

    mem_mb: Annotated[Integer, Field(ge=1, description="memory in MB, of all processes together")] = 16000
    runtime: Annotated[Integer, Field(ge=1, description="time limit in minutes")] = 2880
    hours: Annotated[Number, Field(gt=0)] | None = Field(
        default=None,
        description="what a training of the data set's own length is expected to take, for `spl plan`",
    )


class Dataset(Model):
    """One data set of the study, and the training settings that belong to it."""

    source: str
    root: Path | None = Field(
        default=None,
        description="folder with the files of the data set; without it they are looked for where the operating system "
        "has them, else downloaded; an image-folder without it is off, and with it every experiment that uses it",
    )
    side: Annotated[Integer, Field(ge=1)] | None = Field(
        default=None, description="of an image-folder: pixels to which images are resized and cut"
    )
    stands_in_for: str | None = Field(default=None, description="the paper's data set whose place this one takes")
    training: Settings = Settings()
    resources: Resources = Resources()
    calibration: Calibration | None = None

    @field_validator("source")
    @classmethod
    def _known(cls, source: str) -> str:
        if source not in SOURCES:
            raise PydanticCustomError(
                "source", "unknown source; expected one of {known}", {"known": ", ".join(SOURCES)}
            )
        return source

    @model_validator(mode="after")
    def _is_there(self) -> Dataset:
        source = SOURCES[self.source]
        if self.root is not None and not (source.files or source.own_folder):
            _refuse("root", f"{self.source} has no files to look for")
        if source.own_folder and self.side is None:
            _refuse("side", f"missing; {self.source} needs it")
        if self.side is not None and not source.own_folder:
            _refuse("side", f"the images of {self.source} keep their size")
        try:
            _ = self.off or self.known, self.files
        except (InputError, OSError, ValueError, RuntimeError) as error:  # as of a path that no system takes
            _refuse("root", getattr(error, "strerror", None) or str(error))
        return self

    @property
    def off(self) -> bool:
        """Whether the data set is the user's own, and where it lies was not said."""
        return self.root is None and SOURCES[self.source].own_folder

    @property
    def options(self) -> dict[str, int]:
        """What reading it depends on beyond its files."""
        return {} if self.side is None else {"side": self.side}

    @cached_property
    def known(self) -> Description:
        """What is known of the data set before it is read; of one that is off nothing is."""
        return SOURCES[self.source].describe(self._folder, **self.options)

    @property
    def pixels(self) -> int:
        """Height and width of an image."""
        return self.side or self.known.side

    @cached_property
    def files(self) -> list[Path]:
        """What to read; below :data:`spl.data.downloads.DOWNLOADS` what is downloaded first."""
        return SOURCES[self.source].locate(self.source, self._folder)

    @property
    def _folder(self) -> Path | None:
        return self.root and self.root.expanduser()


def _as_mapping(methods: Any) -> Any:
    if isinstance(methods, list):
        return {str(name): {} for name in _no_duplicates(methods)}
    if isinstance(methods, Mapping):
        return {name: {} if given is None else given for name, given in methods.items()}
    return methods


def _known(methods: dict[str, Settings]) -> dict[str, Settings]:
    for name, given in methods.items():
        if name not in METHODS:
            close = difflib.get_close_matches(name, METHODS, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"expected one of {', '.join(METHODS)}"
            raise PydanticCustomError("unknown_key", "{hint}", {"key": name, "hint": f"unknown method; {hint}"})
        _refuse_unused(name, given, name)
    return methods


MethodSettings = Annotated[dict[str, Settings], BeforeValidator(_as_mapping), AfterValidator(_known)]


class Experiment(Model):
    """A data set, a way to draw labels, and the methods to compare on them."""

    dataset: Slug
    split: Scheme
    folds: list[Annotated[Integer, Field(ge=0)]] = Field(default=[0], min_length=1)
    seeds: list[Annotated[Integer, Field(ge=0)]] = Field(default=[0], min_length=1)
    methods: MethodSettings = Field(default={}, description="none: the splits alone are of interest")
    training: Settings = Settings()
    resources: Resources = Resources()
    variants: list[Settings] = Field(default=[Settings()], min_length=1)

    _unique = field_validator("folds", "seeds", "variants")(_no_duplicates)

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


class Stability(Model):
    """When the random-label benchmark counts a number of labels as enough, and a transition as unreliable."""

    mean_below: Annotated[Number, Field(gt=0, le=1, description="mean error over folds, a share")] = 0.1
    std_below: Annotated[Number, Field(gt=0, le=1, description="its standard deviation, a share")] = 0.03
    level: Annotated[Number, Field(gt=0, lt=1, description="p-value above which an error does not reliably fall")] = 0.1


class Study(Model):
    """One study; everything it makes lies under ``results/<name>``."""

    name: Slug
    title: str
    datasets: dict[Slug, Dataset]
    training: Settings = Settings()
    methods: MethodSettings = Field(default={}, description="a method's own settings, in every experiment")
    fold_seeds: list[Annotated[Integer, Field(ge=0)]] = Field(
        default=[0, 1, 2, 3, 4, 5], description="the seed that draws the labels of fold k is the k-th, from 0"
    )
    basins: Basins = Basins()
    stability: Stability = Stability()
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
            pixels = self.datasets[experiment.dataset].pixels
            self._check_split(where, experiment.split, experiment.dataset)
            for fold in experiment.folds:
                self._check_fold(f"{where}.folds", fold)
            if isinstance(experiment.split, Full) and experiment.folds != [0]:
                _refuse(f"{where}.folds", "expected [0]: with all images labelled every fold is the same")
            for given in (experiment.training, *experiment.variants, *experiment.methods.values()):
                if given.overrides().get("crop_padding", 0) >= pixels:
                    _refuse(where, f"crop_padding: expected less than {pixels}, the side of an image")
            for method in experiment.methods:
                resolved = [self.resolve(name, method, variant) for variant in experiment.variants]
                for place, settings in enumerate(resolved):
                    self._check_calibration(where, method, settings, experiment.dataset)
                    if settings.batch % settings.processes:
                        _refuse(where, f"batch {settings.batch}: expected a multiple of {settings.processes} processes")
                    if settings in resolved[:place]:
                        _refuse(f"{where}.variants.{place}", f"expected other settings of {method} than before it")
        for name, dataset in self.datasets.items():
            if dataset.calibration:
                where = f"datasets.{name}.calibration"
                self._check_split(where, dataset.calibration.split, name)
                self._check_fold(f"{where}.fold", dataset.calibration.fold)
            if self.settings(name).crop_padding >= (pixels := dataset.pixels):
                _refuse(f"datasets.{name}.training.crop_padding", f"expected less than {pixels}, the side of an image")
        for key in self.assumed:
            if not _exists(self.model_dump(), key.split(".")):
                _refuse(f"assumed.{key}", "no such key in this study")
        return self

    def _check_split(self, where: str, split: Scheme, dataset: str) -> None:
        if self.datasets[dataset].off:
            return
        known = self.datasets[dataset].known
        if isinstance(split, Balanced) and split.per_class > known.smallest_class:
            _refuse(f"{where}.split.per_class", f"expected at most {known.smallest_class}, the smallest class")
        if isinstance(split, Random) and max(split.labels) > known.train_images:
            _refuse(f"{where}.split.labels", f"expected at most {known.train_images}, the training images")

    def _check_fold(self, where: str, fold: int) -> None:
        if fold >= len(self.fold_seeds):
            _refuse(where, f"fold {fold} has no seed; expected 0 to {len(self.fold_seeds) - 1}")

    def _check_calibration(self, where: str, method: str, settings: Settings, dataset: str) -> None:
        for key in calibrated(method, settings):
            if METHODS[method].calibration is None:
                _refuse(
                    f"{where}.methods.{method}.{key}", f"expected a number: {method} has nothing to calibrate it with"
                )
            if settings.power != self.defaults(dataset, method).power:
                _refuse(f"{where}.methods.{method}.power", f"needs {key} as a number: calibrated is another shape's")
            if self.datasets[dataset].calibration is None:
                hint = f"missing; {method} of {where} calibrates {key} (or give {key} a number there)"
                _refuse(f"datasets.{dataset}.calibration", hint)

    def settings(self, dataset: str) -> Settings:
        """The settings of a data set's trainings before any method, experiment or variant changes them."""
        return Settings(**(self.training.overrides() | self.datasets[dataset].training.overrides()))

    def defaults(self, dataset: str, method: str) -> Settings:
        """The settings of a method on a data set before any experiment or variant changes them."""
        own = self.methods[method].overrides() if method in self.methods else {}
        return Settings(**(self.settings(dataset).overrides() | dict(METHODS[method].defaults) | own))

    def resolve(self, experiment: str, method: str, variant: Settings) -> Settings:
        """The settings of a training, but for the seeds."""
        given = self.experiments[experiment]
        before = self.defaults(given.dataset, method).overrides()
        own = given.training.overrides() | given.methods[method].overrides() | variant.overrides()
        return Settings(**(before | own))

    def origins(self, experiment: str, method: str, variant: int) -> dict[str, str]:
        """The keys of the study that decide the settings of a training, by setting.

        Args:
            experiment, method: names.
            variant: its place among the experiment's.

        Returns:
            without the settings that are left to their default or to the method's own recipe.
        """
        given = self.experiments[experiment]
        places = {
            "training": self.training,
            f"datasets.{given.dataset}.training": self.datasets[given.dataset].training,
            "": Settings(**METHODS[method].defaults),
            f"methods.{method}": self.methods.get(method, Settings()),
            f"experiments.{experiment}.training": given.training,
            f"experiments.{experiment}.methods.{method}": given.methods[method],
            f"experiments.{experiment}.variants.{variant}": given.variants[variant],
        }
        found = {name: f"{place}.{name}" for place, some in places.items() for name in some.overrides()}
        return {name: key for name, key in found.items() if key != f".{name}"}

    def is_assumed(self, key: str) -> bool:
        """Whether the study says that it assumes this key, or a part of the study that holds it."""
        parts = key.split(".")
        return any(".".join(parts[:depth]) in self.assumed for depth in range(1, len(parts) + 1))


def calibrated(method: str, settings: Settings) -> list[str]:
    """The weights that a method uses and that are to be calibrated, by the names of their settings."""
    used = [key for key in ("lambda_u", "lambda_max") if key in METHODS[method].settings]
    return [key for key in used if getattr(settings, key) == CALIBRATED]


def _refuse(where: str, hint: str) -> None:
    raise PydanticCustomError("unknown_key", "{hint}", {"key": where, "hint": hint})


def _exists(tree: Any, path: list[str]) -> bool:
    if not path:
        return True
    if isinstance(tree, list):
        return path[0].isdigit() and int(path[0]) < len(tree) and _exists(tree[int(path[0])], path[1:])
    return isinstance(tree, dict) and path[0] in tree and _exists(tree[path[0]], path[1:])
