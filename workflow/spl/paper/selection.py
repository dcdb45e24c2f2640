"""Which exhibits of the catalogue a study can show, and the parameter, inputs and caption of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from spl.errors import InputError
from spl.paper import captions, parameters
from spl.paper.catalogue import CATALOGUE, Exhibit, experiment_exhibits
from spl.paper.claim_parameters import check_claims
from spl.study.plan import Plan
from spl.study.schema import Random


def exhibits(plan: Plan, origin: str) -> dict[str, Exhibit]:
    """The exhibits of a study's paper, each with the experiments that it shows; ``origin`` names the study in messages.

    Raises:
        InputError: an experiment lacks something that an exhibit needs, or a registered claim cannot be tested.
    """
    check_claims(plan, origin)
    trained = [name for name, experiment in plan.study.experiments.items() if experiment.methods]
    candidates = dict(CATALOGUE)
    for experiment in trained:
        candidates |= experiment_exhibits(experiment)
    selected = {name: _select(plan, exhibit, trained) for name, exhibit in candidates.items()}
    shown = {name: exhibit for name, exhibit in selected.items() if exhibit}
    for name, exhibit in shown.items():
        _check_baseline(plan, exhibit, candidates[name].experiments, origin)
    split = plan.study.experiments["random-labels"].split if "table6" in shown else None
    if isinstance(split, Random) and len(split.labels) < 2:
        raise InputError(f"{origin}: experiments.random-labels.split.labels: expected at least 2, for Table 6")
    return shown


def _select(plan: Plan, exhibit: Exhibit, trained: list[str]) -> Exhibit | None:
    """The exhibit with the experiments that it can show, or a note that they were not run.

    None if the study lacks one of its experiments.
    """
    splits_alone = exhibit.inputs is parameters.splits
    if not set(exhibit.experiments) <= set(plan.study.experiments if splits_alone else trained):
        return None
    off = [name for name in exhibit.experiments if name in plan.off and not (splits_alone and name in plan.experiments)]
    if off:
        return _not_run(exhibit, plan.off[off[0]])
    optional = (name for name in exhibit.optional if name in trained and name not in plan.off)
    selected = replace(exhibit, experiments=(*exhibit.experiments, *optional), optional=())
    # A table of a method's settings has no columns in a study without that method, one of weights perhaps no rows, and
    # a study may test no claim, or have no gate.
    parameter = selected.parameter(plan, *selected.experiments)
    return None if [] in map(parameter.get, ("columns", "calibrations", "claims", "limits")) else selected


def _not_run(exhibit: Exhibit, reason: str) -> Exhibit:
    """The note in place of an exhibit whose experiment has no runs."""
    return replace(
        exhibit,
        module=f"spl.{'figures' if exhibit.kind == 'figure' else 'tables'}.not_run",
        experiments=(),
        inputs=parameters.summaries,
        caption=lambda plan: f"Not run: {reason}.",
        parameter=lambda plan: {"reason": reason},
    )


def _check_baseline(plan: Plan, exhibit: Exhibit, experiments: tuple[str, ...], origin: str) -> None:
    baseline = exhibit.parameter(plan, *exhibit.experiments).get("baseline")
    for experiment in experiments:
        if baseline and baseline not in plan.study.experiments[experiment].methods:
            where = f"{origin}: experiments.{experiment}.methods"
            raise InputError(f"{where}: expected {baseline} among them, the baseline of {exhibit.title}")


def exhibit_content(plan: Plan, exhibit: Exhibit) -> dict[str, Any]:
    """The content of an exhibit's parameter: all that it depends on besides its input files."""
    content: dict[str, Any] = {"module": exhibit.module, "given": exhibit.parameter(plan, *exhibit.experiments)}
    if exhibit.kind == "table":
        content |= {"title": f"{exhibit.title}. {exhibit.heading}", "caption": exhibit_caption(plan, exhibit)}
    return content


def exhibit_inputs(plan: Plan, exhibit: Exhibit) -> list[str]:
    """The files that a figure or table reads, below ``results/<study>/``."""
    return exhibit.inputs(plan, *exhibit.experiments)


def exhibit_caption(plan: Plan, exhibit: Exhibit) -> str:
    """The caption; in a partial paper it also gives the number of finished runs."""
    return exhibit.caption(plan, *exhibit.experiments) + captions.done(plan, *exhibit.experiments)
