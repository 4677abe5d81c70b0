"""The inputs of the command plugin's resources: what is accepted, and how two sets of them differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tools.offline.plugins.resource import Change, Checked, Difference, Failure
from tools.offline.plugins.values import UNKNOWN, Properties, Secret


@dataclass(frozen=True)
class Shape:
    """What a resource, or an object among its inputs, takes.

    Attributes:
        name: As the official plugin names it in its messages, such as `local.CommandInputs`.
        types: By property: a type as the official plugin names it, or the shape of an object.
        required: Properties that must be given.
        not_covered: Properties that only the official plugin has.
    """

    name: str
    types: Mapping[str, str | Shape]
    required: tuple[str, ...] = ()
    not_covered: tuple[str, ...] = ()


STEPS: Mapping[str, str | Shape] = {
    "create": "string",
    "update": "string",
    "delete": "string",
    "stdin": "string",
    "logging": "string",
    "environment": "map[string]string",
    "triggers": "[]interface {}",
    "addPreviousOutputInEnv": "bool",
}
"""What every command takes."""

ANY = "any"
"""The type of what the resource checks itself."""

_KINDS: Mapping[str, Any] = {
    "string": str,
    "bool": bool,
    "int": int | float,
    "float64": int | float,
    "[]string": list,
    "[]interface {}": list,
    "map[string]string": dict,
}
_NUMBERS = ("int", "float64")
_GO_NAMES: Mapping[type, str] = {str: "string", bool: "bool", int: "float64", float: "float64", list: "[]interface {}"}


def check_inputs(shape: Shape, inputs: Properties) -> Checked:
    """Return the inputs as given, and what is wrong with them."""
    given = {name: value for name, value in inputs.items() if value is not None}
    return Checked(given, list(_failures(shape, given)))


def _failures(shape: Shape, inputs: Properties) -> Iterator[Failure]:
    for name, wanted in shape.types.items():
        if name in shape.required and inputs.get(name) is None:
            yield Failure(f"Missing required field '{name}' on '{shape.name}'", name)
        yield from _wrong_types(shape, name, wanted, inputs.get(name))
    for name in sorted(inputs.keys() - shape.types.keys()):
        if name in shape.not_covered:
            yield Failure(f"`{name}` is not covered by the stand-in plugin, though the official one has it", name)
        elif inputs[name] is not None:
            yield Failure(f"Unrecognized field '{name}' on '{shape.name}'", name)


def _wrong_types(shape: Shape, name: str, wanted: str | Shape, value: Any) -> Iterator[Failure]:
    if isinstance(value, Secret):
        value = value.value
    if value is UNKNOWN or value is None or wanted == ANY:
        return
    if not _is_a(wanted, value):
        got = _GO_NAMES.get(type(value), "map[string]interface {}")
        expected = wanted.name if isinstance(wanted, Shape) else wanted
        yield Failure(f"Field '{name}' on '{shape.name}' must be a '{expected}'; got '{got}' instead", name)
    elif isinstance(wanted, Shape):
        yield from _wrong_object(shape, name, list(_failures(wanted, value)))
    elif wanted == "map[string]string":
        for key, item in value.items():
            yield from _wrong_types(shape, f"{name}[{key}] value", "string", item)
    elif wanted == "[]string":
        for index, item in enumerate(value):
            yield from _wrong_types(shape, f"{name}[{index}]", "string", item)


def _is_a(wanted: str | Shape, value: Any) -> bool:
    if isinstance(wanted, Shape):
        return isinstance(value, dict)
    return isinstance(value, _KINDS[wanted]) and not (wanted in _NUMBERS and isinstance(value, bool))


def _wrong_object(shape: Shape, name: str, faults: list[Failure]) -> Iterator[Failure]:
    if faults:
        where = f"{shape.name.partition('.')[2]}.{name}"
        listed = "".join(f"\n\t{fault.property}: {fault.reason}" for fault in faults)
        yield Failure(f"An error occurred decoding '{where}': {len(faults)} failures decoding:{listed}", name)


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
            yield path, Change("UPDATE", _replaces(path))


def _entry(path: str, old: Any, new: Any) -> Iterator[tuple[str, Change]]:
    if old is None and new is not None:
        yield path, Change("ADD", _replaces(path))
    elif old is not None and new is None:
        yield path, Change("DELETE", _replaces(path))
    elif old is not None:
        yield from _compare(path, old, new)


def _replaces(path: str) -> bool:
    # Triggers that come or go as a whole replace even without the SDK asking for it.
    return path == "triggers"
