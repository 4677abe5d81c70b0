"""What the Pulumi program does on a host before containers start: folders, the release, the secrets. Standard library only.

Everything here can be run again at any time: it completes what an interrupted run left.

    python3 -m ops.provision --root DIR folders --owner 10001:10001 data/registry logs/edge
    python3 -m ops.provision --root DIR release release.tar
    python3 -m ops.provision --root DIR live edge
    python3 -m ops.provision --root DIR secrets --owner 10001:10001 < secrets.json
    python3 -m ops.provision --root DIR prune
    python3 -m ops.provision --root DIR remove secrets
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from ops.files import write_atomic

RELEASES_KEPT = 5
CURRENT, PREVIOUS = "current", "previous"
_SCRATCH = ".incoming-"
_FOLDER_MODE = 0o750
_SECRET_FOLDER_MODE = 0o700
_SECRET_MODE = 0o600


def make_folders(root: Path, folders: Sequence[str], owner: tuple[int, int]) -> None:
    """Create folders below `root` that the services' user owns, with all that is in them.

    Raises:
        OSError: A folder cannot be created or, as another user than root, given away.
    """
    root.mkdir(parents=True, exist_ok=True)
    for name in folders:
        folder = _below(root, name)
        folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        if _owner_of(folder) != owner:
            # The folder comes last: until it is given away, an interrupted run is repeated.
            for path in folder.rglob("*"):
                _give(path, owner)
            _give(folder, owner)


def install_release(root: Path, tarball: Path) -> str:
    """Unpack a release and make it `current` in one step; return its digest.

    Parts that are already there and whole stay untouched, since containers have them mounted.

    Raises:
        OSError: The disk is full or the folder cannot be written; `current` is then as it was.
        ValueError: The tarball is not a release.
    """
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    incoming = Path(tempfile.mkdtemp(dir=root, prefix=_SCRATCH))
    try:
        with tarfile.open(tarball) as archive:
            _extract(archive, incoming)
        releases = [path.name for path in (incoming / "releases").iterdir()] if (incoming / "releases").is_dir() else []
        if len(releases) != 1:
            raise ValueError(f"{tarball} is not a release: it holds {len(releases)} of them instead of one")
        digest = releases[0]
        os.sync()  # else a power cut could keep the names and lose the content
        for kind in ("parts", "releases"):
            (root / kind).mkdir(exist_ok=True)
            for path in (incoming / kind).iterdir():
                path.chmod(0o755)
                _settle(path, root / kind / path.name)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    os.utime(root / "releases" / digest)
    point(root / "current", f"releases/{digest}")
    os.sync()  # the engine records it as done now
    return digest


def install_live(root: Path, names: Sequence[str]) -> None:
    """Copy parts of the current release to where running services read them: `live/<name>/current` is the new one.

    The folder stays the same, so that a service that has it mounted sees the change; the copy before it stays for
    `ops.reload`, which goes back to it when the service refuses the new one.

    Raises:
        OSError: The disk is full or the folder cannot be written; `current` is then as it was.
    """
    _sweep(root)
    for name in names:
        part = (root / "current" / name).resolve()
        folder = _below(root / "live", name)
        folder.mkdir(parents=True, exist_ok=True)
        incoming = Path(tempfile.mkdtemp(dir=root, prefix=_SCRATCH))
        shutil.copytree(part, incoming, dirs_exist_ok=True)
        incoming.chmod(0o755)
        os.sync()  # else a power cut could keep the name and lose the content
        _settle(incoming, folder / part.name)
        shutil.rmtree(incoming, ignore_errors=True)
        before = (folder / CURRENT).readlink().name if (folder / CURRENT).is_symlink() else None
        if before != part.name:
            if before:
                point(folder / PREVIOUS, before)
            point(folder / CURRENT, part.name)
        linked = {(folder / link).resolve() for link in (CURRENT, PREVIOUS)}
        for old in folder.iterdir():
            if old.is_dir() and not old.is_symlink() and old not in linked:
                _discard(old, root)


def install_secrets(root: Path, files: Mapping[str, str], owner: tuple[int, int]) -> None:
    """Make the secrets folder hold exactly these files, mode 0600 in folders 0700.

    Raises:
        OSError: The folder cannot be written. A file is then old or new, never in part.
    """
    folder = root / "secrets"
    wanted = {_below(folder, name): content for name, content in files.items()}
    for path, content in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content, mode=_SECRET_MODE)
        _give(path, owner)
    folder.mkdir(exist_ok=True)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in wanted:
            path.unlink()
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        path.chmod(_SECRET_FOLDER_MODE)
        _give(path, owner)


def prune(root: Path) -> None:
    """Drop all releases but the current and the newest ones, then the parts that no remaining release links to.

    To be called when no container has older parts mounted any more.

    Raises:
        OSError: Something cannot be removed.
    """
    _sweep(root)
    current = (root / "current").resolve().name
    newest_first = sorted((root / "releases").iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    releases = sorted(newest_first, key=lambda path: path.name != current)  # clocks go back at times
    for old in releases[RELEASES_KEPT:]:
        _discard(old, root)
    linked = {link.resolve() for release in releases[:RELEASES_KEPT] for link in release.iterdir()}
    for part in (root / "parts").iterdir():
        if part.resolve() not in linked:
            _discard(part, root)


def remove(root: Path, names: Sequence[str]) -> None:
    """Remove files or folders below `root`, and `root` itself when nothing is left in it.

    Raises:
        OSError: Something cannot be removed.
    """
    _sweep(root)
    for name in names:
        path = _below(root, name)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        for parent in path.parents:
            if parent == root.parent or not parent.is_dir() or any(parent.iterdir()):
                break
            parent.rmdir()


def _below(root: Path, name: str) -> Path:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        raise ValueError(f"{name!r} is not a relative path below {root}")
    return root / pure


def _give(path: Path, owner: tuple[int, int]) -> None:
    if _owner_of(path) != owner:
        os.chown(path, *owner, follow_symlinks=False)


def _owner_of(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_uid, status.st_gid


def _settle(incoming: Path, target: Path) -> None:
    """Put a folder in its place, unless it is there and whole: an interrupted removal leaves less than that."""
    if target.is_dir():
        if all(_same(path, target / path.relative_to(incoming)) for path in incoming.rglob("*")):
            return
        shutil.rmtree(target)
    incoming.rename(target)


def _same(one: Path, other: Path) -> bool:
    if one.is_symlink():
        return other.is_symlink() and one.readlink() == other.readlink()
    if one.is_dir():
        return other.is_dir()
    return other.is_file() and filecmp.cmp(one, other, shallow=False)


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    # Python before 3.11.4, such as Debian 12's, has no filters; ours are harmless, as the program writes the tarball itself.
    if hasattr(tarfile, "tar_filter"):
        archive.extractall(folder, filter="tar")
    else:
        archive.extractall(folder)  # noqa: S202


def point(link: Path, target: str) -> None:
    """Make a symbolic link, or change where it points, in one step for all that look at it."""
    new = link.with_name(f".{link.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


def _discard(folder: Path, root: Path) -> None:
    """Remove a folder in one step for all that look at it; what a kill leaves of it is swept by the next command."""
    doomed = folder.rename(root / f"{_SCRATCH}{folder.name}")
    shutil.rmtree(doomed)


def _sweep(root: Path) -> None:
    for leftover in root.glob(f"{_SCRATCH}*"):
        shutil.rmtree(leftover)


def _secrets(document: str) -> Mapping[str, str]:
    files = json.loads(document)
    if not isinstance(files, dict) or not all(isinstance(content, str) for content in files.values()):
        raise ValueError("standard input should be a JSON object: text by file name")
    return files


def _owner(text: str) -> tuple[int, int]:
    user, _, group = text.partition(":")
    return int(user), int(group)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="ops.provision", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="the stack's folder on this host")
    commands = parser.add_subparsers(dest="command", required=True)
    folders = commands.add_parser("folders", help="create folders")
    folders.add_argument("--owner", type=_owner, required=True, metavar="UID:GID")
    folders.add_argument("names", nargs="+")
    release = commands.add_parser("release", help="install a release and make it current")
    release.add_argument("tarball", type=Path)
    live = commands.add_parser("live", help="copy parts of the current release to where running services read them")
    live.add_argument("names", nargs="+")
    secrets = commands.add_parser("secrets", help="install the secrets given as JSON on standard input")
    secrets.add_argument("--owner", type=_owner, required=True, metavar="UID:GID")
    commands.add_parser("prune", help=f"drop releases beyond the newest {RELEASES_KEPT}, and parts that none links to")
    removal = commands.add_parser("remove", help="remove files or folders")
    removal.add_argument("names", nargs="+")
    given = parser.parse_args(arguments)
    os.umask(0o022)  # services read parts as another user; secrets get their own modes
    try:
        match given.command:
            case "folders":
                make_folders(given.root, given.names, given.owner)
            case "release":
                install_release(given.root, given.tarball)
            case "live":
                install_live(given.root, given.names)
            case "secrets":
                install_secrets(given.root, _secrets(sys.stdin.read()), given.owner)
            case "prune":
                prune(given.root)
            case "remove":
                remove(given.root, given.names)
    except (OSError, ValueError, tarfile.TarError) as error:
        sys.stderr.write(f"ops.provision {given.command}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
