"""Takes the entries of a configuration of regsync into a catalogue: as they are, but for short names; logins never."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ops.catalogue.checks import check
from ops.catalogue.document import Document, Item
from ops.catalogue.edits import with_entries
from ops.catalogue.model import Problem, Surroundings
from ops.catalogue.names import name_of
from ops.catalogue.wishes import own_name
from ops.config import MIRROR_TARGET, UPSTREAM_LOGINS

_NAMES = ("source", "target")
_INSIDE = f"{MIRROR_TARGET}/"


@dataclass(frozen=True)
class Import:
    """What becomes of a file's entries. Lines are those of that file.

    Attributes:
        document: The catalogue with those that were taken.
        taken: Their lines.
        renamed: Short names that were written in full, by line: what they were, and what they are.
        there: Lines of those that the catalogue has already.
        refused: What was not taken, by the line of what is wrong: why not, and what to do.
        notes: What else is not taken, and where it goes.
    """

    document: Document
    taken: list[int]
    renamed: dict[int, tuple[str, str]]
    there: list[int]
    refused: dict[int, str]
    notes: list[str]


def imported(document: Document, other: Document, around: Surroundings) -> Import:
    """Return a catalogue with the entries of another file.

    Args:
        document: The catalogue.
        other: The other file.
        around: What entries are checked against.

    Raises:
        EditError: There is no place for entries in the catalogue.
    """
    own = own_name(document, around.registries)
    refused: dict[int, tuple[int, str]] = {}
    for problem in reversed(check(other, _with_inside(other, around))):
        if problem.severe and problem.entries:
            refused[max(problem.entries)] = problem.line, _told(problem)
    known = {_key(item.values, own) for item in document.entries}
    fitting = [item for item in other.entries if item.index not in refused]
    new = [item for item in fitting if _key(item.values, own) not in known]
    combined = with_entries(document, [_in_full(item, own) for item in new])
    for problem in check(combined, around):
        places = [place - len(document.entries) for place in problem.entries if place >= len(document.entries)]
        if problem.severe and places:
            refused[new[max(places)].index] = new[max(places)].line, _told(problem)
    taken = [item for item in new if item.index not in refused]
    full = {item.line: (item.text("source"), _full(item.values, "source")) for item in taken}
    return Import(
        with_entries(document, [_in_full(item, own) for item in taken]) if len(taken) < len(new) else combined,
        [item.line for item in taken],
        {line: names for line, names in full.items() if names[0] != names[1]},
        [item.line for item in fitting if _key(item.values, own) in known],
        dict(sorted(refused.values())),
        [*_inside(other, own), *_logins(other), *_defaults(document, other)],
    )


def _told(problem: Problem) -> str:
    return f"{problem.what}; {problem.remedy}"


def _in_full(item: Item, own: str | None) -> dict[str, Any]:
    """Return what an entry says, with its source in full. Only Docker Hub has short names, and templates are left alone."""
    return item.values | {"source": _full(item.values, "source"), "target": _renamed(item.values.get("target"), own)}


def _renamed(target: Any, own: str | None) -> Any:
    """Return a target with the name that clients know this registry by, if that is known."""
    within = own and isinstance(target, str) and target.startswith(_INSIDE)
    return f"{own}/{target.removeprefix(_INSIDE)}" if within else target


def _names_inside(other: Document) -> bool:
    """Whether targets name the registry as containers do: those that `up` writes from the settings."""
    return any(item.text("target").startswith(_INSIDE) for item in other.entries)


def _with_inside(other: Document, around: Surroundings) -> Surroundings:
    known = around.registries and _names_inside(other)
    return replace(around, registries=around.registries | {MIRROR_TARGET}) if known else around


def _full(values: Mapping[str, Any], key: str) -> Any:
    given = values.get(key)
    if values.get("type") == "registry" or not isinstance(given, str):
        return given
    try:
        full = str(name_of(given))
    except ValueError:
        return given
    return full


def _key(values: Mapping[str, Any], own: str | None) -> tuple[Any, ...]:
    renamed = {**values, "target": _renamed(values.get("target"), own)}
    return (values.get("type"), *(_full(renamed, key) for key in _NAMES))


def _inside(other: Document, own: str | None) -> list[str]:
    if own or not _names_inside(other):
        return []
    return [f"targets name {MIRROR_TARGET}, which only containers know; undo this, and import it with --registry NAME"]


def _logins(other: Document) -> list[str]:
    notes = []
    creds = other.rest.get("creds")
    for login in creds if isinstance(creds, list) else []:
        if not isinstance(login, Mapping) or not any(login.get(key) for key in ("user", "pass", "credHelper")):
            continue
        registry = str(login.get("registry", "a registry"))
        if registry == MIRROR_TARGET:
            continue  # of the mirror itself
        settings = UPSTREAM_LOGINS.get(registry)
        if settings:
            commands = " and ".join(f'`make pulumi ARGS="config set --secret {name}"`' for name in settings)
            notes.append(f"the login at {registry} is not taken; passwords are secrets of the stack: {commands}")
        else:
            keys = (f"""'upstream_logins["{registry}"].{part}'""" for part in ("user", "token"))
            commands = " and ".join(f"`pulumi config set --secret --path {key}`" for key in keys)
            notes.append(f"the login at {registry} is not taken; passwords are secrets of the stack: {commands}")
    return notes


def _defaults(document: Document, other: Document) -> list[str]:
    theirs, ours = (one.rest.get("defaults") or {} for one in (other, document))
    if not isinstance(theirs, Mapping) or not isinstance(ours, Mapping):
        return []
    missing = [key for key, value in theirs.items() if ours.get(key) != value]
    return [f"defaults are not taken: {', '.join(missing)}; write those you want into {document.name}"] if missing else []
