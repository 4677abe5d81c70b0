"""What an entry's form has: its fields as text, what of them somebody has changed, and which of them a problem is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from ops.catalogue.document import Item
from ops.catalogue.entry import OURS
from ops.catalogue.errors import CatalogueError
from ops.catalogue.model import Problem
from ops.catalogue.wishes import Wishes

SOURCE, TARGET, TAGS, DENY, SEMVER, KEEP = "source", "target", "tags", "deny", "semver", "keep"
DIGEST_TAGS, REFERRERS = "digest_tags", "referrers"
# What is about the whole entry.
WHOLE = ""
_PATHS: Mapping[str, tuple[str, ...]] = {
    SOURCE: (SOURCE,),
    TARGET: (TARGET,),
    TAGS: ("tags", "allow"),
    DENY: ("tags", "deny"),
    SEMVER: ("tags", "semverRange"),
    KEEP: (OURS, "keep_last"),
    DIGEST_TAGS: ("digestTags",),
    REFERRERS: ("referrers",),
}


@dataclass(frozen=True)
class Fields:
    """The fields of an entry, as somebody types them; lists have one item a line.

    Attributes:
        source: What is copied.
        target: Where to; empty for the source's own path.
        tags: Patterns of tags to copy.
        deny: Patterns of tags among them to leave out.
        semver: Ranges of versions.
        keep: How many of the highest versions to keep; empty for all.
        digest_tags: Whether tags about images are copied, such as signatures; empty for as the upstream signs.
        referrers: Whether the OCI's referrers are; likewise.
    """

    source: str = ""
    target: str = ""
    tags: str = ""
    deny: str = ""
    semver: str = ""
    keep: str = ""
    digest_tags: str = ""
    referrers: str = ""

    @classmethod
    def of(cls, item: Item) -> Fields:
        """Return those of an entry, as it is written."""
        return cls(**{name: _text(_value(item.values, path)) for name, path in _PATHS.items()})

    def changed(self, base: Fields) -> tuple[str, ...]:
        """Return which fields differ from those of `base`."""
        return tuple(one.name for one in fields(self) if getattr(self, one.name) != getattr(base, one.name))

    def wishes(self, base: Fields) -> Wishes:
        """Return what somebody wants who has changed `base` to this.

        Raises:
            CatalogueError: What is to be kept is no number.
        """
        changed = self.changed(base)
        lists = {name: tuple(_lines(getattr(self, name))) if name in changed else None for name in (TAGS, DENY, SEMVER)}
        return Wishes(
            target=self.target.strip() or None if TARGET in changed else None,
            keep=_number(self.keep) if KEEP in changed else None,
            digest_tags=self.digest_tags if DIGEST_TAGS in changed else None,
            referrers=self.referrers if REFERRERS in changed else None,
            source=self.source.strip() if SOURCE in changed else None,
            **lists,
        )


def field_of(problem: Problem, item: Item) -> str:
    """Return which field a problem of an entry is about; `WHOLE` if it is about none of them alone."""
    by_name = [name for name, path in _PATHS.items() if problem.what.startswith((".".join(path), f"{path[-1]} "))]
    if by_name:
        return by_name[0]
    by_line = [name for name, path in _PATHS.items() if problem.line in _lines_of(item, path)]
    return by_line[0] if len(by_line) == 1 else WHOLE


def _lines_of(item: Item, path: tuple[str, ...]) -> Iterator[int]:
    value = _value(item.values, path)
    if value is not None:
        yield item.line_of(*path)
        yield from (item.line_of(*path, number) for number in range(len(value) if isinstance(value, list) else 0))


def _value(values: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = values
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def _lines(text: str) -> Iterator[str]:
    return (line for one in text.splitlines() if (line := one.strip()))


def _number(text: str) -> int:
    if not text.strip():
        return 0
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise CatalogueError(f"{text!r} is no number; leave it empty to keep all")
    return number
