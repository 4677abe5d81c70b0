"""Whether a process recorded in a file is still running."""

from __future__ import annotations

import math

import psutil


def is_running(pid: int, name: str, *, started_by: float = math.inf) -> bool:
    """Return whether this process is alive: its id may have been reused by now, and a zombie does not count.

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
