"""Checks of the host itself: room on the disk, read-only mode, the clock, files changed by hand."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import humanize

from ops.core import exit_codes
from ops.core.findings import FAILED, OK, SKIPPED, WARNING, Check
from ops.host.drift import is_recorded, look
from ops.registry.read_only import accepts_writes, by_hand, holder_of
from ops.stack.registry import read_only_of
from ops.stack.stack import Stack

# Free share of the disk's space and of its inodes: below the first it is time to act, below the second pushes will fail soon.
_SCARCE, _NONE = 0.15, 0.05
# Works on a full disk too.
_FREE_UP = (
    "`regops gc --no-undo` deletes blobs that no tag references, and frees their space at once; `regops snapshot` shows what "
    "deleting each snapshot would free; if that is not enough, delete tags"
)
# Exists once systemd-timesyncd has set the clock: systemd-timesyncd.service(8).
_SYNCHRONIZED = Path("/run/systemd/timesync/synchronized")
_TIMESYNC = Path("/run/systemd/timesync")


def disk(stack: Stack) -> Check:
    """Check where the images are: free space, and free inodes, of which a file system may have a fixed number."""
    usage, inodes = shutil.disk_usage(stack.root), os.statvfs(stack.root)
    share = usage.free / usage.total if usage.total else 0.0
    detail = f"{_size(usage.free)} of {_size(usage.total)} are free ({share:.0%})"
    # A file system that makes inodes as it needs them reports none.
    inode_share = inodes.f_favail / inodes.f_files if inodes.f_files else 1.0
    if inode_share < _SCARCE:
        detail += (
            f", and only {inodes.f_favail:,} of {inodes.f_files:,} inodes ({inode_share:.0%}); each file and folder takes one"
        )
    worst = min(share, inode_share)
    if worst >= _SCARCE:
        return Check("disk", OK, detail)
    enlarge = "enlarge the disk" if share < _SCARCE else "move the stack to a file system with more inodes"
    return Check("disk", FAILED if worst < _NONE else WARNING, detail, f"{_FREE_UP}, or {enlarge}", exit_codes.NO_SPACE)


def _size(count: int) -> str:
    return humanize.naturalsize(count, binary=True)


def read_only_mode(stack: Stack) -> Check:
    """Whether the registry is in read-only mode, and who turned it on."""
    file = read_only_of(stack).file
    if accepts_writes(file):
        return Check("read-only mode", OK, "off: writes are accepted")
    holder = holder_of(file)
    if holder is None:
        return Check("read-only mode", WARNING, by_hand(file), f"remove {file} to turn it off")
    if holder.lives():
        return Check("read-only mode", OK, f"{holder.by} has turned it on: {holder.reason}")
    remedy = "it expires within minutes; `regops gc --recover` rolls back what was interrupted"
    return Check("read-only mode", WARNING, f"{holder.by} was killed after turning it on", remedy)


def clock() -> Check:
    """Check whether the clock is synchronized: tokens and certificates depend on it."""
    if not _TIMESYNC.is_dir():
        return Check("clock", SKIPPED, "systemd-timesyncd is not running here")
    if _SYNCHRONIZED.exists():
        return Check("clock", OK, "synchronized with a time server")
    return Check("clock", WARNING, "not synchronized with a time server", "see `timedatectl timesync-status`")


def files(stack: Stack) -> Check:
    """Check whether installed files are as they were installed."""
    try:
        _, changed = look(stack.root)
        known = is_recorded(stack.root)
    except PermissionError:
        return Check("files", SKIPPED, "only root can check installed files; `pulumi preview` checks them too")
    if not known:
        return Check("files", SKIPPED, "what was installed is not known here; the next `up` records it")
    if not changed:
        return Check("files", OK, "all are as installed")
    return Check("files", WARNING, f"changed by hand: {', '.join(changed)}", "run `up` to restore them")
