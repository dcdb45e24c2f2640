"""What a profile of Snakemake says about the site."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Mapping
from contextlib import chdir, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from spl.attempts.plain_file import read_plain
from spl.campaign.submission import check_site_resources
from spl.code.fingerprint import PROJECT
from spl.doctor.finding import Finding
from spl.errors import InputError

JOBS = 100  # the profile's own default


@dataclass(frozen=True)
class Site:
    """The resources that all jobs request in the same way; None where SLURM's default holds.

    Attributes:
        gpu: type of the GPUs.
        jobs: number that is submitted at a time.
        requests: what each run requests in place of what the study states, by Snakemake's names, if a number.
        directory: in which Snakemake works, if not where it is started.
    """

    account: str | None = None
    partition: str | None = None
    gpu: str | None = None
    jobs: int = JOBS
    requests: Mapping[str, int] = field(default_factory=dict)
    directory: Path | None = None


def site_of(
    resources: Mapping[str, object],
    gpu_type: object = None,
    jobs: object = JOBS,
    train: Mapping[str, object] | None = None,
) -> Site:
    """The site as Snakemake's default resources describe it.

    Args:
        resources: by name; Snakemake reads text among them as Python.
        gpu_type: of ``--config``; it wins over ``gpu_model``.
        jobs: number that is submitted at a time.
        train: resources that ``set-resources`` gives to the rule of training runs.
    """
    stated = {name: _text(value) for name, value in resources.items()}
    gpu = str(gpu_type) if gpu_type else stated.get("gpu_model")
    at_once = jobs if isinstance(jobs, int) else JOBS
    texts = {name: _text(value) for name, value in (train or {}).items()}
    requests = {name: int(text) for name, text in texts.items() if text.isdigit()}
    return Site(stated.get("slurm_account"), stated.get("slurm_partition"), gpu, at_once, requests)


def _text(value: object) -> str:
    raw = str(getattr(value, "raw", value))
    try:
        return str(ast.literal_eval(raw))
    except (ValueError, SyntaxError):
        return raw


def read_profile(name: str) -> tuple[Site, Finding]:
    """The site of a profile that Snakemake finds by its name, and which file that is.

    Raises:
        InputError: it is not YAML, or its values are not as Snakemake needs them.
    """
    found = _profile_file(name) or _profile_file(str(PROJECT / name))
    if found is None:
        return Site(), Finding(
            "profile", "error", f"{name}: not found from {Path.cwd()}", "start in the clone, or give the profile's path"
        )
    file = found
    try:
        content = yaml.safe_load(read_plain(file).decode()) or {}
        resources = _pairs(content.get("default-resources"))
        check_site_resources(resources)
        gpu_type = _pairs(content.get("config")).get("gpu_type")
        site = site_of(resources, gpu_type, content.get("jobs", JOBS), _of_train(content.get("set-resources")))
        if directory := content.get("directory"):
            site = replace(site, directory=Path(os.path.expandvars(directory)).expanduser())
    except (OSError, ValueError, TypeError, AttributeError, RuntimeError, yaml.YAMLError) as error:
        raise InputError(f"{file}: expected a profile of Snakemake: {' '.join(str(error).split())}") from error
    return site, Finding("profile", "ok", str(file))


def _profile_file(name: str) -> Path | None:
    """The file of a profile, where Snakemake finds it.

    Whoever imports Snakemake also lets Python import from a folder of Snakemake's below the present one, which may be
    in received results: so that folder is another while packages look for others that they can use, and then none.
    """
    with chdir(sys.prefix):
        from snakemake import PIP_DEPLOYMENTS_PATH
        from snakemake.cli import get_profile_dir
    with suppress(ValueError):
        sys.path.remove(PIP_DEPLOYMENTS_PATH)
    found = get_profile_dir(name)
    return Path(found[1]) if found else None


def _of_train(stated: Any) -> dict[str, object]:
    """``{train: {a: b}}`` or ``[train:a=b]``."""
    if isinstance(stated, Mapping):
        return _pairs(stated.get("train"))
    texts = (str(item).removeprefix("train:") for item in stated or () if str(item).startswith("train:"))
    return _pairs(list(texts))


def _pairs(stated: Any) -> dict[str, object]:
    """``{a: b}`` or ``[a=b]``, as profiles write both."""
    if isinstance(stated, Mapping):
        return {str(name): value for name, value in stated.items()}
    return {name: value for name, _, value in (str(item).partition("=") for item in stated or ())}
