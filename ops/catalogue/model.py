"""What a check is told, and what it tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from ops.catalogue.document import Item
from ops.catalogue.entry import Entry
from ops.catalogue.names import Name
from ops.config import Access, RepositoryPattern, describe_fault


@dataclass(frozen=True)
class Problem:
    """Something that is wrong.

    Attributes:
        line: Where, in the catalogue.
        what: What is wrong.
        remedy: What to do about it.
        entries: The entries that it is about, by their place in the list.
        severe: Whether the entry cannot be mirrored so, or not as it seems.
    """

    line: int
    what: str
    remedy: str
    entries: tuple[int, ...] = ()
    severe: bool = True

    def document(self) -> dict[str, Any]:
        """Return it for programs."""
        return {"line": self.line, "what": self.what, "remedy": self.remedy, "severe": self.severe}


@dataclass(frozen=True)
class Surroundings:
    """What an entry is checked against.

    Attributes:
        registries: What this registry is called in targets; without any, targets are not compared with it.
        into: Where in it entries may write; without any, everywhere.
        environment: Variables that templates want.
        of_host: Whether these are all that there are where it is mirrored, and not those of somebody's own machine.
        verifies: Whether signatures can be verified where it is mirrored, as far as that is known.
    """

    registries: frozenset[str] = frozenset()
    into: tuple[RepositoryPattern, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    of_host: bool = False
    verifies: bool = True

    @classmethod
    def of(cls, registries: Iterable[str], into: Iterable[str], environment: Mapping[str, str]) -> Surroundings:
        """Return what somebody has typed.

        Raises:
            ValueError: A pattern is none; the message says what would be.
        """
        patterns = tuple(into)
        for pattern in patterns:
            try:
                Access(repositories=pattern, actions=("push",))
            except ValidationError as error:
                raise ValueError(f"{pattern!r} {describe_fault(error.errors()[0]).partition(': ')[2]}") from None
        return cls(frozenset(registries), patterns, environment)


@dataclass(frozen=True)
class Whole:
    """What an entry of a whole registry copies, and where to.

    Attributes:
        source: The registry that it copies.
        registry: The one that it writes to.
        folder: Below what it writes there, with a slash at its end; empty for anywhere.
    """

    source: str
    registry: str
    folder: str


@dataclass(frozen=True)
class Checked:
    """An entry, as far as it could be read.

    Attributes:
        item: Where it stands.
        problems: What is wrong with it.
        entry: What it says; None if it is no entry of regsync's.
        source: The name of its source; None if it has none, a template hides it, or it is a whole registry.
        target: Likewise.
        whole: For a whole registry, what it copies; None if a template hides that.
    """

    item: Item
    problems: list[Problem]
    entry: Entry | None = None
    source: Name | None = None
    target: Name | None = None
    whole: Whole | None = None
