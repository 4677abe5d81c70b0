"""Answers from the ledger: the changes since a time, the state at a time, and the history of one tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.config import MOVING
from ops.tasks.changes.compare import repositories_changed
from ops.tasks.changes.ledger import Ledger
from ops.tasks.changes.model import Record, State
from ops.tasks.changes.report import SCHEMA, ChangesReport, line_of, record_as_json, shown_time


@dataclass(frozen=True)
class StateAt:
    """Which digest each tag pointed to at a time. `notice` says so if the ledger does not go back that far."""

    time: datetime
    state: State
    notice: str | None

    def text(self) -> str:
        """Return it for people: a line for each tag, in the form that clients accept."""
        lines = [f"note: {self.notice}"] if self.notice else []
        lines += [f"{repository}:{tag}@{digest}" for repository, tags in self.state.items() for tag, digest in tags.items()]
        return "".join(f"{line}\n" for line in lines)

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        repositories = {repository: dict(tags) for repository, tags in self.state.items()}
        return {
            "schema": SCHEMA,
            "time": self.time.isoformat(timespec="milliseconds"),
            "repositories": repositories,
            "notices": [self.notice] if self.notice else [],
        }


@dataclass(frozen=True)
class History:
    """All changes of one tag that the ledger has."""

    repository: str
    tag: str
    records: Sequence[Record]

    def text(self) -> str:
        """Return it for people."""
        if not self.records:
            return f"the ledger has nothing about {self.repository}:{self.tag}\n"
        return "".join(f"{line_of(record)}\n" for record in self.records)

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        changes = [record_as_json(record) for record in self.records]
        return {"schema": SCHEMA, "repository": self.repository, "tag": self.tag, "changes": changes}


def changes_since(ledger: Ledger, time: datetime, moving: Sequence[str] = MOVING) -> ChangesReport:
    """Look up the changes since a time.

    Args:
        ledger: Where.
        time: Since when.
        moving: Patterns of tags that move by design.

    Raises:
        LedgerError: The ledger cannot be read.
    """
    begins, state = ledger.begins(), ledger.state()
    added, removed = repositories_changed(ledger.state(max(time, begins or time)), state)
    notice = _horizon(begins, time)
    records, notices = ledger.since(time), [notice] if notice else []
    return ChangesReport(records, state, (), added, removed, notices, moving, ledger.moved_before(records))


def state_at(ledger: Ledger, time: datetime) -> StateAt:
    """Look up the state at a time.

    Raises:
        LedgerError: The ledger cannot be read.
    """
    return StateAt(time, ledger.state(time), _horizon(ledger.begins(), time))


def history(ledger: Ledger, reference: str) -> History:
    """Look up the history of `repository:tag`.

    Raises:
        ValueError: The text is not of that form.
        LedgerError: The ledger cannot be read.
    """
    repository, colon, tag = reference.rpartition(":")
    if not colon or not repository or not tag or "/" in tag:
        raise ValueError(f"{reference!r} should be repository:tag")
    return History(repository, tag, ledger.history(repository, tag))


def _horizon(begins: datetime | None, time: datetime) -> str | None:
    if begins is None:
        return "there is no ledger yet; `regops changes` starts it"
    return f"the ledger starts at {shown_time(begins)}" if time < begins else None
