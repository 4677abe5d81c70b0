"""Where alerts wait on disk until their messages are written, and when the last sign of life came from those who send them."""

from __future__ import annotations

import contextlib
import functools
import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from ops.config import ALERTS_FOLDER, HEARTBEAT_FILE, MOST_ALERT_FILES
from ops.core.files import write_atomic
from ops.events.alerts import Notification

# Alertmanager says every minute or two that alerts are evaluated. So much later, something in between does not work.
SILENT_S = 600.0
_UNREADABLE = ".unreadable"
_UNREADABLE_KEPT = 20
_STAMP_DIGITS = 15
_SUFFIX = ".json"


class InboxError(Exception):
    """Alerts cannot be stored now: the disk is full, or nobody has fetched those that wait. Nothing was stored."""


@dataclass(frozen=True)
class Heartbeat:
    """The signs of life of Prometheus and Alertmanager.

    Attributes:
        since: Since when they have come without a gap, in seconds since the epoch.
        last: When the last one came.
        expected: Since when the gateway has been there to take them.
        schema: Version of the format.
    """

    since: float = 0.0
    last: float = 0.0
    expected: float = 0.0
    schema: Literal[1] = 1

    def came_within(self, seconds: float, now: float) -> bool:
        """Whether the last one is no older than that. One in the future comes from a clock that was ahead."""
        return _within(self.last, seconds, now)

    def is_silent(self, now: float) -> bool:
        """Whether none has come for too long, though there was time for it."""
        return not self.came_within(SILENT_S, now) and not _within(self.expected, SILENT_S, now)


def _within(at: float, seconds: float, now: float) -> bool:
    return now - seconds <= at <= now + seconds


@functools.cache
def _notification_file() -> TypeAdapter[Notification]:
    return TypeAdapter(Notification)  # takes milliseconds, so only when a file is read


@functools.cache
def _heartbeat_file() -> TypeAdapter[Heartbeat]:
    return TypeAdapter(Heartbeat)


@dataclass(frozen=True)
class AlertInbox:
    """The folder of the gateway's data in which it keeps them.

    Attributes:
        data: The folder of the gateway's data.
        clock: Seconds since the epoch.
    """

    data: Path
    clock: Callable[[], float] = time.time

    @property
    def folder(self) -> Path:
        """Where notifications wait, one file each; their names sort in the order of arrival."""
        return self.data / ALERTS_FOLDER

    def post(self, notification: Notification) -> None:
        """Store a notification, or that a sign of life has come. It is on disk when this returns.

        Raises:
            InboxError: It could not be stored.
        """
        try:
            if notification.is_watchdog:
                self._beat()
                return
            if len(self._names()) >= MOST_ALERT_FILES:
                raise InboxError(f"{MOST_ALERT_FILES} wait in {self.folder} already; `regops notify` fetches them")
            name = f"{int(self.clock() * 1000):0{_STAMP_DIGITS}d}-{secrets.token_hex(4)}{_SUFFIX}"
            write_atomic(self.folder / name, json.dumps(asdict(notification)) + "\n", mode=0o600)
        except OSError as error:
            raise InboxError(f"{self.folder}: {error.strerror or error}") from error

    def waiting(self) -> Iterator[tuple[Path, Notification | None]]:
        """Yield what waits, in order of arrival; None instead of a file that cannot be read.

        Raises:
            OSError: The folder cannot be read.
        """
        for name in self._names():
            path = self.folder / name
            try:
                yield path, _notification_file().validate_python(json.loads(path.read_bytes()))
            except FileNotFoundError:
                continue  # another process was faster
            except (ValueError, RecursionError):
                yield path, None

    def oldest(self) -> float | None:
        """Return when the notification came that has waited longest, in seconds since the epoch; None if none waits."""
        names = self._names()
        digits = names[0].partition("-")[0] if names else ""
        return int(digits) / 1000 if digits.isdecimal() else None

    def finish(self, path: Path, *, readable: bool) -> None:
        """Remove a file whose messages are written; one that nobody can read is put aside.

        Raises:
            OSError: It cannot be removed.
        """
        if readable:
            path.unlink(missing_ok=True)
            return
        with contextlib.suppress(FileNotFoundError):
            path.replace(path.with_suffix(_UNREADABLE))
        for old in sorted(self.folder.glob(f"*{_UNREADABLE}"))[:-_UNREADABLE_KEPT]:
            old.unlink(missing_ok=True)

    def expect(self) -> None:
        """Note that signs of life should come from now on.

        Raises:
            InboxError: That could not be stored.
        """
        try:
            self._write(replace(self.heartbeat(), expected=self.clock()))
        except OSError as error:
            raise InboxError(f"{self.data}: {error.strerror or error}") from error

    def heartbeat(self) -> Heartbeat:
        """Return the signs of life; those of a stack that has had none if the file is missing or cannot be read."""
        try:
            return _heartbeat_file().validate_python(json.loads((self.data / HEARTBEAT_FILE).read_bytes()))
        except (OSError, ValueError, RecursionError):
            return Heartbeat()

    def _beat(self) -> None:
        now, known = self.clock(), self.heartbeat()
        goes_on = known.since <= now and known.came_within(SILENT_S, now)
        self._write(replace(known, since=known.since if goes_on else now, last=now))

    def _write(self, heartbeat: Heartbeat) -> None:
        write_atomic(self.data / HEARTBEAT_FILE, json.dumps(asdict(heartbeat)) + "\n")

    def _names(self) -> list[str]:
        try:
            return sorted(path.name for path in self.folder.iterdir() if path.suffix == _SUFFIX and not path.name.startswith("."))
        except FileNotFoundError:
            return []
