"""Reading a study from its YAML file.

No code from the file is run. Each mistake is reported on one line with the file, the key and what was expected.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from spl.errors import InputError
from spl.study.base import SLUG
from spl.study.checks import InconsistentStudyError, check_consistency, missing_calibrations
from spl.study.schema import Study
from spl.study.settings import NETWORK
from spl.text.printable import Lines, in_lines, printable

MERGE = "tag:yaml.org,2002:merge"
NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
# Digits of a number: Python prints no integers of thousands, and a float holds none of more than 300.
MOST_DIGITS = 100
# Bytes of a study, which take some ten seconds to read; ours have a few thousand.
MOST_OF_STUDY = 2**20


class _StrictLoader(yaml.SafeLoader):
    """YAML that refuses duplicate keys and ambiguous numbers, and reports the line of every mistake."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if node.tag in NUMBERS and len(node.value) > MOST_DIGITS:
            problem = f"{node.value[:20]}...: expected a number of at most {MOST_DIGITS} digits"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        try:
            value = super().construct_object(node, deep)
        except yaml.YAMLError:
            raise
        except Exception as error:  # Python's errors about malformed numbers and dates
            raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from error
        if isinstance(value, int | float) and (others := _other_readings(node.value, value)):
            problem = f"{node.value}: YAML reads this as {value}; write {value}{others}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key_node.tag == MERGE:
                problem = "<<: expected no merged mappings; write their keys out"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue  # refused below
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"'{key}' is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _other_readings(text: str, value: float) -> str:
    """What else people may mean by a number that YAML 1.1 counts in eights (010 is 8) or in sixties (1:30 is 90)."""
    if ":" in text:
        return ", or quotes around it"
    digits = text.replace("_", "")
    in_tens = int(digits) if re.fullmatch("[-+]?0[0-9]+", digits) else value
    return f" or {in_tens}" if in_tens != value else ""


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML mapping.

    Raises:
        InputError: the file is absent, a pipe, too large, is not YAML, is not a mapping or gives a key twice.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise InputError(f"{path}: cannot be read: expected a file")  # a pipe would be waited for
    try:
        content = yaml.load(_read(path).decode(), Loader=_StrictLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{path}{line}: {printable(str(error.problem))}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a mapping with the keys {', '.join(Study.model_fields)}")
    return content


def _read(path: Path) -> bytes:
    """The bytes of a study; no more than one has, since a file may have holes, or be endless."""
    with path.open("rb") as file:
        if len(content := file.read(MOST_OF_STUDY + 1)) > MOST_OF_STUDY:
            raise InputError(f"{path}: expected a study, of at most {MOST_OF_STUDY:,} bytes")
    return content


def read_study(path: Path) -> Study:
    """Read and check one study.

    Raises:
        InputError: one line for each mistake, naming file, key and what was expected.
    """
    return check_study(read_yaml(path), str(path))


def check_study(content: Mapping[str, Any], origin: str) -> Study:
    """Check parsed YAML and make it a study; ``origin`` names its file in messages.

    Raises:
        InputError: one line for each mistake, naming origin, key and what was expected.
    """
    try:
        study = Study.model_validate(dict(content))
        if lacking := missing_calibrations(study):
            raise InputError(_lines(origin, [f"{key}: {hint}" for key, hint in lacking.items()]))
        check_consistency(study)
    except ValidationError as error:
        raise InputError(_lines(origin, _described(content, error.errors()))) from None
    except InconsistentStudyError as error:
        raise InputError(_lines(origin, [f"{_shortened(error.key)}: {error.hint}"])) from None
    return study


def _lines(origin: str, mistakes: Iterable[str]) -> Lines:
    return in_lines(f"{origin}: {mistake}" for mistake in mistakes)


def _described(content: Mapping[str, Any], problems: Iterable[Any]) -> list[str]:
    """The mistakes of a study; whatever it lacks is told at once, also what it would be found to lack later."""
    problems = list(problems)
    lacking = [_key(problem) for problem in problems if problem["type"] == "missing"]
    found = [_describe(problem) for problem in problems if problem["type"] != "missing"]
    if not lacking:
        return found
    used = _datasets_in_use(content)
    if "datasets" in lacking and used:
        place = lacking.index("datasets")
        lacking[place : place + 1] = [f"datasets.{_shortened(name)}.source" for name in used]
    datasets = used | _mapping(content.get("datasets"))
    filled = {"name": "any", "title": "any", **content}
    filled["datasets"] = {name: {"source": "digits"} | _mapping(one) for name, one in datasets.items()}
    with suppress(ValidationError):
        later = missing_calibrations(Study.model_validate(filled))
        found += [f"{_shortened(key)}: {hint}" for key, hint in later.items()]
    needed = f"{', '.join(lacking)}: missing; every study needs {'it' if len(lacking) == 1 else 'them'}"
    return [needed, *found]


def _datasets_in_use(content: Mapping[str, Any]) -> dict[str, Any]:
    """The names of the data sets that the experiments of an unchecked study use, each without settings."""
    names = (_mapping(one).get("dataset") for one in _mapping(content.get("experiments")).values())
    return {name: {} for name in names if isinstance(name, str)}


def _mapping(value: Any) -> dict[Any, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


SCHEMES = ("balanced", "proportional", "random", "full")

_EXPECTATIONS = {
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "model_attributes_type": "expected a mapping",
    "list_type": "expected a list",
    "string_type": "expected text",
    "path_type": "expected the path of a folder",
    "bool_type": "expected yes or no",
    "bool_parsing": "expected yes or no",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "finite_number": "expected a finite number",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected at least {ge}",
    "less_than": "expected less than {lt}",
    "less_than_equal": "expected at most {le}",
    "multiple_of": "expected a multiple of {multiple_of}",
    "too_short": "expected at least {min_length} item",
    "string_pattern_mismatch": "expected {pattern}",
    "string_too_long": "expected at most {max_length} letters",
    "union_tag_not_found": f"expected a scheme: {', '.join(SCHEMES)}",
    "union_tag_invalid": f"unknown scheme; expected one of {', '.join(SCHEMES)}",
}
_PATTERNS = {SLUG: "lower-case letters, digits and dashes", NETWORK: "a network like wrn-28-2 or resnet-50"}


def _key(problem: Any) -> str:
    return ".".join(_shortened(part) for part in problem["loc"] if part not in (*SCHEMES, "[key]"))


def _describe(problem: Any) -> str:
    key = _key(problem)
    context = dict(problem.get("ctx", {}))
    if problem["type"] == "unknown_key":
        return f"{'.'.join(filter(None, [key, _shortened(context['key'])]))}: {context['hint']}"
    context["pattern"] = _PATTERNS.get(context.get("pattern", ""), "")
    known = _EXPECTATIONS.get(problem["type"])
    expectation = known.format(**context) if known else problem["msg"]
    got = "" if problem["type"] == "twice" else f", got {_shortened(problem['input'], _REPR.repr)}"
    return f"{key or 'the study'}: {expectation}{got}"


_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 60


def _shortened(value: Any, to_text: Callable[[Any], str] = str) -> str:
    """A value or a key in at most 60 characters, however large or nested it is."""
    text = to_text(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
