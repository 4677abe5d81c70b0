"""Turns events into messages: what is known and what to send are written together, so nothing is lost or sent without cause."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from ops.config.notify import AlertRules, Severity
from ops.core.files import write_atomic
from ops.core.locks import lock
from ops.notify.message import Letter, Message
from ops.notify.outbox import Outbox, OutboxError, new_id
from ops.notify.policy import AlertEvent, KnownState, decide

_LOCK_LIMIT_S = 30.0
_MODE = 0o600


@dataclass(frozen=True)
class _Kept:
    """The state file: what is known, and letters that may not be in the outbox yet."""

    state: KnownState = field(default_factory=KnownState)
    unposted: tuple[Letter, ...] = ()
    schema: Literal[1] = 1


@functools.cache
def _kept_file() -> TypeAdapter[_Kept]:
    return TypeAdapter(_Kept)  # takes milliseconds, so only when a file is read


def tell(path: Path, outbox: Outbox, events: Sequence[AlertEvent], now: float, rules: AlertRules) -> tuple[Letter, ...]:
    """Decide which events to send, and post them; without events, post what has become due, such as reminders.

    Args:
        path: The state file.
        outbox: Where letters go; they are on disk when this returns.
        events: What is reported.
        now: In seconds since the epoch.
        rules: When to send what.

    Returns:
        The letters that were posted. Nothing has been sent yet: `ops.notify.delivery.flush` does that.

    Raises:
        OutboxError: The disk is full, or the files cannot be written. Report the same events again later.
        LockedError: Another process has held the file for half a minute.
    """
    try:
        with lock(path.with_name(f"{path.name}.lock"), "notify", patience=_LOCK_LIMIT_S):
            return _tell(path, outbox, events, now, rules)
    except OSError as error:
        raise OutboxError(f"cannot write the alert state to {path}", error) from error


def known(path: Path) -> KnownState:
    """Return what is known: what is broken, and since when.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not one of our files.
    """
    return _read(path).state


def _tell(path: Path, outbox: Outbox, events: Sequence[AlertEvent], now: float, rules: AlertRules) -> tuple[Letter, ...]:
    kept, notices = _load(path)
    state, messages = decide(kept.state, events, now, rules)
    letters = (*kept.unposted, *(Letter(message, now, new_id()) for message in (*notices, *messages)))
    if letters:
        _save(path, _Kept(state, letters))
        for letter in letters:
            outbox.post(letter)
    _save(path, _Kept(state))
    return letters


def _load(path: Path) -> tuple[_Kept, list[Message]]:
    """Read the state file; if it is unreadable, put it aside and say so."""
    try:
        return _read(path), []
    except FileNotFoundError:
        return _Kept(), []
    except (ValueError, RecursionError):
        aside = path.with_name(f"{path.name}.unreadable")  # keeps only the last one
        path.replace(aside)
    title = "The alert state could not be read"
    lines = (f"Where: {aside}", "Impact: open problems are reported once more; problems that ended in the meantime are not.")
    return _Kept(), [Message(title, lines, severity=Severity.WARNING)]


def _read(path: Path) -> _Kept:
    return _kept_file().validate_python(json.loads(path.read_bytes()))


def _save(path: Path, kept: _Kept) -> None:
    write_atomic(path, json.dumps(asdict(kept), indent=1) + "\n", mode=_MODE)
