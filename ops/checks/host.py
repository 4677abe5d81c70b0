"""Checks of the host itself: room on the disk, the gate, the clock, files changed by hand."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from ops.drift import look
from ops.findings import FAILED, OK, SKIPPED, WARNING, Check
from ops.stack import Stack

GATE = Path("gate/read-only")
_NO_SPACE = 14
# Of the disk: below the first it is time to act, below the second pushes fail soon.
_SCARCE, _NONE = 0.15, 0.05
# No task holds the gate for longer.
_GATE_LIMIT_S = 900.0
# There when systemd-timesyncd has set the clock: systemd-timesyncd.service(8).
_SYNCHRONIZED = Path("/run/systemd/timesync/synchronized")
_TIMESYNC = Path("/run/systemd/timesync")
_GIB = 2**30


def disk(stack: Stack) -> Check:
    """Whether there is room where the images are, for data and for files."""
    usage = shutil.disk_usage(stack.root)
    share = usage.free / usage.total if usage.total else 0.0
    detail = f"{usage.free / _GIB:.1f} of {usage.total / _GIB:.1f} GiB are free ({share:.0%})"
    if share >= _SCARCE:
        return Check("disk", OK, detail)
    remedy = "`regops gc` frees what nobody names any more; else delete tags, or take a larger disk"
    return Check("disk", FAILED if share < _NONE else WARNING, detail, remedy, _NO_SPACE)


def gate(stack: Stack) -> Check:
    """Whether writes are refused, and for how long they have been."""
    path = stack.root / GATE
    try:
        since_s = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return Check("gate", OK, "writes are let in")
    detail = f"writes have been refused for {since_s:.0f} s"
    if since_s < _GATE_LIMIT_S:
        return Check("gate", OK, f"{detail}, while a task is at work")
    return Check("gate", FAILED, detail, f"a task was killed: see `regops history`, then remove {path}")


def clock() -> Check:
    """Whether the machine's clock is set by others; tokens and certificates are good for a time only."""
    if not _TIMESYNC.is_dir():
        return Check("clock", SKIPPED, "systemd-timesyncd does not run here")
    if _SYNCHRONIZED.exists():
        return Check("clock", OK, "it is set by a time server")
    return Check("clock", WARNING, "no time server has set it", "see `timedatectl timesync-status`")


def files(stack: Stack) -> Check:
    """Whether what was installed is as it was installed."""
    try:
        _, changed = look(stack.root)
    except PermissionError:
        return Check("files", SKIPPED, "only root sees what was installed; `pulumi preview` looks as well")
    if not changed:
        return Check("files", OK, "all are as they were installed")
    return Check("files", WARNING, f"changed by hand: {', '.join(changed)}", "`up` puts them right")
