"""File systems of a test's own, with little room or few inodes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.core.process import run

_LIMIT_S = 30


@contextlib.contextmanager
def mounted(folder: Path, *options: str | Path) -> Iterator[Path]:
    """Make a folder, mount a file system there while inside, and yield the folder. Skip the test where nothing can be mounted.

    Args:
        folder: Where.
        options: Of mount(8): what to mount, and how.
    """
    folder.mkdir()
    if os.geteuid() or run(["mount", *options, folder], timeout=_LIMIT_S, check=False).returncode:
        pytest.skip("this machine mounts nothing")
    try:
        yield folder
    finally:
        run(["umount", folder], timeout=_LIMIT_S)


def small_disk(folder: Path, *, size: str, inodes: int) -> contextlib.AbstractContextManager[Path]:
    """Mount a file system in memory.

    Args:
        folder: Where.
        size: How large, with a unit: `8m`.
        inodes: How many; 0 for no limit.
    """
    return mounted(folder, "-t", "tmpfs", "-o", f"size={size},nr_inodes={inodes}", "none")
