"""What the table of claims and the figure of the regime depend on: runs, files and limits."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from spl.analysis.looks import LEVEL, Looks
from spl.errors import InputError
from spl.paper.claims import CLAIMS, Claim
from spl.paper.parameters import metric_files, summaries, titles
from spl.study.base import suggestion
from spl.study.checks import BASELINE, GATED, SUPERVISED
from spl.study.plan import Plan, Run
from spl.study.resolve import dataset_settings

# The experiments that test a claim, in the order of the catalogue
TESTING = tuple(dict.fromkeys(name for claim in CLAIMS.values() for name in claim.experiments))
VARYING = ("threshold", "momentum")


def claim_tests(plan: Plan, *experiments: str) -> dict[str, Any]:
    """All claims with the limits of their tests, and the runs of the gate; no claim if the study tests none."""
    study = plan.study
    shown = [
        {"name": name, **asdict(claim), "planned": _is_planned(plan, claim, experiments), **_registered(plan, name)}
        for name, claim in CLAIMS.items()
    ]
    if not any(claim["planned"] for claim in shown):
        return {"claims": []}
    defaults = {
        name: {
            setting: getattr(dataset_settings(study, study.experiments[name].dataset), setting) for setting in VARYING
        }
        for name in experiments
    }
    return {
        "claims": shown,
        "summaries": list(experiments),
        "margin": study.no_effect.margin,
        "mean_below": study.stability.mean_below,
        "defaults": defaults,
        "gate": _gate(plan, experiments),
    }


def _registered(plan: Plan, name: str) -> dict[str, Any]:
    """Whether a claim is registered, the looks at it, and whether a partial paper has all runs of the present one.

    Claims about experiments to which looks add no folds are looked at once, on all folds.
    """
    study, experiment = plan.study, CLAIMS[name].experiments[0]
    if study.registered is None or not study.is_registered(name):
        return {"registered": False}
    if experiment in study.registered.experiments:
        looks = Looks(study.registered.looks, study.registered.levels)
    else:
        looks = Looks([len(study.experiments[experiment].folds)], [LEVEL])
    return {
        "registered": True, "looks": asdict(looks), "complete": plan.missing.isdisjoint(runs_of_claim(plan, name))
    }  # fmt: skip


def runs_of_claim(plan: Plan, name: str) -> list[str]:
    """The runs of a claim's experiments, and those by which its regime is measured."""
    claim = CLAIMS[name]
    own = [path for experiment in claim.experiments for path in plan.experiments.get(experiment, ())]
    if not own or not claim.gated or plan.study.gate is None:
        return own
    gate = [*reference_runs(plan), *supervised_runs(plan), *regime_runs(plan, claim.experiments[0])]
    return list(dict.fromkeys([*own, *_paths(gate)]))


def check_claims(plan: Plan, origin: str) -> None:
    """Check that the study can test the claims that it registers; ``origin`` names its file.

    Raises:
        InputError: a claim is not in the catalogue, or the study lacks its experiments, methods or variants.
    """
    trained = tuple(name for name, experiment in plan.study.experiments.items() if experiment.methods)
    for name in plan.study.registered.claims if plan.study.registered else ():
        where = f"{origin}: registered.claims: {name}"
        if name not in CLAIMS:
            raise InputError(f"{where}: unknown claim; {suggestion(name, CLAIMS)}")
        claim = CLAIMS[name]
        if not _is_planned(plan, claim, trained):
            methods = " and ".join(filter(None, (claim.method, claim.against)))
            raise InputError(f"{where}: needs {' and '.join(claim.experiments)} with {methods}")


def _is_planned(plan: Plan, claim: Claim, experiments: tuple[str, ...]) -> bool:
    """Whether the study has the experiments of a claim, with both methods and enough variants."""
    if not set(claim.experiments) <= set(experiments):
        return False
    own = [plan.study.experiments[name] for name in claim.experiments]
    methods = {claim.method, claim.against} - {""}
    if not all(methods <= experiment.methods.keys() for experiment in own) or claim.variant >= len(own[0].variants):
        return False
    return all(_trains_equally(plan, claim.experiments[0], other, methods) for other in claim.experiments[1:])


def _trains_equally(plan: Plan, first: str, second: str, methods: set[str]) -> bool:
    """Whether two experiments, the difference of whose errors is an endpoint, differ in their labelled sets alone.

    An experiment that is off, such as one without a finished run in a partial paper, has no runs to compare.
    """
    if not plan.off.keys().isdisjoint((first, second)):
        return True
    runs = [
        [run for path in plan.experiments[name] if (run := plan.runs[path]).method in methods]
        for name in (first, second)
    ]
    ours, theirs = ({(run.dataset, run.method): run.settings for run in one} for one in runs)
    return ours == theirs


