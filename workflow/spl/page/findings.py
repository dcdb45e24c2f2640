"""README and ``docs/findings.md``: their verdicts, generated from committed tables of claims between markers."""

from __future__ import annotations

import hashlib
import io
import re
import textwrap
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from spl.analysis.claims import (
    BETWEEN_LOOKS,
    CONTRADICTED,
    NOT_RUN,
    OUT_OF_REGIME,
    REGIME_UNKNOWN,
    SUPPORTED,
    TOO_FEW_FOLDS,
    UNDECIDED,
)
from spl.attempts.plain_file import check_columns, read_plain, write_note
from spl.errors import InputError
from spl.paper.claims import CLAIMS
from spl.study.base import SLUG
from spl.tables.claims import NOTHING, REGIME, printed_claim, regime_note
from spl.text.markdown import markdown
from spl.text.printable import brief

README, FINDINGS = Path("README.md"), Path("docs/findings.md")
PARTIAL = "partial"  # where Snakemake puts what it builds of an unfinished study
COMMITTED = Path("docs/findings")
TABLE = "-claims.csv"  # after the name of the study
WIDTH = 125  # of a line of the README
TESTED = (SUPPORTED, CONTRADICTED, UNDECIDED)
VERDICTS = (*TESTED, TOO_FEW_FOLDS, OUT_OF_REGIME, REGIME_UNKNOWN, NOT_RUN, BETWEEN_LOOKS)
COUNTS = {"runs": "runs by which its regime is measured", "low_basin_runs": "runs that show the low basin"}
BLOCK = re.compile(r"(?P<start><!-- claims(?: (?P<study>[\w-]+))? -->\n).*?(?P<end><!-- /claims -->)", re.DOTALL)


@dataclass(frozen=True)
class CommittedClaims:
    """A committed table of claims.

    Attributes:
        study: name of the study.
        cells: the printed cells of each claim of the catalogue, by column.
        levels: of the looks at which registered claims were tested.
        regime: what the gate measured, in words.
        measured: by experiment, how many runs it measured, and how many the share of the low basin is of.
    """

    study: str
    cells: dict[str, dict[str, str]]
    levels: dict[str, float]
    regime: str
    measured: dict[str, dict[str, float]]


def read_claims(content: bytes, study: str, path: Path) -> CommittedClaims:
    """Read the tidy form of a table of claims.

    Args:
        content: of the file.
        study: its name.
        path: names the file in messages.

    Raises:
        InputError: it is none, or of another catalogue of claims.
    """
    try:
        check_columns(content)
        tidy = pd.read_csv(io.BytesIO(content))
        of_claims = tidy[tidy["fold"].isna() & ~tidy["claim"].str.startswith(REGIME)]
        if other := sorted(set(of_claims["claim"]) ^ CLAIMS.keys()):
            raise InputError(
                f"{path}: {brief(other[0])}: not in both the table and the catalogue; `snakemake claims` makes it again"
            )
        experiments = tidy["claim"][tidy["claim"].str.startswith(REGIME)].str.removeprefix(REGIME)
        if not (experiments.str.fullmatch(SLUG).all() and of_claims["verdict"].dropna().isin(VERDICTS).all()):
            raise ValueError("expected names of experiments, and the verdicts that there are")  # they are printed
        values = of_claims.pivot(index="claim", columns="quantity", values="value")  # noqa: PD010 - a pivot table would average duplicates
        verdicts = of_claims.dropna(subset="verdict").set_index("claim")["verdict"]
        numbers = {str(name): dict(zip(values.columns, row, strict=True)) for name, *row in values.itertuples()}
        cells = {name: printed_claim(asdict(claim), numbers[name], verdicts[name]) for name, claim in CLAIMS.items()}
        levels = {
            name: float(of_claim["verdict_at_level"])
            for name, of_claim in numbers.items()
            if of_claim["registered"] and verdicts[name] in TESTED
        }
        counted = tidy[tidy["claim"].str.startswith(REGIME) & tidy["quantity"].isin(COUNTS)]
        measured: dict[str, dict[str, float]] = {name: {} for name in experiments}
        for name, quantity, value in counted[["claim", "quantity", "value"]].itertuples(index=False):
            measured[name.removeprefix(REGIME)][quantity] = value
        return CommittedClaims(study, cells, levels, regime_note(tidy), measured)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):  # as the cells of other tables raise
        raise InputError(f"{path}: expected a table of claims as `snakemake claims` makes it") from None


