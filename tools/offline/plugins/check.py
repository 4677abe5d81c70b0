"""Validates inputs against a schema and fills in defaults, with the messages of the official plugins' bridge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tools.offline.plugins.resource import Checked, Failure
from tools.offline.plugins.schema import Property, Schema, is_empty
from tools.offline.plugins.values import UNKNOWN, Properties

DEFAULTS = "__defaults"
"""Where the bridge notes which inputs the program did not give."""


class _BadValueError(Exception):
    pass


def check(schema: Schema, name: str, inputs: Properties, olds: Properties, proposed_name: str) -> Checked:
    """Return the inputs as `diff` and `create` want them, and every fault of them.

    Args:
        schema: Of the resource.
        name: The resource's name in the program.
        inputs: As the program gives them.
        olds: The last checked inputs, for the name that was chosen then.
        proposed_name: The physical name to take otherwise.
    """
    failures: list[Failure] = []
    checked = _fields(schema, inputs, name, failures)
    for key, known in schema.items():
        chosen = olds.get(key) or proposed_name
        if known.named and key not in checked and chosen:
            checked[key] = chosen
            checked[DEFAULTS] = sorted([*checked[DEFAULTS], key])
    failures += [_missing(key, name) for key in _not_given(schema, checked)]
    return Checked(checked, failures)


def _fields(schema: Schema, inputs: Properties, where: str, failures: list[Failure]) -> Properties:
    checked: Properties = {}
    for key, value in inputs.items():
        known = schema.get(key)
        path = f"{where}.{key}"
        if key.startswith("__") or value is None:
            continue
        if known is None or known.output:
            failures.append(_failure("Invalid or unknown key", path))
            checked[key] = value
        elif not known.covered and (not is_empty(value) or value == {}):
            reason = f"`{key}` is not covered by the stand-in plugin, though the official one has it"
            failures.append(_failure(reason, path))
        else:
            checked[key] = _value(known, value, path, failures)
    missing = {key: known.default for key, known in schema.items() if known.default and key not in checked}
    return {**checked, **missing, DEFAULTS: sorted(missing)}


def _value(known: Property, value: Any, path: str, failures: list[Failure]) -> Any:
    if value is None or value is UNKNOWN:
        return value
    try:
        match known.kind:
            case "list" | "set":
                return _items(known, value, path, failures)
            case "object":
                return _object(known, value, path, failures)
            case "map":
                return _map(value)
        converted = _CONVERSIONS[known.kind](value)
    except _BadValueError as error:
        failures.append(_failure(str(error), path))
        return value
    reason = known.rule(converted) if known.rule else ""
    if reason:
        failures.append(_failure(reason, path))
    return converted


def _items(known: Property, value: Any, path: str, failures: list[Failure]) -> Any:
    assert known.item is not None  # noqa: S101  # of the schema, not of the input
    items = value if isinstance(value, list) else [value]
    return [_value(known.item, item, f"{path}[{index}]", failures) for index, item in enumerate(items)]


def _object(known: Property, value: Any, path: str, failures: list[Failure]) -> Any:
    if not isinstance(value, dict):
        raise _BadValueError("Attribute must be an object")
    schema = known.fields or {}
    checked = _fields(schema, value, path, failures)
    failures += [_missing(key, path) for key in _not_given(schema, checked)]
    return checked


def _map(value: Any) -> Any:
    if not isinstance(value, dict):
        raise _BadValueError("Attribute must be a map")
    return {key: item if item in (None, UNKNOWN) else _string(item) for key, item in value.items()}


def _string(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"{value}"
    raise _BadValueError("Attribute must be a string")


def _int(value: Any) -> int:
    if isinstance(value, bool):
        raise _BadValueError(f"Attribute must be a whole number, got {str(value).lower()}")
    try:
        return int(value)
    except (TypeError, ValueError):
        raise _BadValueError(f"Attribute must be a whole number, got {value}") from None


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise _BadValueError(f"cannot parse {value!r} as bool")


_CONVERSIONS = {"string": _string, "int": _int, "bool": _bool}


def _not_given(schema: Schema, checked: Properties) -> Iterator[str]:
    return (key for key, known in schema.items() if known.required and key not in checked)


def _missing(key: str, where: str) -> Failure:
    reason = f'Missing required argument. The argument "{key}" is required, but no definition was found.'
    return _failure(reason, f"{where}.{key}")


def _failure(reason: str, path: str) -> Failure:
    return Failure(f"{reason}. Examine values at '{path}'.")