def _gate(plan: Plan, experiments: tuple[str, ...]) -> dict[str, Any] | None:
    """The limits, and by experiment the runs that decide whether its claims are in the regime."""
    gate = plan.study.gate
    if gate is None:
        return None
    gated = dict.fromkeys(
        claim.experiments[0] for claim in CLAIMS.values() if claim.gated and _is_planned(plan, claim, experiments)
    )
    return {
        "limits": gate.model_dump(),
        "reference": _paths(reference_runs(plan)),
        "supervised": _paths(supervised_runs(plan)),
        "runs": {name: _paths(regime_runs(plan, name)) for name in gated},
    }


def _paths(runs: list[Run]) -> list[str]:
    return [run.path for run in runs]


def regime_runs(plan: Plan, experiment: str) -> list[Run]:
    """The baseline's runs that show whether the claims of an experiment are in the regime.

    They are the experiment's own, with the most labels that it has, since it asks from how many labels on a method is
    good. Among several variants, those with the settings of the gate's experiment count. An experiment that repeats
    its conditions, that lacks the baseline or gives it settings of its own to compare with, shares its runs: those of
    all folds show more than a few, or than folds that were chosen by their outcome.
    """
    reference = reference_runs(plan)
    if not reference:  # a partial paper without its runs cannot measure the regime
        return []
    runs = [run for path in plan.experiments[experiment] if (run := plan.runs[path]).method == BASELINE]
    own = [run for run in runs if run.labels == max(run.labels for run in runs)]
    same = [run for run in own if run.settings == reference[0].settings]
    methods = plan.study.experiments[experiment].methods
    altered = BASELINE in methods and methods[BASELINE].model_fields_set
    if not own or ((same or altered) and _drawn_like(own[0], reference[0])):
        return reference
    return same or own


def reference_runs(plan: Plan) -> list[Run]:
    """The baseline's runs in the gate's experiment, in its first variant."""
    runs = [run for path in plan.experiments.get(GATED, ()) if (run := plan.runs[path]).method == BASELINE]
    return [run for run in runs if run.settings == runs[0].settings]


def _drawn_like(run: Run, other: Run) -> bool:
    """Whether two labelled sets are drawn in the same way: their paths differ in the fold alone."""
    first, second = (one.split.rpartition("/")[0] for one in (run, other))
    return first == second


def supervised_runs(plan: Plan) -> list[Run]:
    """The fully supervised runs with the settings of the reference, or all if none has them."""
    runs = [plan.runs[path] for path in plan.experiments.get(SUPERVISED, ())]
    reference = [run.settings for run in reference_runs(plan)[:1]]
    return [
        run
        for run in runs
        if all(run.settings[name] == one[name] for one in reference for name in run.settings.keys() & one)
    ] or runs


def claim_files(plan: Plan, *experiments: str) -> list[str]:
    """The summaries, and the files of runs that endpoints and the gate read."""
    read: dict[str, None] = {}
    for claim in CLAIMS.values():
        if _is_planned(plan, claim, experiments):
            methods = (claim.method, claim.against)
            runs = [path for path in plan.experiments[claim.experiments[0]] if plan.runs[path].method in methods]
            read |= dict.fromkeys(f"{run}/{name}" for name in claim.reads for run in runs)
    for runs in (_gate(plan, experiments) or {"runs": {}})["runs"].values():
        read |= dict.fromkeys(f"{run}/metrics.csv" for run in runs)
    files = [f"runs/{path}" for path in read if path.rpartition("/")[0] not in plan.missing]
    return [*summaries(plan, *experiments), *files]


def regime_limits(plan: Plan, *experiments: str) -> dict[str, Any]:
    """The limits of the gate, and the runs that the figure shows; nothing without a gate."""
    gate = _gate(plan, experiments)
    if gate is None:
        return {"limits": []}
    return titles(plan, *experiments) | {name: gate[name] for name in ("limits", "reference", "supervised")}


def regime_files(plan: Plan, *experiments: str) -> list[str]:
    """The summaries of the gate's experiments, and the metrics of their runs."""
    gated, supervised = (metric_files(plan, name) for name in experiments)
    return [gated[0], supervised[0], *gated[1:], *supervised[1:]]