def claims_table(table: CommittedClaims) -> str:
    """The claims of a study as Markdown, what its gate measured, and folded the claims that are not run."""
    cells = {
        name: {
            column: f"**{markdown(text)}**" if column == "claim" and CLAIMS[name].primary else markdown(text)
            for column, text in row.items()
        }
        for name, row in table.cells.items()
    }
    not_run = [name for name, row in table.cells.items() if row["n"] == NOTHING and not CLAIMS[name].primary]
    shown = pd.DataFrame([row for name, row in cells.items() if name not in not_run])
    parts = [_printed(shown), markdown(table.regime)]
    if not_run:
        folded = pd.DataFrame([cells[name] for name in not_run])[["claim", "tested by"]]
        counted = f"{len(not_run)} claim{'s' if len(not_run) > 1 else ''}"
        parts += [f"<details><summary>Not run: {counted}</summary>", _printed(folded), "</details>"]
    return "\n\n".join(filter(None, parts))


def _printed(cells: pd.DataFrame) -> str:
    return cells.to_markdown(index=False, disable_numparse=True)


def claims_summary(table: CommittedClaims) -> str:
    """The verdict on the primary claim, and how many claims have which verdict, as an item of a list."""
    [primary] = [name for name, claim in CLAIMS.items() if claim.primary]
    cells = {column: markdown(text) for column, text in table.cells[primary].items()}
    look = (
        f" at the registered look at {cells['n']} folds (level {table.levels[primary]:g})"
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
    text = f"- **{markdown(table.study)}**: {found}. All {len(CLAIMS)} claims: {counted}."
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
            raise InputError(f"claims of {study}: expected {COMMITTED / study}{TABLE}")
        shown = claims_table(by_study[study]) if study else "\n".join(map(claims_summary, by_study.values()))
        return f"{match['start']}\n{shown}\n\n{match['end']}"

    return BLOCK.sub(block, text)


def study_of(results: Path) -> str:
    """The name of the study whose results a folder holds, or whose partial results: ``results/demo/partial``.

    Raises:
        InputError: the folder has no name that a study can have.
    """
    folder = results.absolute()  # of a link its own name, not that of a folder on a scratch disk
    name = (folder.parent if folder.name == PARTIAL else folder).name
    if not re.fullmatch(SLUG, name):
        raise InputError(f"{results}: expected the folder of a study's results, such as results/demo")
    return name


def write_findings(root: Path, results: Iterable[Path] = (), vouched: Mapping[Path, str] | None = None) -> list[Path]:
    """Write the verdicts into README and findings; returns the files that changed.

    Nothing is written before everything is read, and nothing through a link.

    Args:
        root: the folder of the project.
        results: folders of studies, such as ``results/demo``, whose table and figure of the regime are copied first; or
            ``results/demo/partial``, of a study that goes on.
        vouched: sha256 that files of these must have, as an audit has found them; None copies them as they are.

    Raises:
        InputError: one of these has no table or another one, not the one that was audited, or one that lacks a verdict
            of the committed one; or a folder of the findings is a link.
    """
    for folder in (FINDINGS.parent, COMMITTED):
        if (root / folder).is_symlink():
            raise InputError(f"{root / folder} is a link; expected a folder, since its files are written")
    tables, copies = dict[str, CommittedClaims](), dict[Path, bytes]()
    for folder in results:
        study, table = study_of(folder), folder / "tables/claims.csv"
        if not table.is_file():
            raise InputError(f"{table}: not found; `snakemake claims` makes it")
        copies[COMMITTED / f"{study}{TABLE}"] = content = _audited(table, vouched)
        tables[study] = read_claims(content, study, table)
        figure, committed = folder / "figures/regime.png", COMMITTED / f"{study}-regime.png"
        if figure.is_file():  # a study without a gate has none
            copies[committed] = _audited(figure, vouched)
        elif vouched is not None:  # it makes none, or an archive does not keep it
            _check_is(root / committed, vouched.get(figure), figure)
        _check_nothing_is_lost(root, tables[study], table)
    tables = {table.study: table for table in committed_claims(root, [*tables])} | tables
    before = {page: _read(root / page).decode() for page in (README, FINDINGS)}
    after = {page: with_claims(text, (tables[study] for study in sorted(tables))) for page, text in before.items()}
    changed = [page for page, text in after.items() if text != before[page]]
    for path, content in (copies | {page: after[page].encode() for page in changed}).items():
        write_note(root / path, content)
    return changed


def committed_claims(root: Path, but: Collection[str] = ()) -> list[CommittedClaims]:
    """All committed tables but those of some studies, by name of the study."""
    paths = {path.name.removesuffix(TABLE): path for path in (root / COMMITTED).glob(f"*{TABLE}")}
    return [read_claims(_read(path), name, path) for name, path in sorted(paths.items()) if name not in but]


def _check_nothing_is_lost(root: Path, new: CommittedClaims, table: Path) -> None:
    """Refuse a table that no longer tests a claim, or as a registered one, or is of fewer folds or runs of the gate."""
    committed = root / COMMITTED / f"{new.study}{TABLE}"
    if committed.is_symlink() or not committed.is_file():
        return
    try:
        before = read_claims(_read(committed), new.study, committed)
    except InputError:  # of another catalogue, or broken: it is to be replaced
        return
    for name, lost in _losses(before, new):
        raise InputError(f"{table}: {name}: {lost} in {committed}; remove that file first if this is right")


def _losses(before: CommittedClaims, new: CommittedClaims) -> Iterator[tuple[str, str]]:
    """What a table has less of than another one: by claim or experiment, what it says and the other said."""
    for name, cells in new.cells.items():
        was = before.cells[name]
        folds, had = (int(row["n"]) if row["n"] != NOTHING else 0 for row in (cells, was))
        if was["verdict"].startswith(TESTED) and not cells["verdict"].startswith(TESTED):
            yield name, f"{cells['verdict']}, but {was['verdict']}"
        elif folds < had:
            yield name, f"{folds} folds, but {had}"
        elif name in before.levels and name not in new.levels:
            yield name, "not registered, but registered"
    for experiment, counts in before.measured.items():
        for quantity, had_runs in counts.items():
            runs = new.measured.get(experiment, {}).get(quantity, 0)
            if runs < had_runs:
                yield experiment, f"{runs:.0f} {COUNTS[quantity]}, but {had_runs:.0f}"


def _audited(path: Path, vouched: Mapping[Path, str] | None) -> bytes:
    """The bytes of a result; somebody may have changed it since it was audited."""
    content = _read(path)
    if vouched is not None and hashlib.sha256(content).hexdigest() != vouched.get(path):
        raise InputError(f"{path}: was changed after it was audited; expected that nobody writes there meanwhile")
    return content


def _check_is(committed: Path, sha256: str | None, figure: Path) -> None:
    """Refuse a committed figure that is not the one beside the table; None if there is none."""
    found = hashlib.sha256(_read(committed)).hexdigest() if committed.is_file() else None
    if found != sha256:
        raise InputError(f"{figure}: not found; expected it, or {committed} to be of this table")


def _read(path: Path) -> bytes:
    try:
        return read_plain(path)
    except OSError as error:  # a pipe, a folder, or more than fits memory
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
