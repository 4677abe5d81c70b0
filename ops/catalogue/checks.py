"""All that is wrong with a catalogue, by line."""

from __future__ import annotations

import difflib

from ops.catalogue.document import SYNC, Document
from ops.catalogue.model import Problem, Surroundings
from ops.catalogue.nodes import BYTE_ORDER_MARK, MERGE
from ops.catalogue.overlaps import overlaps
from ops.catalogue.problems import checked
from ops.catalogue.templates import of_templates

_KEYS = ("version", "creds", "defaults", SYNC)
_OTHERS = ("x-", MERGE)
_VERSION = "1"


def check(document: Document, around: Surroundings) -> list[Problem]:
    """Return what is wrong with a catalogue, the first line first."""
    all_ = [checked(item, around) for item in document.entries]
    problems = [problem for one in all_ for problem in one.problems]
    problems += [*_of_file(document), *of_templates(document, around), *overlaps(all_, document)]
    return sorted(problems, key=lambda problem: problem.line)


def _of_file(document: Document) -> list[Problem]:
    root = document.root
    if root is None or root.kind != "mapping":
        return []
    problems: list[Problem] = []
    if document.text.startswith(BYTE_ORDER_MARK):
        problems.append(Problem(1, "begins with a byte order mark, which regsync takes for a part of it", "save it without one"))
    seen = set[str]()
    for key, value in root.pairs:
        if key.text in seen:
            what = f"{key.text} is there twice; regsync reads the last"
            problems.append(Problem(key.line, what, "join the two", severe=key.text == SYNC))
        seen.add(key.text)
        if key.text not in _KEYS and not key.text.startswith(_OTHERS):
            close = difflib.get_close_matches(key.text, _KEYS, n=1)
            remedy = f"write {close[0]}" if close else f"it must be one of {', '.join(_KEYS)}; or begin with x-"
            problems.append(Problem(key.line, f"{key.text}: is no key of regsync, which ignores it", remedy, severe=bool(close)))
        if key.text == "version" and value.value() not in (None, _VERSION, "0"):
            problems.append(Problem(key.line, f"version {value.text}: regsync knows version 1", "write version: 1"))
    return problems
