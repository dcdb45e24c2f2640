"""The table of the paper's claims with their computed verdicts, and the measurements of the regime below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from math import isinf, isnan, nan
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from spl.analysis.claims import (
    CONTRADICTED,
    FEWEST,
    SUPPORTED,
    TOO_FEW_FOLDS,
    UNDECIDED,
    Evidence,
    claim_verdict,
    corrected_evidence,
    evidence,
    folds_needed,
)
from spl.analysis.endpoints import ENDPOINTS, Material, endpoint_differences
from spl.analysis.formats import p_value, percent
from spl.analysis.looks import LEVEL, Looks
from spl.analysis.regime import in_regime, measure_regime, regime_conditions
from spl.tables.layout import Cell, Numbers, Table

# Columns that hold words, besides the claim itself
TEXTS = ("verdict", "tested by")
# Columns that the page shows apart
DETAILS = ("folds to decide", "tested by")
# The number behind each other printed column
SHOWN = {
    "verdict": "verdict_at_level",
    "n": "n",
    "effect, interval": "effect",
    "p": "p_supported_holm",
    "p, opposite": "p_contradicted_holm",
    "smallest p": "smallest_p",
    "folds to decide": "folds_needed",
}
NOTHING = "–"  # the number of folds of a claim no run of which is done
USUAL = 0.95  # level of intervals that needs no mention
MOST_FOLDS = 1000  # larger numbers of folds are not printed
REGIME = "regime of "  # before the name of an experiment, in place of a claim
REFERENCE = "scarce-labels"  # as spl.study.checks.GATED, which would load all methods


Family = tuple[str, bool]  # of a claim: its name, and whether the claim is registered


class _Measured(NamedTuple):
    """Whether an experiment is in the regime, None if that is open, and the runs that show it."""

    inside: bool | None
    runs: tuple[str, ...]


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Test every claim and give its verdict.

    Args:
        parameter: ``claims``, each with its ``name``, all attributes of :class:`spl.paper.claims.Claim`, and whether it
            is ``planned`` and ``registered``; of a registered one the ``looks``, and whether its runs are ``complete``;
            names of the ``summaries``; the ``margin`` of equivalence; the error ``mean_below`` which a number of labels
            is enough; ``defaults`` of the settings that vary, by experiment; the ``gate``: its ``limits`` and the runs
            that it is measured on, or None.
        inputs: the summaries, then files of runs that the endpoints and the gate read.
    """
    names = parameter["summaries"]
    summaries = {name: pd.read_csv(path) for name, path in zip(names, inputs[: len(names)], strict=True)}
    numbers = Numbers()
    differences = {claim["name"]: _differences(claim, parameter, summaries, inputs) for claim in parameter["claims"]}
    found, tests = _families(parameter["claims"], differences, parameter["margin"])
    regimes = _add_regimes(numbers, parameter["gate"], summaries, inputs)
    printed = []
    for claim in parameter["claims"]:
        name, of_folds = claim["name"], differences[claim["name"]]
        for fold, difference, behind in of_folds.itertuples():
            numbers.computed({"claim": name, "fold": fold}, {"difference": difference}, behind)
        regime, gate_runs = _regime_of(claim, regimes, parameter["gate"])
        level = level_of(claim, len(of_folds))
        verdict = claim_verdict(found[name], level, regime)
        values = _values(found[name], level) | {"registered": float(claim["registered"])}
        if verdict in (UNDECIDED, TOO_FEW_FOLDS):
            values |= _folds(claim, parameter, of_folds)
        runs = list(chain.from_iterable(of_folds["runs"]))
        lines = numbers.computed({"claim": name, "verdict": verdict}, {"verdict_at_level": level}, [*runs, *gate_runs])
        lines |= numbers.computed({"claim": name}, values, runs)
        of_family = {"tests": float(tests[_family(claim)])}
        numbers.computed({"claim": name}, of_family, _runs_of_family(_family(claim), parameter["claims"], differences))
        cells = printed_claim(claim, values | of_family, verdict)
        printed.append(
            {
                column: Cell(text, lines.get(SHOWN.get(column, "")), bold=claim["primary"] and column == "claim")
                for column, text in cells.items()
            }
        )
    printed.sort(key=_is_folded)
    table, folded = numbers.table(pd.DataFrame(printed)), sum(map(_is_folded, printed))
    return replace(table, note=regime_note(table.tidy), texts=TEXTS, details=DETAILS, folded=folded)


def _is_folded(line: Mapping[str, Cell]) -> bool:
    """Whether no run of a printed claim is done, and it is not the primary one."""
    return str(line["n"]) == NOTHING and not line["claim"].bold


def level_of(claim: Mapping[str, Any], n: int) -> float | None:
    """The level of each direction of a claim's test on n folds; None between the looks of a registered study, and while
    runs of a look are missing, since the choice of those that are there could decide."""
    if not claim["registered"]:
        return LEVEL
    return Looks(**claim["looks"]).level(n) if claim["complete"] else None


