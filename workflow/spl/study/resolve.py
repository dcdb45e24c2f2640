"""Precedence of settings: which of a study's keys decides a setting of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spl.methods.registry import METHODS
from spl.study.labels import CALIBRATED, LOSS_WEIGHTS
from spl.study.settings import Settings

if TYPE_CHECKING:
    from spl.study.schema import Study


# In a run of the paper's length these give the paper's values; shorter runs scale them down: weights and predictions
# are averaged over the last 30th of the steps, batch-norm statistics over the last 60th, and there are about 60
# evaluations.
LONGEST_AVERAGE = 1000


def completed(given: Mapping[str, Any]) -> Settings:
    """Settings from those that are given; what depends on the length of a run and is not given is fitted to it.

    The fitted settings do not count as set: they are not among the ``overrides`` of the result.
    """
    settings = Settings(**given)
    steps = settings.steps
    ema = round(1 - 1 / min(LONGEST_AVERAGE, max(2, steps / 30)), 6)
    fitted = {
        "ema": ema,
        "prediction_ema": ema,
        "batch_norm_momentum": round(1 / min(LONGEST_AVERAGE, max(2, steps / 60)), 6),
        "evaluate_every": min(5000, max(1, steps // 50)),
        "evaluate_late_every": min(1000, max(1, steps // 100)),
    }
    values = settings.model_dump() | {name: value for name, value in fitted.items() if name not in given}
    return Settings.model_construct(_fields_set=settings.model_fields_set, **values)


def dataset_settings(study: Study, dataset: str) -> Settings:
    """The settings of all runs on a data set, before any method, experiment or variant changes them."""
    return completed(study.training.overrides() | study.datasets[dataset].training.overrides())


def method_settings(study: Study, dataset: str, method: str) -> Settings:
    """The settings of a method on a data set, before any experiment or variant changes them."""
    in_study = study.methods[method].overrides() if method in study.methods else {}
    return completed(dataset_settings(study, dataset).overrides() | dict(METHODS[method].defaults) | in_study)


def run_settings(study: Study, experiment: str, method: str, variant: Settings) -> Settings:
    """The settings of a run; its fold and seed are not among them."""
    parts = study.experiments[experiment]
    before = method_settings(study, parts.dataset, method).overrides()
    in_experiment = parts.training.overrides() | parts.methods[method].overrides() | variant.overrides()
    return completed(before | in_experiment)


def setting_origins(study: Study, experiment: str, method: str, variant: int) -> dict[str, str]:
    """The key of the study that decides each setting of a run; ``variant`` is the index of its variant.

    Returns:
        dotted keys by setting, without the settings that keep their default or that the method's own recipe decides.
    """
    parts = study.experiments[experiment]
    places = (
        ("training", study.training),
        (f"datasets.{parts.dataset}.training", study.datasets[parts.dataset].training),
        (None, Settings(**METHODS[method].defaults)),
        (f"methods.{method}", study.methods.get(method, Settings())),
        (f"experiments.{experiment}.training", parts.training),
        (f"experiments.{experiment}.methods.{method}", parts.methods[method]),
        (f"experiments.{experiment}.variants.{variant}", parts.variants[variant]),
    )
    deciding = {name: place for place, settings in places for name in settings.overrides()}
    return {name: f"{place}.{name}" for name, place in deciding.items() if place}


def is_assumed(study: Study, key: str) -> bool:
    """Whether the study lists this key, or a part of the study that contains it, under ``assumed``."""
    parts = key.split(".")
    return any(".".join(parts[:depth]) in study.assumed for depth in range(1, len(parts) + 1))


def calibrated_weights(method: str, settings: Settings) -> list[str]:
    """The loss weights that the method uses and that the settings leave to calibration, by name of the setting."""
    weights = [name for name in LOSS_WEIGHTS if name in METHODS[method].settings]
    return [name for name in weights if getattr(settings, name) == CALIBRATED]
