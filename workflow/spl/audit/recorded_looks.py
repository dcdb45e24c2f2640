"""The looks at a registered study that are on record, and whether its table and its runs still have what was found."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from spl.analysis.looks import Looks
from spl.attempts.plain_file import read_plain
from spl.audit.result_files import BROKEN, read_rows
from spl.audit.verdicts import SOUND, Node
from spl.campaign.registration import runs_of_look
from spl.campaign.strict_json import json_differences, parse_json
from spl.code.fingerprint import PROJECT
from spl.errors import InputError
from spl.study.plan import Plan
from spl.study.schema import Registered

TABLE = "tables/claims"
# Where `spl findings` keeps tables of claims, which an archive may lack
COMMITTED = PROJECT / "docs/findings"
# Numbers of the primary claim in the table, and their names in a record
NUMBERS = {"effect": "effect", "p_supported": "p", "p_contradicted": "p_opposite"}


class RecordedLook(BaseModel):
    """A look on record: what was looked at, and the outcome of the primary claim.

    Attributes:
        folds: number of folds.
        level: of the test in each direction.
        runs: the sha256 over the results of the runs, as :func:`runs_digest` computes it.
        claim: the primary one.
        effect: in its favour, in the unit of its endpoint; None if it cannot be computed.
        p, p_opposite: of the tests for and against it.
        verdict: as in the table of claims.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    folds: int
    level: float
    runs: str
    claim: str
    effect: float | None
    p: float | None
    p_opposite: float | None
    verdict: str


def read_looks(file: Path) -> list[RecordedLook]:
    """The looks on record, by number of folds; none without the file.

    Raises:
        InputError: it does not hold looks.
    """
    if not os.path.lexists(file):
        return []
    try:
        looks = TypeAdapter(list[RecordedLook]).validate_python(parse_json(read_plain(file)))
        if len({look.folds for look in looks}) < len(looks):
            raise ValueError("two looks at the same folds")
        return looks
    except (ValueError, FileNotFoundError):
        raise InputError(f"{file}: expected looks, as `spl register --look` records them") from None


def runs_digest(nodes: Mapping[str, Node], runs: list[str]) -> str | None:
    """The sha256 over the results of runs, as their manifests have them; None if one of them has no manifest."""
    manifests = [node.manifest for run in runs if (node := nodes.get(f"runs/{run}"))]
    if len(manifests) < len(runs) or None in manifests:
        return None
    outputs = sorted((path, sha256) for manifest in manifests if manifest for path, sha256 in manifest.outputs.items())
    return hashlib.sha256("".join(f"{sha256}  {path}\n" for path, sha256 in outputs).encode()).hexdigest()


def not_as_looked_at(
    looks: Sequence[RecordedLook], folds: int, plan: Plan, registered: Registered, nodes: Mapping[str, Node]
) -> Iterator[str]:
    """A line for each value on record that differs from the registration, from a table of claims that has as many folds
    as the look, this study's or the one that was committed as its findings, or from the results of the runs; and for a
    look at the study's folds whose table is not kept."""
    levels, table = Looks(registered.looks, registered.levels), nodes.get(TABLE)
    path = table.files[0] if table and table.verdict in SOUND else None
    if path and not path.is_file() and folds in {look.folds for look in looks}:  # an archive need not keep it
        yield f"{path} is not here, with which the look at {folds} folds is compared"
    tables = {"the table of claims": path, "docs/findings": COMMITTED / f"{plan.study.name}-claims.csv"}
    outcomes = dict[str, tuple[float | None, dict[str, Any]]]()
    for source, file in tables.items():
        if file and file.is_file():
            try:
                outcomes[source] = claim_outcome(file, registered.primary)
            except BROKEN:
                yield f"{file}: expected a table of claims with {registered.primary}"
    for look in looks:
        sources = {"the registration": {"claim": registered.primary, "level": levels.level(look.folds)}}
        sources |= {source: outcome for source, (tested, outcome) in outcomes.items() if tested == look.folds}
        for source, values in sources.items():
            for name, mine, theirs in json_differences({name: getattr(look, name) for name in values}, values):
                yield f"look at {look.folds} folds: {name} is {mine}, {source} has {theirs}"
        if runs_digest(nodes, runs_of_look(plan, look.folds)) not in (None, look.runs):
            yield f"look at {look.folds} folds: its runs have other results than those looked at"


def claim_outcome(table: Path, claim: str) -> tuple[float | None, dict[str, Any]]:
    """From the tidy table of claims: on how many folds a claim was tested, its effect, p-values and verdict.

    Raises:
        ValueError, LookupError: it is no such table, or lacks the claim.
    """
    rows = {row["quantity"]: row for row in read_rows(table) if row["claim"] == claim and not row["fold"]}
    values = {name: float(row["value"]) if row["value"] else None for name, row in rows.items()}
    numbers = {name: values.get(quantity) for quantity, name in NUMBERS.items()}
    return values["n"], numbers | {"verdict": rows["verdict_at_level"]["verdict"]}
