"""An audit in words: the tree from a figure down to the data, what is wrong, and what mends it."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from spl.provenance.seal import ROOT_FILE, Seal
from spl.provenance.verdicts import Node, Verdict

LOOKS: dict[Verdict, tuple[str, str]] = {
    "fresh": ("✓", "green"),
    "stale": ("~", "yellow"),
    "tampered": ("✗", "bold red"),
    "broken-chain": ("…", "yellow"),
    "orphan": ("?", "magenta"),
    "unrecorded": ("?", "red"),
    "missing": ("–", "red"),
}
SEALS = {
    "intact": "intact",
    "broken": "broken: {} not as sealed. If you made these anew, seal again; else somebody edited them",
    "absent": "none yet: snakemake all ends with it",
    "foreign": "not the published one",
}


def tree(nodes: Mapping[str, Node], tops: Iterable[str]) -> Group:
    """Nodes and what each was made from, one line each; what stands above already is not opened again.

    Args:
        nodes: by name.
        tops: names of those to begin with.
    """
    opened = set[str]()

    def grow(name: str, branch: Tree) -> None:
        node = nodes[name]
        again = name in opened and bool(node.upstream)
        twig = branch.add(_line(node, " (opened above)" if again else ""))
        if not again:
            opened.add(name)
            for one in node.upstream:
                grow(one, twig)

    roots = []
    for top in tops:
        root = Tree("", hide_root=True)
        grow(top, root)
        roots.append(root)
    return Group(*roots)


def problems(nodes: Iterable[Node]) -> list[RenderableType]:
    """A line for each node that is not fresh, and for each thing that a reader should know of a fresh one."""
    return [_line(node) for node in nodes if node.verdict != "fresh" or node.notes]


def _line(node: Node, after: str = "") -> Text:
    sign, colour = LOOKS[node.verdict]
    verdict = f"{node.verdict} ({', '.join(node.kinds)})" if node.kinds else node.verdict
    line = Text.assemble((f"{sign} ", colour), node.name, " ", (verdict, colour), (after, "dim"))
    more = [f"and {len(node.why) - WHY} more"] if len(node.why) > WHY else []
    if told := (*node.why[:WHY], *more, *node.notes):
        line.append(f": {'; '.join(told)}", "dim")
    return line


WHY = 3
"""Differences that are told of one node; JSON has them all."""


def summary(nodes: Iterable[Node], seal: Seal) -> str:
    """How many nodes have each verdict, and how the seal of all of the study is, in one line each."""
    counted = Counter(node.verdict for node in nodes)
    told = ", ".join(f"{counted[verdict]} {verdict}" for verdict in LOOKS if counted[verdict])
    several = f"{len(seal.changed)} manifests are"
    state = SEALS[seal.state].format(several if len(seal.changed) != 1 else f"{seal.changed[0]} is")
    return f"{told or 'nothing to audit'}\nseal {seal.digest[:12]}: {state}".replace("seal :", "seal:")


def repair(
    nodes: Iterable[Node],
    study: str,
    default: str,
    results: Path,
    remembered: bool,
    asked: Iterable[Path] = (),
    unsealed: Collection[str] = (),
) -> Iterator[str]:
    """The smallest commands after which all would be fresh, in order; none if all is.

    Args:
        nodes: of the whole audit.
        study: its file.
        default: the study that Snakemake takes if it is told none.
        results: folder of the study.
        remembered: whether Snakemake remembers here what it ran. Then it sees changed settings and code by itself.
        asked: a file of each job that was asked for; none for all of the study.
        unsealed: names of jobs whose manifests are not as they were sealed. What Snakemake remembers of them may be
            another truth; and as long as one of them seems fresh, the seal is left to the reader.
    """
    found = list(nodes)
    # The way on which nothing in a study is run, whoever wrote it.
    given = "" if study == default else f" --config {shlex.quote(f'study={_as_config(study)}')}"
    wanted = {name for node in found if node.verdict != "missing" for name in node.upstream}
    goal = " ".join(shlex.quote(str(path)) for path in asked) or "all"
    # What lies between two jobs that are forced at once is run, too, also if the first one makes the same bytes again.
    layers: list[list[str]] = []
    depth: dict[str, int] = {}
    for node in found:
        depth[node.name] = max((depth[one] for one in node.upstream), default=0)
        if _needs_force(node, wanted, remembered and node.name not in unsealed):
            layers += [[]] if depth[node.name] == len(layers) else []
            layers[depth[node.name]].append(shlex.quote(str(node.files[0])))
            depth[node.name] += 1
    if strays := [shlex.quote(str(path)) for node in found if node.verdict == "orphan" for path in node.files]:
        aside = shlex.quote(f"{results}-orphans")  # a person may still want them
        yield f"mkdir -p {aside} && mv --backup=numbered --target-directory={aside} -- {' '.join(strays)}"
    if not remembered and any(node.verdict not in ("missing", "orphan") for node in found):
        # What is here is what it would make, but for what follows.
        yield f"snakemake {goal} --touch --forceall{given}"
    for layer in layers:
        yield f"snakemake --force {' '.join(layer)}{given}"
    if any(node.verdict not in ("fresh", "orphan") for node in found):
        yield f"snakemake {goal}{given}"
        doubtful = any(node.verdict == "fresh" and node.name in unsealed for node in found)
        if not doubtful and (goal == "all" or (results / ROOT_FILE).exists()):
            yield f"spl seal {shlex.quote(str(results))}"


def _as_config(path: str) -> str:
    """A path as Snakemake's ``--config`` reads it, which takes values for YAML and strips quotes from their ends."""
    return path if re.fullmatch(r"[\w./][\w./ =+-]*\.ya?ml", path) else f" {json.dumps(path, ensure_ascii=False)} "


