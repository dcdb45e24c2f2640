"""README and ``docs/findings.md``: their verdicts, generated from committed tables of claims between markers."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from spl.analysis.claims import (
    BETWEEN_LOOKS,
    CONTRADICTED,
    NOT_RUN,
    OUT_OF_REGIME,
    SUPPORTED,
    TOO_FEW_FOLDS,
    UNDECIDED,
)
from spl.errors import InputError
from spl.paper.claims import CLAIMS
from spl.tables.claims import REGIME, printed_claim, regime_note
from spl.text.markdown import markdown

README, FINDINGS = Path("README.md"), Path("docs/findings.md")
PARTIAL = "partial"  # where Snakemake puts what it builds of an unfinished study
COMMITTED = Path("docs/findings")  # STUDY-claims.csv of each study
WIDTH = 125  # of a line of the README
TESTED = (SUPPORTED, CONTRADICTED, UNDECIDED)
VERDICTS = (*TESTED, TOO_FEW_FOLDS, OUT_OF_REGIME, NOT_RUN, BETWEEN_LOOKS)
BLOCK = re.compile(r"(?P<start><!-- claims(?: (?P<study>[\w-]+))? -->\n).*?(?P<end><!-- /claims -->)", re.DOTALL)


@dataclass(frozen=True)
class CommittedClaims:
    """A committed table of claims.

    Attributes:
        study: name of the study.
        cells: the printed cells of each claim of the catalogue, by column.
        levels: of the looks at which registered claims were tested.
        regime: what the gate measured, in words.
    """

    study: str
    cells: dict[str, dict[str, str]]
    levels: dict[str, float]
    regime: str


def read_claims(path: Path) -> CommittedClaims:
    """Read ``STUDY-claims.csv``, the tidy form of a table of claims.

    Raises:
        InputError: it is of another catalogue of claims.
    """
    tidy = pd.read_csv(path)
    of_claims = tidy[tidy["fold"].isna() & ~tidy["claim"].str.startswith(REGIME)]
    if set(of_claims["claim"]) != CLAIMS.keys():
        other = sorted(set(of_claims["claim"]) ^ CLAIMS.keys())
        raise InputError(f"{path}: {other[0]}: not in both the table and the catalogue; copy the table again")
    values = of_claims.pivot(index="claim", columns="quantity", values="value")  # noqa: PD010 - a pivot table would average duplicates
    verdicts = of_claims.dropna(subset="verdict").set_index("claim")["verdict"]
    numbers = {str(name): dict(zip(values.columns, row, strict=True)) for name, *row in values.itertuples()}
    cells = {name: printed_claim(asdict(claim), numbers[name], verdicts[name]) for name, claim in CLAIMS.items()}
    levels = {
        name: of_claim["verdict_at_level"]
        for name, of_claim in numbers.items()
        if of_claim["registered"] and verdicts[name] in TESTED
    }
    return CommittedClaims(path.name.removesuffix("-claims.csv"), cells, levels, regime_note(tidy))


def claims_table(table: CommittedClaims) -> str:
    """All claims of a study as Markdown, and what its gate measured."""
    cells = [
        {
            column: f"**{markdown(text)}**" if column == "claim" and CLAIMS[name].primary else markdown(text)
            for column, text in row.items()
        }
        for name, row in table.cells.items()
    ]
    printed = pd.DataFrame(cells).to_markdown(index=False, disable_numparse=True)
    return f"{printed}\n\n{markdown(table.regime)}".strip()


def claims_summary(table: CommittedClaims) -> str:
    """The verdict on the primary claim, and how many claims have which verdict, as an item of a list."""
    [primary] = [name for name, claim in CLAIMS.items() if claim.primary]
    cells = {column: markdown(text) for column, text in table.cells[primary].items()}
    look = (
        f" at the interim analysis of {cells['n']} folds (level {table.levels[primary]:g})"
        if primary in table.levels
        else ""
    )
    numbers = "" if cells["n"] == "–" else (
        f", with an effect of {cells['effect, interval']} points, n = {cells['n']}, p = {cells['p']} for the claim and "
        f"p = {cells['p, opposite']} for its opposite"
    )  # fmt: skip
    counts = Counter(markdown(of["verdict"]) for of in table.cells.values())
    ordered = sorted(counts, key=lambda printed: [not printed.startswith(verdict) for verdict in VERDICTS])
    counted = ", ".join(f"{counts[verdict]} {verdict}" for verdict in ordered)
    found = f"{markdown(CLAIMS[primary].text)}: *{cells['verdict']}*{look}{numbers}"
    text = f"- **{table.study}**: {found}. All {len(CLAIMS)} claims: {counted}."
    return textwrap.fill(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def with_claims(text: str, tables: Iterable[CommittedClaims]) -> str:
    """A page with new blocks: ``<!-- claims STUDY -->`` for the table of a study, ``<!-- claims -->`` for all verdicts.

    A block ends with ``<!-- /claims -->``.

    Raises:
        InputError: a block is of a study without a table.
    """
    by_study = {table.study: table for table in tables}

    def block(match: re.Match[str]) -> str:
        study = match["study"]
        if study and study not in by_study:
            raise InputError(f"claims of {study}: expected {COMMITTED / study}-claims.csv")
        shown = claims_table(by_study[study]) if study else "\n".join(map(claims_summary, by_study.values()))
        return f"{match['start']}\n{shown}\n\n{match['end']}"

    return BLOCK.sub(block, text)


def write_findings(root: Path, results: Iterable[Path] = ()) -> list[Path]:
    """Write the verdicts into README and findings; returns the files that changed.

    Args:
        root: the folder of the project.
        results: folders of studies, such as ``results/demo``, whose table and figure of the regime are copied first; or
            ``results/demo/partial``, of a study that goes on.

    Raises:
        InputError: one of these has no table.
    """
    for folder in results:
        table = folder / "tables/claims.csv"
        if not table.is_file():
            raise InputError(f"{table}: not found; `snakemake claims` makes it")
        study = (folder.parent if folder.name == PARTIAL else folder).resolve().name
        shutil.copyfile(table, root / COMMITTED / f"{study}-claims.csv")
        figure = folder / "figures/regime.png"
        if figure.is_file():  # a study without a gate has none
            shutil.copyfile(figure, root / COMMITTED / f"{study}-regime.png")
    tables = committed_claims(root)
    changed = []
    for page in (README, FINDINGS):
        before = (root / page).read_text(encoding="utf-8")
        after = with_claims(before, tables)
        if after != before:
            (root / page).write_text(after, encoding="utf-8")
            changed.append(page)
    return changed


def committed_claims(root: Path) -> list[CommittedClaims]:
    """All committed tables, by name of the study."""
    return [read_claims(path) for path in sorted((root / COMMITTED).glob("*-claims.csv"))]
