"""`regops catalogue search`: what is mirrored already, and what the starter and the templates have of it."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.catalogue.selection import matching
from ops.catalogue.starter import STARTER, other_catalogue
from ops.cli.catalogue_files import DEFAULT, File, Opened
from ops.cli.catalogue_output import document_of, policies_of, tags_of
from ops.cli.printing import print_json
from ops.cli.say import say
from ops.cli.shared import Json
from ops.cli.tables import print_table

SEARCH_EXAMPLES = "Examples: `regops catalogue search postgres` · `regops catalogue search lscr.io --json`"


def search_(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A part of a source or target.")],
    *,
    file: File = DEFAULT,
    as_json: Json = False,
) -> None:
    """Search the entries, and the starter for what is not mirrored yet."""
    document = Opened.of(file, new=True).document
    here = matching(document, text)
    named = {item.text("source") for item in document.entries}
    there = [item for item in matching(other_catalogue(STARTER), text) if item.text("source") not in named]
    if as_json:
        print_json(
            {"file": str(file), "entries": [document_of(one) for one in here], STARTER: [document_of(one) for one in there]}
        )
        return
    rows = [(f":{item.line}", item.text("source"), tags_of(item), policies_of(item)) for item in here]
    rows += [(STARTER, item.text("source"), tags_of(item), policies_of(item)) for item in there]
    if rows:
        print_table(["where", "source", "tags", "policies"], rows)
    say(f"{len(here)} of {len(document.entries)} entries, and {len(there)} more in the starter")
    if there:
        say(f"`regops catalogue add --from starter SOURCE` adds one of those, such as {there[0].text('source')}")
