"""Provisioned folders for tests, and provisioning killed at every step.

    python3 -m tests.ops.hosts release FOLDER

runs a command as often as it changes the file system, each time killed one change later, then once more to its end, and
prints what was wrong in between or afterwards as JSON.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tarfile
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

from ops.host.provision import install_secrets, remove
from ops.host.releases import RELEASES_KEPT, install_release, prune

_ME = (os.getuid(), os.getgid())
_KILLED = 9
_CHANGES = {"os.chmod", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.utime"}


def tarball(folder: Path, digest: str, parts: Mapping[str, str], file: str = "file") -> Path:
    """Write a release in which each part, named `<name>-<digest>`, holds one file."""
    path = folder / f"{digest}.tar"
    with tarfile.open(path, "w") as archive:
        for part, text in parts.items():
            member = tarfile.TarInfo(f"parts/{part}/sub/{file}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
        for part in parts:
            link = tarfile.TarInfo(f"releases/{digest}/{part.partition('-')[0]}")
            link.type, link.linkname = tarfile.SYMTYPE, f"../../parts/{part}"
            archive.addfile(link)
    return path


def tree(folder: Path) -> dict[str, str]:
    """Return everything below a folder: what files hold, where links point."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        else:
            found[name] = path.read_text() if path.is_file() else "/"
    return found


def killed_at(step: int, action: Callable[[], object]) -> bool:
    """Run something in a process that dies at its `step`-th change of the file system; return whether it got that far."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == _KILLED
    changes = count(1)

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if (writes or event in _CHANGES) and next(changes) == step:
            os._exit(_KILLED)

    sys.addaudithook(watch)
    action()
    os._exit(0)


def faults_when_killed(before: Path, action: Callable[[Path], object], sound: Callable[[Path], bool]) -> dict[str, object]:
    """Kill an action at every step. `sound` says whether what it left then could be used."""
    root = before.with_name("root")
    shutil.copytree(before, root, symlinks=True)
    action(root)
    wanted = tree(root)
    faults: list[str] = []
    for step in count(1):
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(before, root, symlinks=True)
        if not killed_at(step, lambda: action(root)):
            return {"steps": step - 1, "faults": faults}
        if not sound(root):
            faults.append(f"step {step} leaves {tree(root)}")
        action(root)
        if tree(root) != wanted:
            faults.append(f"step {step}, and then a whole run, leave {tree(root)}")
    raise AssertionError


def _release(folder: Path, before: Path) -> dict[str, object]:
    for number in range(RELEASES_KEPT):
        install_release(before, tarball(folder, f"d{number}", {f"edge-{number}": str(number), "ops-1": "same"}))
        os.utime(before / f"releases/d{number}", (number, number))
    new = tarball(folder, "new", {"edge-new": "new", "ops-1": "same"})
    latest = str(RELEASES_KEPT - 1)

    def sound(root: Path) -> bool:
        current = root / "current"
        return (current / "ops/sub/file").read_text() == "same" and (current / "edge/sub/file").read_text() in {latest, "new"}

    return faults_when_killed(before, lambda root: install_release(root, new), sound)


def _prune(folder: Path, before: Path) -> dict[str, object]:
    for number in range(RELEASES_KEPT + 2):
        install_release(before, tarball(folder, f"d{number}", {f"edge-{number}": str(number), "ops-1": "same"}))
        os.utime(before / f"releases/d{number}", (number, number))
    latest = str(RELEASES_KEPT + 1)

    def sound(root: Path) -> bool:
        current = root / "current"
        return (current / "ops/sub/file").read_text() == "same" and (current / "edge/sub/file").read_text() == latest

    return faults_when_killed(before, prune, sound)


def _secrets(_folder: Path, before: Path) -> dict[str, object]:
    install_secrets(before, {"user": "old", "stale/a": "s", "gateway/key": "old"}, _ME)

    def sound(root: Path) -> bool:
        values = {(root / "secrets" / name).read_text() for name in ("user", "gateway/key")}
        return values <= {"old", "new"}

    return faults_when_killed(
        before, lambda root: install_secrets(root, {"user": "new", "gateway/key": "new", "more": "new"}, _ME), sound
    )


def _remove(folder: Path, before: Path) -> dict[str, object]:
    install_release(before, tarball(folder, "d1", {"edge-1": "x", "ops-1": "y"}))
    (before / "data").mkdir()
    (before / "data/image").write_text("precious")
    return faults_when_killed(
        before,
        lambda root: remove(root, ["current", "releases", "parts"]),
        lambda root: (root / "data/image").read_text() == "precious",
    )


if __name__ == "__main__":
    os.sync = lambda: None
    target = Path(sys.argv[2])
    found = {"release": _release, "prune": _prune, "secrets": _secrets, "remove": _remove}[sys.argv[1]](target, target / "before")
    sys.stdout.write(json.dumps(found))
