"""Reads an entry, and says what is wrong with it by itself: its keys, names and patterns, each with its line and a remedy."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ops.catalogue.document import Item
from ops.catalogue.entry import OURS, Entry, read
from ops.catalogue.model import Checked, Problem, Surroundings, Whole
from ops.catalogue.names import Name, filled_in, is_folder, is_registry, name_of
from ops.catalogue.rules import of_entry
from ops.catalogue.spelling import of_spelling
from ops.config import HUB, HUB_HOST, describe_fault

# How alike a key and a known one must be for it to be meant: fastCopy and fastCheck are.
_CLOSE = 0.55
_UNKNOWN = "extra_forbidden"
# https://docs.docker.com/docker-hub/: it is too large for that.
_LISTS_NOTHING = (HUB, HUB_HOST)
_SHOULD_BE = {
    "tuple_type": "a list",
    "model_type": "keys with values",
    "dict_type": "keys with values",
    "string_type": "text",
    "int_parsing": "a number",
}


def checked(item: Item, around: Surroundings) -> Checked:
    """Check an entry by itself."""
    problems = list(of_spelling(item))
    if item.node.kind != "mapping":
        remedy = "write it as keys with values: source, target and type"
        return Checked(item, [*problems, Problem(item.line, "is no entry", remedy, (item.index,))])
    entry = _entry(item, problems)
    if entry is None:
        return Checked(item, problems)
    names = {key: _name(item, key, entry, around, problems) for key in ("source", "target")}
    result = Checked(item, problems, entry, names["source"], names["target"], _whole(item, entry, around))
    problems += of_entry(result, around)
    return result


def _entry(item: Item, problems: list[Problem]) -> Entry | None:
    """Return an entry without its unknown keys, which are told, or tell why it is none."""
    try:
        return read(item.values)
    except ValidationError as error:
        faults = error.errors(include_url=False)
    problems += [_of_model(item, fault) for fault in faults]
    unknown = {fault["loc"] for fault in faults if fault["type"] == _UNKNOWN}
    if len(unknown) < len(faults):
        return None
    try:
        return read(_without(item.values, unknown))
    except ValidationError as error:  # a block that has nothing without them
        problems += [_of_model(item, fault) for fault in error.errors(include_url=False)]
    return None


def _without(value: Any, paths: Collection[tuple[str | int, ...]], path: tuple[str | int, ...] = ()) -> Any:
    match value:
        case dict():
            return {key: _without(inner, paths, (*path, key)) for key, inner in value.items() if (*path, key) not in paths}
        case list():
            return [_without(inner, paths, (*path, number)) for number, inner in enumerate(value)]
    return value


def _of_model(item: Item, fault: ErrorDetails) -> Problem:
    path, where, told = fault["loc"], (item.index,), describe_fault(fault)
    if fault["type"] == _UNKNOWN:
        return _unknown_key(item, path)
    if fault["type"] == "missing":
        return Problem(item.line_of(*path[:-1]), told, f"add {path[-1]}:", where)
    if fault["type"] in _SHOULD_BE:
        told = f"{told.partition(': ')[0]}: should be {_SHOULD_BE[fault['type']]}"
    got = fault.get("input")
    shown = f" (it is {str(got)!r})" if isinstance(got, str) and repr(str(got)) not in told else ""
    return Problem(item.line_of(*path), f"{told}{shown}", f"correct {path[0]}", where)


def _unknown_key(item: Item, path: tuple[str | int, ...]) -> Problem:
    """Whatever is like a known key is severe: what was meant does not happen."""
    known, ours = _keys_at(Entry, path[:-1]), path[0] == OURS
    close = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=_CLOSE)
    remedy = f"write {close[0]}" if close else f"it must be one of {', '.join(known)}; or begin with x-"
    what = f"{'.'.join(map(str, path))}: {'unknown key' if ours else 'is no key of regsync, which ignores it'}"
    return Problem(item.line_of(*path), what, remedy, (item.index,), severe=ours or bool(close))


def _keys_at(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """Return the keys that may stand where a path leads to."""
    for step in path:
        if isinstance(step, str):
            found = next((one for name, one in model.model_fields.items() if step in {one.alias, name}), None)
            model = next((one for one in _types(found.annotation if found else None) if issubclass(one, BaseModel)), model)
    return [one.alias or name for name, one in model.model_fields.items()]


def _types(annotation: Any) -> Iterator[type[Any]]:
    if isinstance(annotation, type):
        yield annotation
    for inner in get_args(annotation):
        yield from _types(inner)


def _whole(item: Item, entry: Entry, around: Surroundings) -> Whole | None:
    source, target = (filled_in(item.text(key), around.environment) for key in ("source", "target"))
    if entry.type != "registry" or source is None or target is None:
        return None
    registry, _, path = target.partition("/")
    return Whole(source, registry, f"{path}/" if path else "")


def _name(item: Item, key: str, entry: Entry, around: Surroundings, problems: list[Problem]) -> Name | None:
    text = item.text(key)
    line, where = item.line_of(key), (item.index,)
    plain = filled_in(text, around.environment)
    if plain is None:
        return None
    if entry.type == "registry":
        registry, _, path = plain.partition("/")
        if not is_registry(registry):
            problems.append(Problem(line, f"{key} {plain!r} is no registry", "write it as registry.example.com", where))
        elif key == "source" and path:
            what, remedy = (
                f"source {plain!r} names more than a registry",
                f"write {registry}, and repos: {{allow: ['{path}/.*']}}",
            )
            problems.append(Problem(line, what, remedy, where))
        elif key == "source" and registry in _LISTS_NOTHING:
            what = f"{registry} lists its repositories to nobody"
            problems.append(Problem(line, what, "name its repositories, one entry each", where))
        return None
    if is_folder(plain):
        return None
    try:
        return name_of(plain)
    except ValueError as error:
        problems.append(Problem(line, f"{key} {error}", f"correct {key}", where))
    return None
