"""Checks of the host itself: room on the disk, read-only mode, the clock, files changed by hand."""

from __future__ import annotations

import shutil
from pathlib import Path

from ops.core import exit_codes
from ops.core.findings import FAILED, OK, SKIPPED, WARNING, Check
from ops.host.drift import look
from ops.registry.read_only import accepts_writes, holder_of
from ops.stack.registry import read_only_of
from ops.stack.stack import Stack

# Of the disk: below the first it is time to act, below the second pushes fail soon.
_SCARCE, _NONE = 0.15, 0.05
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
    return Check("disk", FAILED if share < _NONE else WARNING, detail, remedy, exit_codes.NO_SPACE)


def read_only_mode(stack: Stack) -> Check:
    """Whether the registry is in read-only mode, and who turned it on."""
    file = read_only_of(stack).file
    if accepts_writes(file):
        return Check("read-only mode", OK, "off: writes are accepted")
    holder = holder_of(file)
    if holder is None:
        return Check("read-only mode", WARNING, "somebody turned it on by hand", f"remove {file} to turn it off")
    if holder.lives():
        return Check("read-only mode", OK, f"{holder.by} has turned it on: {holder.reason}")
    remedy = "it expires within minutes; `regops gc --recover` rolls back what was interrupted"
    return Check("read-only mode", WARNING, f"{holder.by} was killed after turning it on", remedy)


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
