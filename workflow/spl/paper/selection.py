"""Which exhibits of the catalogue a study can show, and the parameter, inputs and caption of each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from spl.errors import InputError
from spl.paper import captions, parameters
from spl.paper.catalogue import (
    CATALOGUE,
    DATA_OF_THE_PAPER,
    EXPERIMENTS_OF_THE_PAPER,
    LAST_SECTIONS,
    SECTIONS,
    numbered_products,
    section_of,
)
from spl.paper.claim_parameters import check_claims
from spl.paper.conditions import conditions, data_in_heading, method_title
from spl.paper.exhibit import Exhibit
from spl.paper.sections.every_experiment import experiment_exhibits
from spl.study.appearance import LOOKS, Look, looks_of
from spl.study.plan import Plan
from spl.study.schema import Study
from spl.study.scheme import Random


def exhibits(plan: Plan, origin: str) -> dict[str, Exhibit]:
    """The exhibits of a study's page in its order, each with the experiments that it shows.

    An experiment that rebuilds one of the paper's has the paper's figures and tables under their numbers. Every
    experiment has its errors and curves besides, under its own name. The exhibits of a study that rebuilds nothing of
    the paper are numbered in the order of its page.

    Args:
        plan: the plan of the study.
        origin: names the study in messages.

    Raises:
        InputError: an experiment lacks something that an exhibit needs, or a registered claim cannot be tested.
    """
    check_claims(plan, origin)
    study = plan.study
    rebuilt = [name for name in study.experiments if is_of_the_paper(study, name)]
    for name in rebuilt:
        if study.experiments[name].steps_per_addition:
            where = f"{origin}: experiments.{name}.steps_per_addition"
            raise InputError(f"{where}: expected in an experiment of another name; this one rebuilds the paper's")
    candidates = {name: exhibit for name, exhibit in CATALOGUE.items() if rebuilt or exhibit.section == "Settings"}
    shown = _selected(plan, candidates, rebuilt, origin)
    for experiment in (name for name, given in study.experiments.items() if given.methods):
        numbered = numbered_products(shown, experiment) if experiment in rebuilt else None
        section = section_of(experiment, experiment in rebuilt)
        more = experiment_exhibits(plan, experiment, numbered)
        shown |= _selected(
            plan, {name: replace(exhibit, section=section) for name, exhibit in more.items()}, [experiment], origin
        )
    split = study.experiments["random-labels"].split if "table6" in shown else None
    if isinstance(split, Random) and len(split.labels) < 2:
        raise InputError(f"{origin}: experiments.random-labels.split.labels: expected at least 2, for Table 6")
    return _in_order(shown) if rebuilt else _numbered(_in_order(shown))


def rebuilds_the_paper(study: Study) -> bool:
    """Whether any experiment of a study rebuilds one of the paper's."""
    return any(is_of_the_paper(study, name) for name in study.experiments)


def is_of_the_paper(study: Study, experiment: str) -> bool:
    """Whether an experiment rebuilds one of the paper's: its name, on a data set of the paper or one that stands in."""
    name = study.experiments[experiment].dataset
    dataset = study.datasets[name]
    on_its_data = dataset.stands_in_for is not None or not {name, dataset.source}.isdisjoint(DATA_OF_THE_PAPER)
    return on_its_data and experiment in EXPERIMENTS_OF_THE_PAPER


def _in_order(shown: Mapping[str, Exhibit]) -> dict[str, Exhibit]:
    """Exhibits by section and experiment; those of other experiments come before the formulas and the settings."""
    first = [name for name in SECTIONS if name not in LAST_SECTIONS]
    sections = list(dict.fromkeys([*first, *(exhibit.section for exhibit in shown.values())]))
    rank = {name: number for number, name in enumerate(sections)} | {name: len(sections) for name in LAST_SECTIONS}
    experiments = list(dict.fromkeys(exhibit.experiments[:1] for exhibit in shown.values()))
    return dict(
        sorted(
            shown.items(),
            key=lambda item: (rank[item[1].section], item[1].detail, experiments.index(item[1].experiments[:1])),
        )
    )


