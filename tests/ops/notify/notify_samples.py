"""What tests of notifications share: messages, a clock that is set, and a STAND-IN for services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ops.config.notify import Severity
from ops.notify.message import Action, Fingerprint, Letter, Message, report
from ops.notify.outbox import Outbox

HOUR, DAY = 3600.0, 86_400.0
NOON = 1_795_003_200.0  # 2026-11-18 12:00 UTC, a Wednesday


def gc_failed(severity: Severity = Severity.ERROR, subject: str = "") -> Message:
    """A message with everything in it."""
    return report(
        "Garbage collection failed",
        where="registry.example.com",
        since=NOON,
        impact="12 GB stay in use; pulls and pushes go on",
        details=["sweep: permission denied: blobs/sha256/ab"],
        severity=severity,
        fingerprint=Fingerprint("gc", "failed", subject),
        next_command="regops gc --dry-run",
        actions=[Action("Dashboard", "https://registry.example.com/grafana/d/registry")],
        run="20261118-120000-ab12",
    )


def letter(title: str, at: float = NOON, letter_id: str = "") -> Letter:
    """A short letter."""
    return Letter(Message(title), at, letter_id)


def outbox(folder: Path, *channels: str) -> Outbox:
    """An outbox for everything."""
    return Outbox(folder, dict.fromkeys(channels or ("phone",), Severity.INFO))


@dataclass
class StandInService:
    """A STAND-IN for a service: keeps what it is sent, or raises what it is told to."""

    got: list[Letter] = field(default_factory=list)
    trouble: Callable[[Letter], None] | None = None

    def send(self, sent: Letter) -> None:
        if self.trouble:
            self.trouble(sent)
        self.got.append(sent)

    @property
    def titles(self) -> list[str]:
        return [one.message.title for one in self.got]


@dataclass
class Clock:
    """A wall clock that tests set."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now
