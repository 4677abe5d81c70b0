"""The inputs of a command: what is accepted, and how two sets of them differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from offline.plugins.resource import Change, Checked, Difference, Failure
from offline.plugins.values import UNKNOWN, Properties, Secret

# As the official plugin names the types in its messages.
_TYPES: Mapping[str, str] = {
    "create": "string",
    "update": "string",
    "delete": "string",
    "stdin": "string",
    "dir": "string",
    "logging": "string",
    "interpreter": "[]string",
    "environment": "map[string]string",
    "triggers": "[]interface {}",
    "addPreviousOutputInEnv": "bool",
}
_NOT_COVERED = ("assetPaths", "archivePaths")
_KINDS: Mapping[str, Any] = {"string": str, "bool": bool, "[]string": list, "[]interface {}": list, "map[string]string": dict}
_GO_NAMES: Mapping[type, str] = {str: "string", bool: "bool", int: "float64", float: "float64", list: "[]interface {}"}


def check_inputs(inputs: Properties) -> Checked:
    """Return the inputs as given, and what is wrong with them."""
    given = {name: value for name, value in inputs.items() if value is not None}
    return Checked(given, list(_failures(given)))


def _failures(inputs: Properties) -> Iterator[Failure]:
    for name, value in inputs.items():
        if name in _NOT_COVERED:
            yield Failure(f"`{name}` is not covered by the stand-in plugin, though the official one has it", name)
        elif name not in _TYPES:
            yield Failure(f"Unrecognized field '{name}' on 'local.CommandInputs'", name)
        else:
            yield from _wrong_types(name, _TYPES[name], value)


def _wrong_types(name: str, wanted: str, value: Any) -> Iterator[Failure]:
    if isinstance(value, Secret):
        value = value.value
    if value is UNKNOWN or value is None:
        return
    if not isinstance(value, _KINDS[wanted]):
        got = _GO_NAMES.get(type(value), "map[string]interface {}")
        yield Failure(f"Field '{name}' on 'local.CommandInputs' must be a '{wanted}'; got '{got}' instead", name)
    elif wanted == "map[string]string":
        for key, item in value.items():
            yield from _wrong_types(f"{name}[{key}] value", "string", item)
    elif wanted == "[]string":
        for index, item in enumerate(value):
            yield from _wrong_types(f"{name}[{index}]", "string", item)


def compare(old: Properties, new: Properties) -> Difference:
    """Return every difference, down to single list items and map entries."""
    return Difference(dict(_compare("", old, new)))


def _compare(path: str, old: Any, new: Any) -> Iterator[tuple[str, Change]]:
    match old, new:
        case dict(), dict():
            for key in sorted({*old, *new}):
                yield from _entry(f"{path}.{key}" if path else key, old.get(key), new.get(key))
        case list(), list():
            for index in range(max(len(old), len(new))):
                before = old[index] if index < len(old) else None
                after = new[index] if index < len(new) else None
                yield from _entry(f"{path}[{index}]", before, after)
        case _ if old != new:
            yield path, Change("UPDATE")


def _entry(path: str, old: Any, new: Any) -> Iterator[tuple[str, Change]]:
    # Triggers that come or go as a whole replace even without the SDK asking for it.
    replaces = path == "triggers"
    if old is None and new is not None:
        yield path, Change("ADD", replaces)
    elif old is not None and new is None:
        yield path, Change("DELETE", replaces)
    elif old is not None:
        yield from _compare(path, old, new)
