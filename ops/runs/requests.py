"""Takes requests: who asked for the task that runs, in the file that the console has written; and actions, which it describes."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ops.config import ACTION_REQUESTS, MAX_NAME, MAX_REQUEST_BYTES, REQUEST_FILE, ActionRequest, request_folder
from ops.core import exit_codes
from ops.stack.stack import Stack


class RequestError(Exception):
    """This was asked for and is not done; the message says why."""

    exit_code = exit_codes.INVALID


@dataclass(frozen=True)
class Asked:
    """Who asked for what this process runs, and the id that it gets in the history; empty where nobody has, and it may be any."""

    by: str = ""
    run: str = ""


_ASKED: ContextVar[Asked] = ContextVar("asked", default=Asked())  # noqa: B039  # it is immutable


@contextlib.contextmanager
def on_behalf_of(by: str, run: str) -> Iterator[None]:
    """Run tasks for somebody, in this block."""
    token = _ASKED.set(Asked(printable(by), run))
    try:
        yield
    finally:
        _ASKED.reset(token)


def asked() -> Asked:
    """Return for whom tasks run here."""
    return _ASKED.get()


def take(stack: Stack, task: str) -> str:
    """Return who has asked for a task, and remove the request; empty if nobody has.

    Whatever is in its place is removed and not followed: the console is a page, and may be somebody else's.
    """
    content = _taken(stack.root / request_folder(task) / REQUEST_FILE, 4 * MAX_NAME) or b""
    return printable(content[: 4 * MAX_NAME].decode(errors="replace"))


def take_action(stack: Stack) -> ActionRequest | None:
    """Return the action that was asked for, and remove the request; None if there is none.

    Raises:
        RequestError: It is none of the list, or is no file, or too large. It is gone.
    """
    path = stack.root / request_folder(ACTION_REQUESTS) / REQUEST_FILE
    if not os.path.lexists(path):
        return None
    content = _taken(path, MAX_REQUEST_BYTES)
    if content is None or len(content) > MAX_REQUEST_BYTES:
        raise RequestError(f"{path}: what was asked for is no file, or longer than {MAX_REQUEST_BYTES} bytes; it was dropped")
    try:
        return ActionRequest.model_validate_json(content)
    except ValidationError as error:
        # No word of it is repeated: this goes into messages, and to terminals.
        kinds = sorted({fault["type"] for fault in error.errors(include_url=False, include_input=False, include_context=False)})
        raise RequestError(f"{path}: what was asked for is on no list; it was dropped ({', '.join(kinds)})") from None


def printable(text: str) -> str:
    """Return a name as a short line without anything that a terminal obeys."""
    return "".join(one for one in text if one.isprintable()).strip()[:MAX_NAME]


def _taken(path: Path, limit: int) -> bytes | None:
    """Remove a file, and return the beginning of what it had, up to a byte more than the limit; None if it is no plain file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        handle = -1
    _remove(path)
    if handle < 0:
        return None
    try:
        return os.read(handle, limit + 1) if stat.S_ISREG(os.fstat(handle).st_mode) else None
    except OSError:
        return None
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except IsADirectoryError:
        shutil.rmtree(path, ignore_errors=True)  # while it is there, systemd would start the task again and again
    except OSError:
        return