def _needs_force(node: Node, wanted: Container[str], remembered: bool) -> bool:
    """Whether Snakemake would leave a node as it is; what is missing, if all that reads it is there."""
    if node.verdict == "stale":
        return not remembered or bool({"env", "data"} & set(node.kinds))
    return node.verdict in ("tampered", "unrecorded") or (node.verdict == "missing" and node.name in wanted)


def as_json(nodes: Mapping[str, Node], seal: Seal, commands: Iterable[str]) -> dict[str, Any]:
    """The audit for programs."""
    return {
        "fresh": is_fresh(nodes.values()),
        "seal": {"state": seal.state, "digest": seal.digest, "changed": list(seal.changed)},
        "nodes": [
            {
                "name": node.name,
                "verdict": node.verdict,
                "kinds": list(node.kinds),
                "why": list(node.why),
                "notes": list(node.notes),
                "upstream": list(node.upstream),
                "files": [str(path) for path in node.files],
            }
            for node in nodes.values()
        ],
        "repair": list(commands),
    }


def is_fresh(nodes: Iterable[Node]) -> bool:
    """Whether every node is."""
    return all(node.verdict == "fresh" for node in nodes)


def matching(nodes: Mapping[str, Any], asked: str, results: Path) -> list[str]:
    """The names of the jobs that somebody means: by a file, a folder, or the last parts of a name.

    Args:
        nodes: jobs by name, with ``outputs``.
        asked: "fig4", "results/demo/figures/fig4.pdf", "runs/digits".
        results: folder of the study.
    """
    path = Path(asked)
    below = str(path.relative_to(results)) if path.is_relative_to(results) else asked.rstrip("/")
    if below == ".":
        return list(nodes)
    exact = [name for name, job in nodes.items() if name == below or path in job.outputs or path == job.manifest]
    return exact or [name for name in nodes if f"/{name}/".find(f"/{below}/") >= 0]


def run_line(node: Node, known: Mapping[str, Any]) -> Text:
    """A run behind a number: its error, what drew its labels and drove its training, and where it was made."""
    line = _line(node)
    line.append(
        f"\n    error {100 * known['error_last']:.2f} %; {known['labels']} labels drawn by seed {known['split_seed']} "
        f"(splits/{known['split']}.json), training seed {known['seed']}"
    )
    if made := node.manifest:
        commit = f"commit {made.repository.commit[:12]}" if made.repository else "no commit"
        dirty = " with uncommitted changes" if made.repository and made.repository.diff else ""
        job = f", SLURM job {made.slurm_job}" if made.slurm_job else ""
        line.append(
            f"\n    code {made.code.fingerprint[:12]} ({commit}{dirty}); {made.host}{job}, "
            f"{', '.join(made.hardware.gpus or [made.hardware.processor])}; {made.ended}",
            "dim",
        )
    return line
