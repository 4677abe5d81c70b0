"""What it takes for backups to go wrong: a server, large images, programs that are slow enough to be cut off."""

from __future__ import annotations

import contextlib
import getpass
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from ops.config import BACKUP_SSH_KEY, BackupSettings
from ops.core.process import run
from ops.registry.manifests import image_problems
from ops.registry.tree import RegistryTree
from ops.tasks.restore.run import Chosen, restore_to
from tests.ops.backups.backup_rig import EVERYTHING, PASSWORDS, BackupRig
from tests.ops.backups.quick_keys import make_repository
from tests.ops.tasks.gc.gc_rig import digest_of, image_manifest
from tests.tools.offline.plugins.command.sshd import Sshd

_LIMIT_S = 30.0


def over_ssh(rig: BackupRig, server: Sshd, target: Path) -> BackupRig:
    """Return the rig with its backups in a new folder of a server."""
    make_repository(target, *PASSWORDS)
    key = rig.stack.root / "secrets" / BACKUP_SSH_KEY
    key.write_text(server.private_key)
    key.chmod(0o600)
    url = f"ssh://{getpass.getuser()}@127.0.0.1:{server.port}/{target}"
    return rig.configure(BackupSettings(target=url, host_key=" ".join(server.host_key.split()[:2])))


def in_folder(rig: BackupRig, target: Path) -> BackupRig:
    """Return the rig with its backups in a new folder of this machine."""
    make_repository(target, *PASSWORDS)
    return rig.configure(BackupSettings(target=str(target)))


def push_large(rig: BackupRig, tag: str, megabytes: int) -> None:
    """Push an image with a layer of so many megabytes that do not compress."""
    blobs = [b"{}", os.urandom(megabytes << 20)]
    described = [{"mediaType": "application/x", "digest": digest_of(one), "size": len(one)} for one in blobs]
    for blob in blobs:
        assert rig.registry.client.push_blob("large", blob).is_success
    assert rig.registry.client.push_manifest("large", tag, image_manifest(described)).is_success


def restored(rig: BackupRig, folder: Path, backup: str = "latest") -> dict[str, list[str]]:
    """Restore all of a backup to a new folder; return its tags by repository, all of which have to be whole."""
    done = restore_to(rig.stack, Chosen(backup), EVERYTHING, folder, lambda _: None)
    assert (done.exit_code, done.damaged) == (0, []), done.summary
    return tags_in(folder)


def tags_in(folder: Path) -> dict[str, list[str]]:
    """Return the tags of a tree by repository, all of which have to be whole."""
    tree = RegistryTree(folder)
    tags = {name: sorted(tree.tag_names(name)) for name in tree.repository_names()}
    problems = [problem for name, some in tags.items() for tag in some for problem in image_problems(tree, name, tag)]
    assert problems == [], problems
    return tags


def program(folder: Path, name: str, real: str | None, script: str) -> Path:
    """Write a program that stands before a real one, `$real`; return the folder to put into the path."""
    assert real
    folder.mkdir(parents=True)
    (folder / name).write_text(f"#!/bin/sh\nreal={real}\n{script}\n")
    (folder / name).chmod(0o755)
    return folder


def wait_for(true: Callable[[], object]) -> None:
    """Wait until something is true. Files that are looked at may go meanwhile."""
    give_up = time.monotonic() + _LIMIT_S
    while time.monotonic() < give_up:
        with contextlib.suppress(FileNotFoundError):
            if true():
                return
        time.sleep(0.02)
    raise AssertionError("it does not come to pass")


def cut_off(server: Sshd) -> None:
    """Kill the sessions of a server, which lives on."""
    sessions = run(["ps", "-o", "pid=", "--ppid", str(server.pid)], timeout=_LIMIT_S).stdout.split()
    assert sessions
    for session in sessions:
        os.kill(int(session), signal.SIGKILL)
