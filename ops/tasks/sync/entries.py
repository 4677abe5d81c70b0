"""Reads the catalogue as what is mirrored: names in full, regsync's defaults filled in, problems as reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.catalogue.document import Document, Item
from ops.catalogue.entry import Entry, read
from ops.catalogue.model import Checked, Problem, Surroundings
from ops.catalogue.overlaps import overlaps
from ops.catalogue.problems import checked
from ops.catalogue.signed import defaults_of
from ops.catalogue.templates import unfilled
from ops.tasks.sync.model import Failure, MirrorEntry

# What regsync is told of an entry beside its source and target.
PASSED_ON = (
    "digest_tags",
    "referrers",
    "referrer_filters",
    "referrer_source",
    "referrer_target",
    "referrer_slow",
    "platform",
    "platforms",
    "force_recursive",
    "include_external",
    "backup",
    "media_types",
)
_DEFAULTS = frozenset(Entry.model_fields[name].alias or name for name in PASSED_ON)


def mirror_entries(document: Document, around: Surroundings) -> list[MirrorEntry]:
    """Return all entries of a catalogue. Those that cannot be mirrored as they are written say why."""
    every = [checked(item, around) for item in document.entries]
    problems: dict[int, list[Problem]] = {}
    for problem in [*(problem for one in every for problem in one.problems), *overlaps(every, document)]:
        if problem.severe:
            for index in problem.entries:
                problems.setdefault(index, []).append(problem)
    given = document.rest.get("defaults")
    defaults = {key: value for key, value in given.items() if key in _DEFAULTS} if isinstance(given, dict) else {}
    return [_entry(one, problems.get(one.item.index, []), defaults, document, around) for one in every]


def _entry(
    one: Checked, problems: list[Problem], defaults: Mapping[str, Any], document: Document, around: Surroundings
) -> MirrorEntry:
    item, source, target = one.item, one.source, one.target
    failure = _failure(one, problems, document, around)
    entry = one.entry
    if failure is None and source is not None:
        # A copy of one platform has another digest than what was signed.
        signed = {} if one.entry and one.entry.platform else defaults_of(source)
        entry = read({**signed, **defaults, **item.values})
    if failure is None and one.whole is not None:
        own, there = read({**defaults, **item.values}), one.whole.source
        return MirrorEntry(item.line, None, one.whole.folder.rstrip("/"), None, own, there, registry=there)
    tag = None
    if entry is not None and source is not None and target is not None and entry.type == "image":
        tag = target.tag or source.tag
    return MirrorEntry(item.line, source, target.repository if target else "", tag, entry, _written(item), failure)


def _failure(one: Checked, problems: list[Problem], document: Document, around: Surroundings) -> Failure | None:
    if problems:
        return Failure(f"{document.place(problems[0].line)}: {problems[0].what}", problems[0].remedy)
    where = document.place(one.item)
    if one.entry is not None and one.entry.type == "registry" and unfilled(one.item, around) is None:
        return None
    if one.source is None or one.target is None:
        what, remedy = unfilled(one.item, around) or ("names a folder, which is not mirrored", "name a registry's repository")
        return Failure(f"{where}: {what}", remedy)
    return None


def _written(item: Item) -> str:
    return item.text("source") or f":{item.line}"
