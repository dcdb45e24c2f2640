"""The data sources by name: each file of the folder ``sources`` that defines ``SOURCE`` is one."""

from pathlib import Path

from spl.data.source import Source
from spl.registry import Registry

SOURCES: Registry[Source] = Registry("spl.data.sources", Path(__file__).parent / "sources", "SOURCE")

module_of = SOURCES.module_of