def _numbered(shown: Mapping[str, Exhibit]) -> dict[str, Exhibit]:
    """Exhibits numbered in the order of the page."""
    counts: Counter[str] = Counter()
    renamed = {}
    for name, exhibit in shown.items():
        counts[exhibit.kind] += 1
        title = f"{exhibit.kind.capitalize()} {counts[exhibit.kind]}"
        renamed[name] = replace(exhibit, title=title, heading=f"{exhibit.title}. {exhibit.heading}")
    return renamed


def _selected(
    plan: Plan, candidates: Mapping[str, Exhibit], experiments: Sequence[str], origin: str
) -> dict[str, Exhibit]:
    """Those of the candidates that these experiments of the study allow to show."""
    shown = {}
    for name, candidate in candidates.items():
        if exhibit := _select(plan, candidate, experiments):
            _check_baseline(plan, exhibit, candidate.experiments, origin)
            shown[name] = exhibit
    return shown


def _select(plan: Plan, exhibit: Exhibit, experiments: Sequence[str]) -> Exhibit | None:
    """The exhibit with the experiments that it can show, or a note that they were not run.

    None if the study lacks one of its experiments.
    """
    trained = [name for name in experiments if plan.study.experiments[name].methods]
    splits_alone = exhibit.inputs is parameters.splits
    if not set(exhibit.experiments) <= set(experiments if splits_alone else trained):
        return None
    if exhibit.experiments:
        data = data_in_heading(plan, exhibit.experiments[0])
        exhibit = replace(exhibit, heading=exhibit.heading.replace("{data}", data))
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
    if exhibit.kind == "figure":
        content["given"] = content["given"] | _own_looks(plan.study, exhibit.experiments)
    if exhibit.kind == "table":
        content |= {"title": f"{exhibit.title}. {exhibit.heading}", "caption": exhibit_caption(plan, exhibit)}
    return content


def _own_looks(study: Study, shown: Sequence[str]) -> dict[str, dict[str, Look]]:
    """The ``looks`` that the study gives to methods of some experiments; empty if each has its own in every study."""
    looks = looks_of(method for experiment in study.experiments.values() for method in experiment.methods)
    methods = (method for name in shown for method in study.experiments[name].methods)
    own = {method: looks[method] for method in methods if method not in LOOKS}
    return {"looks": own} if own else {}


def exhibit_inputs(plan: Plan, exhibit: Exhibit) -> list[str]:
    """The files that a figure or table reads, below ``results/<study>/``."""
    return exhibit.inputs(plan, *exhibit.experiments)


def exhibit_caption(plan: Plan, exhibit: Exhibit) -> str:
    """The whole caption: what the exhibit shows, in a partial paper of how many runs, what its words mean, and the
    conditions of its runs."""
    first, *others = exhibit_conditions(plan, exhibit).items() or [("", "")]
    terms = (f"{name}: {meaning}" for name, meaning in exhibit.terms(plan, *exhibit.experiments).items())
    text = " ".join(filter(None, [own_caption(plan, exhibit), *terms, first[1]]))
    return text + "".join(f" For reference, {name}: {conditions}" for name, conditions in others)


def own_caption(plan: Plan, exhibit: Exhibit) -> str:
    """The caption without the conditions of the runs, which the page states once for each section, and the terms."""
    text = exhibit.caption(plan, *exhibit.experiments) + captions.done(plan, *exhibit.experiments)
    baseline = exhibit.parameter(plan, *exhibit.experiments).get("baseline")
    return _for_the_study(plan, text.replace("{baseline}", method_title(baseline)) if baseline else text)


def exhibit_conditions(plan: Plan, exhibit: Exhibit) -> dict[str, str]:
    """The conditions of an exhibit's runs, by experiment."""
    return {name: _for_the_study(plan, conditions(plan, name)) for name in exhibit.experiments if exhibit.conditions}


EQUATION = re.compile(r" \(equations? \d+\)")


def _for_the_study(plan: Plan, text: str) -> str:
    """Text without the numbers of the paper's equations if the study rebuilds nothing of the paper."""
    return text if rebuilds_the_paper(plan.study) else EQUATION.sub("", text)
