"""Whether this host starts a stack's tasks by itself: by systemd timers, or by cron."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from pathlib import Path

from ops.host.units import SYSTEMD
from ops.runs.due import COMMANDS, PERIODS_S
from ops.stack.stack import Stack

UNITS, CRON = Path("/etc/systemd/system"), Path("/etc/cron.d/private-registry")


def timers(stack: Stack, *, units: Path = UNITS, cron: Path = CRON, systemd: bool | None = None) -> Mapping[str, bool]:
    """Return the tasks that this host should start, and whether it will; none on hosts that start nothing, like a laptop.

    Args:
        stack: Whose tasks.
        units: Folder of the systemd units.
        cron: The cron file.
        systemd: Whether systemd runs this machine; None to find out.
    """
    mark = f"--root {shlex.quote(str(stack.root))} "
    if not (SYSTEMD.is_dir() if systemd is None else systemd):
        return {task: True for task in PERIODS_S if f"{mark}{COMMANDS[task]} " in _text(cron)}
    here = [task for task in PERIODS_S if mark in _text(units / f"regops-{task}.service")]
    return {task: (units / "timers.target.wants" / f"regops-{task}.timer").exists() for task in here}


def look_at(task: str) -> str:
    """Return the command that shows why nothing runs a task on this host."""
    if SYSTEMD.is_dir():
        return f"systemctl status regops-{task}.timer regops-{task}.service"
    return f"ls -l {CRON}; service cron status"


def up_s() -> float:
    """Return for how many seconds this machine has been running."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
