"""The world of a rehearsal: a real registry that can be killed and started again, and a real restic."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.paths import cache_folder
from ops.config import BACKUP_PASSWORD, BACKUP_SECOND_PASSWORD
from ops.tasks.rehearse.world import World, make_stack
from tests.ops.backups.backup_rig import PASSWORDS
from tests.ops.backups.quick_keys import make_repository
from tests.ops.tasks.gc.gc_rig import configure, started
from tools.offline.debian import apt_install
from tools.offline.tools import ensure_restic


@contextlib.contextmanager
def world_in(folder: Path, *, disk: Path | None = None) -> Iterator[World]:
    """Run a registry in a folder, with backups beside it.

    Args:
        folder: The folder, which is empty.
        disk: The small file system that it is on; None if it is on none.
    """
    port, _ = configure(folder)
    url, running = f"http://127.0.0.1:{port}", list[subprocess.Popen[bytes]]()
    stack = make_stack(folder, url)
    make_repository(folder / "target", *PASSWORDS)
    for name, password in zip((BACKUP_PASSWORD, BACKUP_SECOND_PASSWORD), PASSWORDS, strict=True):
        (folder / "secrets" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "secrets" / name).write_text(f"{password}\n")

    def start() -> str:
        running.append(started(folder))
        return url

    def kill() -> None:
        with running.pop() as process:
            process.kill()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(ensure_restic(cache_folder("offline")).parent), prepend=":")
        apt_install("faketime", "faketime", purpose="clocks that are wrong")
        start()
        world = World(stack, url, kill, start, disk)
        try:
            world.await_start()
            yield world
        finally:
            world.close()
            kill()
