"""The job ``data``: a source's files are read and put into the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spl.data.registry import SOURCES
from spl.data.store import save_dataset


def write_dataset(parameter: Mapping[str, Any], inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Read a data set and write it as :func:`spl.data.store.save_dataset` does.

    Args:
        parameter: ``source``, key of :data:`spl.data.registry.SOURCES`, and ``options`` as the study sets them.
        inputs: the files or the folder that :meth:`spl.data.source.Source.locate` lists.
        outputs: ``images.safetensors`` and ``dataset.json`` in one folder, which is created.

    Raises:
        InputError: a file is absent, damaged or not what was published.
    """
    source, options, folder = SOURCES[parameter["source"]], parameter["options"], outputs[0].parent
    folder.mkdir(parents=True, exist_ok=True)
    classes = source.describe(inputs[0] if inputs else None, **options).classes
    save_dataset(parameter["source"], classes, source.read(*inputs, **options), folder)