def _regime_of(claim: Mapping[str, Any], regimes: Mapping[str, _Measured], gate: Mapping[str, Any] | None) -> _Measured:
    """Whether a claim's runs are in the regime, and the runs that it was measured on."""
    if gate is None or not claim["gated"]:
        return _Measured(True, ())
    return regimes.get(claim["experiments"][0], _Measured(None, ()))


def _differences(
    claim: Mapping[str, Any], parameter: Mapping[str, Any], summaries: Mapping[str, pd.DataFrame], inputs: list[Path]
) -> pd.DataFrame:
    """The differences of a claim's endpoint by fold; none if it is not run."""
    if not claim["planned"]:
        return pd.DataFrame({"difference": [], "runs": []}, pd.Index([], name="fold"))
    own = [summaries[name] for name in claim["experiments"]]
    defaults = parameter["defaults"][claim["experiments"][0]]
    material = Material(own, inputs, defaults, parameter["mean_below"])
    return endpoint_differences(
        ENDPOINTS[claim["endpoint"]], material, claim["method"], claim["against"], claim["variant"]
    )


def _family(claim: Mapping[str, Any]) -> Family:
    """Within which the p-values of a claim are corrected: no exploratory claim has a part in those of registered ones,
    or an experiment that is added later would change their verdicts."""
    return claim["family"], claim["registered"]


def _families(
    claims: Sequence[Mapping[str, Any]], differences: Mapping[str, pd.DataFrame], margin: float
) -> tuple[dict[str, Evidence], dict[Family, int]]:
    """What the differences say about each claim, with p-values corrected for its family; the tests of each family."""
    found = {
        claim["name"]: evidence(differences[claim["name"]]["difference"].to_numpy(float), claim["test"], margin)
        for claim in claims
    }
    families: dict[Family, list[str]] = {}
    for claim in claims:
        families.setdefault(_family(claim), []).append(claim["name"])
    pending = {claim["name"] for claim in claims if claim["registered"]}
    corrected = (corrected_evidence({name: found[name] for name in family}, pending) for family in families.values())
    tests = {name: sum(found[claim].n > 0 or claim in pending for claim in family) for name, family in families.items()}
    return {name: one for family in corrected for name, one in family.items()}, tests


def _runs_of_family(
    family: Family, claims: Sequence[Mapping[str, Any]], differences: Mapping[str, pd.DataFrame]
) -> list[str]:
    """The runs that decide how many claims of a family are tested."""
    members = (claim["name"] for claim in claims if _family(claim) == family)
    return list(dict.fromkeys(run for name in members for run in chain.from_iterable(differences[name]["runs"])))


def _values(found: Evidence, level: float | None) -> dict[str, float]:
    """The numbers of a claim; between the looks of a registered study without those that tell how a test would end."""
    supported, contradicted = found.deciding
    open_values = {"n": float(found.n), "effect": found.effect.estimate, "smallest_p": found.smallest_p}
    tests = {
        "effect_low": found.effect.low,
        "effect_high": found.effect.high,
        "effect_level": found.effect.level,
        "p_supported": found.p_supported,
        "p_supported_holm": supported,
        "p_contradicted": found.p_contradicted,
        "p_contradicted_holm": contradicted,
        "folds_needed": nan,
        "folds_needed_half": nan,
    }
    return open_values | (dict.fromkeys(tests, nan) if level is None else tests)


def _folds(claim: Mapping[str, Any], parameter: Mapping[str, Any], differences: pd.DataFrame) -> dict[str, float]:
    """How many folds would decide a claim, for the effect seen and for half of it.

    The level is that of the smallest p-value in a corrected family; of several looks, the highest, which is the last
    one's.
    """
    highest = max(claim["looks"]["levels"]) if claim["registered"] else LEVEL
    counted = (
        other["planned"] or other["registered"] for other in parameter["claims"] if _family(other) == _family(claim)
    )
    level = highest / sum(counted)
    values = differences["difference"].to_numpy(float)
    needed = (folds_needed(values, claim["test"], level, part, parameter["margin"]) for part in (1, 0.5))
    return dict(zip(("folds_needed", "folds_needed_half"), needed, strict=True))


def printed_claim(claim: Mapping[str, Any], values: Mapping[str, float], verdict: str) -> dict[str, str]:
    """The printed cells of a claim by column, from its numbers."""
    points = ENDPOINTS[claim["endpoint"]].points
    effect = _effect(values["effect"], points)
    if values["n"] >= FEWEST and not isnan(values["effect_low"]):
        low, high = (_effect(values[name], points) for name in ("effect_low", "effect_high"))
        lower = f"{percent(values['effect_level'])} %: " if values["effect_level"] < USUAL else ""
        effect += f" ({lower}{low} to {high})"
    tested = verdict in (SUPPORTED, CONTRADICTED, UNDECIDED)
    exploratory = " (exploratory)" if tested and not values["registered"] else ""
    return {
        "claim": f"{claim['text']} ({claim['section']})",
        "verdict": f"{verdict}{exploratory}",
        "n": f"{values['n']:.0f}" if values["n"] else NOTHING,
        "effect, interval": effect,
        "p": p_value(values["p_supported_holm"]),
        "p, opposite": p_value(values["p_contradicted_holm"]),
        "smallest p": p_value(values["smallest_p"]),
        "folds to decide": _needed(values),
        "tested by": f"{ENDPOINTS[claim['endpoint']].name}; {claim['experiments'][0]}; {_group(claim, values)}",
    }


