"""Templates in sources and targets whose variables are set nowhere, or that only regsync itself could fill in."""

from __future__ import annotations

from collections.abc import Iterator

from ops.catalogue.document import Document, Item
from ops.catalogue.entry import OURS
from ops.catalogue.model import Problem, Surroundings
from ops.catalogue.names import filled_in, variables

_KEYS = ("source", "target")


def of_templates(document: Document, around: Surroundings) -> Iterator[Problem]:
    """Yield which variables are not set, each where the first template stands that wants it, with all entries that do.

    Of a host all variables are known: what wants another one cannot be mirrored there. Elsewhere that is only doubtful.
    """
    wanted: dict[str, list[tuple[int, Item]]] = {}
    for item in document.entries:
        for key in _KEYS:
            for what in _unknown(item.text(key), around):
                wanted.setdefault(what, []).append((item.line_of(key), item))
    for what, places in wanted.items():
        entries = tuple(dict.fromkeys(item.index for _, item in places))
        severe = around.of_host and any(_is_on(item) for _, item in places)
        yield Problem(places[0][0], _told(what, around), _remedy(what, around), entries if severe else (), severe=severe)


def unfilled(item: Item, around: Surroundings) -> tuple[str, str] | None:
    """Return what is wrong with the templates of an entry, and what to do about it; None if nothing is."""
    for key in _KEYS:
        for what in _unknown(item.text(key), around):
            return _told(what, around), _remedy(what, around)
    return None


def _remedy(what: str, around: Surroundings) -> str:
    """Return what to do about a variable that is not set; of the empty name, about another template."""
    if not what:
        return "write the name in full"
    if around.of_host:
        return f"set sync.variables: {{{what}: …}} in the settings and run `up`, or write the name in full"
    return f"set {what} where regsync runs; where a stack mirrors it, as sync.variables: {{{what}: …}} in its settings"


def _told(what: str, around: Surroundings) -> str:
    if not what:
        return "has a template that is no {{ env … }}, which the mirror does not fill in"
    return f"${what} is {'set nowhere on the host' if around.of_host else 'not set'}, and a template wants it"


def _unknown(text: str, around: Surroundings) -> list[str]:
    """Return the variables of a text that are not set; the empty name for a template that has none."""
    if filled_in(text, around.environment) is not None:
        return []
    missing = [name for name in variables(text) if not around.environment.get(name)]
    return missing or ([""] if around.of_host else [])


def _is_on(item: Item) -> bool:
    ours = item.values.get(OURS)
    return not isinstance(ours, dict) or str(ours.get("enabled", "true")).lower() != "false"
