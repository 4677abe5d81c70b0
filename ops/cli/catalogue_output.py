"""Prints entries of a catalogue, what is wrong with them, and what an import has taken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError

from ops.catalogue.document import Document, Item
from ops.catalogue.entry import OURS, read
from ops.catalogue.imports import Import
from ops.catalogue.model import Problem
from ops.cli.printing import print_json
from ops.cli.say import say
from ops.cli.tables import print_table
from ops.core import exit_codes

_SHOWN = 10


def shown(item: Item) -> str:
    """Return an entry in a few words."""
    return f"{item.text('source')} -> {item.text('target')}"


def document_of(item: Item) -> dict[str, Any]:
    """Return an entry for programs; its keys are those of regsync. What cannot be read is shown as it is written."""
    try:
        values = read(item.values).model_dump(mode="json", by_alias=True, exclude_unset=True)
    except ValidationError:
        values = item.values
    return {"line": item.line, **values}


def print_entries(items: Sequence[Item], *, total: int, orphans: Sequence[str] = ()) -> None:
    """Print a line for each entry, and which repositories no entry names."""
    rows = [(item.line, item.text("source"), item.text("target"), tags_of(item), policies_of(item)) for item in items]
    print_table(["line", "source", "target", "tags", "policies"], rows)
    say(f"{len(items)} of {total} entries" if len(items) < total else f"{total} entries")
    if orphans:
        more = f" and {len(orphans) - _SHOWN} more" if len(orphans) > _SHOWN else ""
        say(f"in no entry, so that nothing updates them: {' '.join(orphans[:_SHOWN])}{more}")


def print_checked(document: Document, problems: Sequence[Problem], *, as_json: bool) -> int:
    """Print what is wrong with a catalogue, and return the exit code that says so."""
    severe = sum(one.severe for one in problems)
    if as_json:
        print_json({"file": document.name, "entries": len(document.entries), "problems": [one.document() for one in problems]})
    else:
        for one in problems:
            typer.echo(f"{document.place(one.line)}: {'' if one.severe else 'doubtful: '}{one.what}")
            typer.echo(f"  remedy: {one.remedy}")
        say(f"{len(document.entries)} entries, {_count(severe, 'problem')}, {_count(len(problems) - severe, 'doubt')}")
    if severe:
        return exit_codes.INVALID
    return exit_codes.WARNINGS if problems else exit_codes.OK


def print_imported(result: Import, file: Path, *, dry_run: bool, as_json: bool) -> int:
    """Print what an import has taken, and return the exit code that says so."""
    if as_json:
        print_json(
            {
                "taken": result.taken,
                "renamed": [{"line": line, "from": old, "to": new} for line, (old, new) in result.renamed.items()],
                "there": result.there,
                "refused": [{"line": line, "why": why} for line, why in result.refused.items()],
                "notes": result.notes,
            }
        )
    else:
        total = len(result.taken) + len(result.there) + len(result.refused)
        would = "would be " if dry_run else ""
        say(f"{_count(total, 'entry')}: {len(result.taken)} {would}taken into {file}")
        for old, new in dict.fromkeys(result.renamed.values()):
            say(f"  {old} is {new}")
        if result.there:
            say(f"  {len(result.there)} are there already")
        if result.refused:
            say(f"  {len(result.refused)} not taken:")
        for line, why in result.refused.items():
            say(f"    :{line}  {why}")
        for note in result.notes:
            say(f"  {note}")
        if result.taken and not dry_run:
            say("`regops catalogue undo` reverts this")
    return exit_codes.WARNINGS if result.refused else exit_codes.OK


def _count(number: int, what: str) -> str:
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number} {what if number == 1 else plural}"


def tags_of(item: Item) -> str:
    """Return which tags an entry means, in a few words; empty for a single image."""
    if item.values.get("type") == "image":
        return ""
    tags = item.values.get("tags")
    filters = tags if isinstance(tags, dict) else {}
    told = [" ".join(map(str, filters.get(key) or ())) for key in ("semverRange", "allow")]
    told += [f"not {' '.join(map(str, denied))}"] if (denied := filters.get("deny")) else []
    return " ".join(one for one in told if one) or ("several sets" if item.values.get("tagSets") else "all")


def policies_of(item: Item) -> str:
    """Return an entry's policies, in a few words."""
    ours = item.values.get(OURS)
    return ", ".join(f"{key} {value}" for key, value in ours.items()) if isinstance(ours, dict) else ""