def _group(claim: Mapping[str, Any], values: Mapping[str, float]) -> str:
    """The family within which the p-values are corrected, with the number of its tests, if there are any."""
    tests = f", {values['tests']:.0f} test{'s' if values['tests'] != 1 else ''}" if values["tests"] else ""
    return f"group {claim['family']}{tests}"


def _effect(value: float, points: bool) -> str:
    return percent(value, 2) if points or isnan(value) else f"{value:.3g}".replace("-", "−")


def _needed(values: Mapping[str, float]) -> str:
    if isnan(values["folds_needed"]):
        return "–"
    return ", ".join(
        f"> {MOST_FOLDS:,}" if isinf(n) or n > MOST_FOLDS else f"{n:,.0f}"
        for n in (values["folds_needed"], values["folds_needed_half"])
    )


def _add_regimes(
    numbers: Numbers, gate: Mapping[str, Any] | None, summaries: Mapping[str, pd.DataFrame], inputs: list[Path]
) -> dict[str, _Measured]:
    """Add what the gate measured; returns whether each experiment is in the regime."""
    if gate is None:
        return {}
    done = (
        pd.concat(list(summaries.values()))
        .drop_duplicates("run")
        .dropna(subset="error_last")
        .set_index("run", drop=False)
    )
    share, supervised = (done[done["run"].isin(gate[name])] for name in ("reference", "supervised"))
    limits = gate["limits"]
    regimes = {}
    for experiment, paths in gate["runs"].items():
        runs = done[done["run"].isin(paths)]
        measured = measure_regime(runs, share, supervised, inputs)
        values = {
            "runs": len(runs),
            "coverage": measured.coverage,
            "coverage_least": limits["coverage"],
            "distance": measured.distance,
            "distance_runs": float((runs["basin"] == "high").sum()),
            "distance_largest": limits["distance"],
            "low_basin": measured.low_basin,
            "low_basin_runs": len(share),
            "low_basin_least": limits["low_basin"][0],
            "low_basin_largest": limits["low_basin"][1],
        }
        behind = tuple(dict.fromkeys([*runs["run"], *share["run"], *supervised["run"]]))
        regimes[experiment] = _Measured(in_regime(regime_conditions(measured, limits)), behind)
        numbers.computed({"claim": f"{REGIME}{experiment}"}, values, behind)
    return regimes


def regime_note(tidy: pd.DataFrame) -> str:
    """What the gate measured in each experiment, in words; empty without a gate.

    Args:
        tidy: of the table.
    """
    rows = tidy[tidy["claim"].str.startswith(REGIME)]
    if rows.empty:
        return ""
    by_experiment = rows.pivot(index="claim", columns="quantity", values="value")  # noqa: PD010 - a pivot table would average duplicates
    said: dict[str, list[str]] = {}  # experiments by what was measured: several may share it
    for name in dict.fromkeys(rows["claim"]):
        said.setdefault(_in_words(by_experiment.loc[name]), []).append(name.removeprefix(REGIME))
    sentences = "; ".join(f"{_measured_in(experiments)}: {measured}" for measured, experiments in said.items())
    low = _low_basin_in_words(by_experiment.loc[rows["claim"].iloc[0]])  # of the same runs for all experiments
    return f"Regime, measured on FixMatch and full supervision alone. {low} {sentences}."


def _measured_in(experiments: Sequence[str]) -> str:
    """In which experiment something was measured, and which others it counts for."""
    if REFERENCE not in experiments or len(experiments) == 1:
        return ", ".join(experiments)
    return f"{REFERENCE}, and by its runs {', '.join(name for name in experiments if name != REFERENCE)}"


def _in_words(values: Mapping[str, float]) -> str:
    if isnan(values["coverage"]) or isnan(values["distance"]):
        return "not measured"
    coverage = f"coverage {percent(values['coverage'])} % (at least {percent(values['coverage_least'], 0)})"
    if isinf(values["distance"]):
        return f"{coverage}, no run in the high basin whose distance could be measured"
    largest = percent(values["distance_largest"])
    high = f"runs in the high basin: {values['distance_runs']:.0f} of {values['runs']:.0f}"
    return f"{coverage}, distance {percent(values['distance'], 2)} points (at most {largest}; {high})"


def _low_basin_in_words(values: Mapping[str, float]) -> str:
    if isnan(values["low_basin"]):
        return "Share of runs in the low basin: not measured."
    least, largest = percent(values["low_basin_least"], 0), percent(values["low_basin_largest"], 0)
    return (
        f"Of FixMatch's {values['low_basin_runs']:.0f} runs with scarce labels, {percent(values['low_basin'], 0)} % "
        f"end in the low basin (in the regime: {least} to {largest} %)."
    )
