"""Compares checked inputs with a resource's state the way Terraform's plugin SDK plans, which the official plugin does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tools.offline.plugins.resource import Change, Difference
from tools.offline.plugins.schema import Property, Schema, is_empty
from tools.offline.plugins.values import UNKNOWN, Properties, is_known

_Changes = Iterator[tuple[str, Change]]
_PLAIN_KEY = re.compile(r"^\w+$")


def diff(schema: Schema, state: Properties, inputs: Properties, *, delete_first: bool) -> Difference:
    """Return what differs between a state and checked inputs."""
    changes = dict(
        change
        for key, known in schema.items()
        if not known.output and not keeps(known, state.get(key), inputs.get(key))
        for change in _value(known, key, state.get(key), inputs.get(key), replaces=known.replaces)
    )
    return Difference(changes, delete_first)


def same(known: Property, old: Any, new: Any) -> bool:
    """Return whether two values of a property mean the same."""
    return not any(_value(known, "", old, new, replaces=False))


def keeps(known: Property, old: Any, new: Any) -> bool:
    """Return whether a value that the program does not give leaves the old one in place.

    A failed creation leaves computed values out of the state; that they differ is what makes the next run replace it.
    """
    if known.empty_keeps and not new:
        return True
    return known.computed and new is None and old is not None


def _value(known: Property, path: str, old: Any, new: Any, *, replaces: bool) -> _Changes:
    if new is UNKNOWN or (known.kind != "object" and not is_known(new)):
        yield path, Change("ADD" if old is None else "UPDATE", replaces)
        return
    match known.kind:
        case "list" if isinstance(new, list) and new and old:
            yield from _list(known, path, old, new, replaces=replaces)
        case "set" if new and old:
            yield from _set(known, path, old, new, replaces=replaces)
        case "map" if old is not None:
            yield from _map(path, old, new or {}, replaces=replaces)
        case "object" if isinstance(new, dict) and old:
            yield from _object(known, path, old, new, replaces=replaces)
        case _ if known.computed and known.replaces and old is None and new is None:
            yield path, Change("ADD", replaces)
        case _ if _canonical(known, old) != _canonical(known, new):
            yield path, Change(_kind(known, old, new), replaces)


def _kind(known: Property, old: Any, new: Any) -> Any:
    if old is None or (isinstance(old, list | dict) and not old):
        return "ADD"
    # A switch that is not given is off.
    gone = (new is None or new in ([], {})) and not (known.kind == "bool" and known.default is False)
    return "DELETE" if gone else "UPDATE"


def _list(known: Property, path: str, old: list[Any], new: list[Any], *, replaces: bool) -> _Changes:
    assert known.item is not None  # noqa: S101
    for index in range(max(len(old), len(new))):
        at = f"{path}[{index}]"
        if index >= len(old):
            yield at, Change("ADD", replaces)
        elif index >= len(new):
            yield at, Change("DELETE", replaces)
        else:
            yield from _value(known.item, at, old[index], new[index], replaces=replaces)


def _set(known: Property, path: str, old: list[Any], new: list[Any], *, replaces: bool) -> _Changes:
    assert known.item is not None  # noqa: S101
    before = [_canonical(known.item, item) for item in old]
    after = [_canonical(known.item, item) for item in new]
    added = [index for index, item in enumerate(after) if item not in before]
    removed = [index for index, item in enumerate(before) if item not in after]
    # Some sets replace by their number of items alone, a fault of the official plugin that is not to be hidden.
    replaces = replaces and (known.item_changes_replace or len(added) != len(removed))
    for index in sorted({*added, *removed}):
        at = f"{path}[{index}]"
        if index in added and index in removed:
            yield from _value(known.item, at, old[index], new[index], replaces=replaces)
        else:
            yield at, Change("ADD" if index in added else "DELETE", replaces)


def _map(path: str, old: dict[str, Any], new: dict[str, Any], *, replaces: bool) -> _Changes:
    for key in sorted({*old, *new}):
        at = f"{path}.{key}" if _PLAIN_KEY.match(key) else f'{path}["{key}"]'
        if key not in old:
            yield at, Change("ADD", replaces)
        elif key not in new:
            yield at, Change("DELETE", replaces)
        elif old[key] != new[key]:
            yield at, Change("UPDATE", replaces)


def _object(known: Property, path: str, old: dict[str, Any], new: dict[str, Any], *, replaces: bool) -> _Changes:
    for key, field in (known.fields or {}).items():
        if not (field.computed and new.get(key) is None):
            yield from _value(field, f"{path}.{key}", old.get(key), new.get(key), replaces=replaces)


def _canonical(known: Property, value: Any) -> Any:
    """Return a value in which what means the same is the same: order of sets, zero values, left-out defaults."""
    if is_empty(value):
        return None
    match known.kind:
        case "list" if known.item:
            return [_canonical(known.item, item) for item in value]
        case "set" if known.item:
            return sorted((_canonical(known.item, item) for item in value), key=repr)
        case "object":
            found = {key: _canonical(field, value.get(key, field.default)) for key, field in (known.fields or {}).items()}
            return {key: item for key, item in found.items() if item is not None}
    return value
