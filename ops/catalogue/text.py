"""How parts of a catalogue are written: as lines below each other, or in brackets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ops.catalogue.nodes import Plain

_STEP = 2
# Names that can be nothing but text, in YAML 1.1 and 1.2, in brackets and outside: with a slash it is no number and no date.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]*/[A-Za-z0-9._:@/-]*[A-Za-z0-9]")
_WORD = re.compile(r"[A-Za-z][A-Za-z_-]*")
_TAKEN = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})

_NUMBER = re.compile(
    r"[-+]?(?:0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?|\.inf|\.nan)"
    r"|[0-9]+(?::[0-5]?[0-9])+|[Tt]rue|TRUE|[Ff]alse|FALSE"
)
# Numbers that regsync gives back as they are written, where it wants text.
_AS_WRITTEN = re.compile(r"-?(?:0|[1-9][0-9]*)|-?(?:0|[1-9][0-9]{0,5})\.[0-9]*[1-9]|0[0-9]*[89][0-9]*|[0-9]+e[0-9]+|true|false")


def is_misread(text: str) -> bool:
    """Whether regsync reads another text, if there are no quotes around this one: 3.2 for 3.20, 8 for 010."""
    return bool(_NUMBER.fullmatch(text)) and not _AS_WRITTEN.fullmatch(text)


def scalar(value: str | None, *, flow: bool = False) -> str:
    """Return a scalar as YAML; text in single quotes, as most people write patterns, unless it needs none."""
    if value is None:
        return "null"
    if isinstance(value, Plain) and not flow and "\n" not in value:
        return value
    # In brackets, a colon ends a key for regsync, though a space should follow it.
    if (_NAME.fullmatch(value) and not (flow and ":" in value)) or (_WORD.fullmatch(value) and value.lower() not in _TAKEN):
        return value
    if isinstance(value, Plain) and re.fullmatch(r"[A-Za-z0-9.]+", value):
        return value
    if not value.isprintable():
        return json.dumps(value, ensure_ascii=False)
    return "'" + value.replace("'", "''") + "'"


def in_brackets(value: Any) -> str:
    """Return a value in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key, flow=True)}: {in_brackets(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(in_brackets, value)) + "]"
    return scalar(value, flow=True)


def lines_of_mapping(values: Mapping[str, Any], column: int) -> list[str]:
    """Return the lines of a mapping's pairs, which begin in a column."""
    lines = []
    for key, value in values.items():
        name = f"{' ' * column}{scalar(key)}:"
        if isinstance(value, Mapping) and value:
            lines += [name, *lines_of_mapping(value, column + _STEP)]
        elif isinstance(value, list) and value:
            lines += [name, *lines_of_list(value, column + _STEP)]
        else:
            lines.append(f"{name} {in_brackets(value) if isinstance(value, Mapping | list) else scalar(value)}")
    return lines


def lines_of_list(values: list[Any], column: int, within: int = _STEP) -> list[str]:
    """Return the lines of a list's items, whose dashes are in a column.

    Args:
        values: The items.
        column: Where the dashes are.
        within: How far from its dash an item begins.
    """
    lines = []
    for value in values:
        if isinstance(value, Mapping) and value:
            first, *rest = lines_of_mapping(value, column + within)
            lines += [f"{' ' * column}-{first[column + 1 :]}", *rest]
        else:
            told = in_brackets(value) if isinstance(value, Mapping | list) else scalar(value)
            lines.append(f"{' ' * column}-{' ' * (within - 1)}{told}")
    return lines
