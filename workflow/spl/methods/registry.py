"""The methods by name: each file of this folder that defines ``METHOD`` is one."""

from pathlib import Path

from spl.methods.method import Method
from spl.registry import Registry

METHODS: Registry[Method] = Registry("spl.methods", Path(__file__).parent, "METHOD")

module_of = METHODS.module_of
