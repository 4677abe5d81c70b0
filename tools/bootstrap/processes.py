"""Whether a process that a file names still runs."""

from __future__ import annotations

import math

import psutil


def is_running(pid: int, name: str, *, started_by: float = math.inf) -> bool:
    """Return whether a live process has that id: a later program may have got the number by now, and a zombie is not alive.

    Args:
        pid: Its id.
        name: The program's name.
        started_by: The latest moment, in seconds since the epoch, at which it can have been started.
    """
    try:
        process = psutil.Process(pid)
        alive = process.status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
        return alive and process.name() == name and process.create_time() <= started_by
    except (psutil.NoSuchProcess, ValueError):
        return False
    except psutil.AccessDenied:
        return True
