"""Takes the request that a task was started for: who asked for it, in the file that the console has written."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from ops.config import MAX_NAME, REQUEST_FILE, request_folder
from ops.stack.stack import Stack


def take(stack: Stack, task: str) -> str:
    """Return who has asked for a task, and remove the request; empty if nobody has.

    Whatever is in its place is removed and not followed: the console is a page, and may be somebody else's.
    """
    path = stack.root / request_folder(task) / REQUEST_FILE
    name = _read(path)
    with contextlib.suppress(OSError):
        path.unlink()
    return name


def _read(path: Path) -> str:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        content = os.read(handle, 4 * MAX_NAME) if stat.S_ISREG(os.fstat(handle).st_mode) else b""
    except OSError:
        return ""
    finally:
        os.close(handle)
    return "".join(one for one in content.decode(errors="replace") if one.isprintable()).strip()[:MAX_NAME]
