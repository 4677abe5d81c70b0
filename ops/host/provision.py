"""What the Pulumi program does on a host before containers start: folders, release, secrets. Standard library only.

Every command can be run again at any time: it completes what an interrupted run left.

    python3 -m ops.host.provision --root DIR folders --owner 10001:10001 data/registry logs/edge
    python3 -m ops.host.provision --root DIR release release.tar
    python3 -m ops.host.provision --root DIR hot-reloaded edge
    python3 -m ops.host.provision --root DIR secrets --owner 10001:10001 < secrets.json
    python3 -m ops.host.provision --root DIR show data/edge/pki/authorities/local/root.crt
    python3 -m ops.host.provision --root DIR prune
    python3 -m ops.host.provision --root DIR remove secrets
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ops.catalogue.errors import CatalogueError
from ops.core.files import write_atomic
from ops.core.layout import CURRENT, LIVE, SECRET_VERSIONS
from ops.host.drift import keep_revision, record
from ops.host.releases import (
    RELEASES_KEPT,
    below,
    install_hot_reloaded,
    install_release,
    make_current,
    old_secrets,
    prune,
    sweep,
)

# What a command installs: the name of its fingerprints, and where its files are.
_INSTALLED = {
    "release": ("release", ["current/*"]),
    "hot-reloaded": ("live", [f"{LIVE}/*/{CURRENT}"]),
    "secrets": ("secrets", ["secrets", f"secrets/{LIVE}/*/{CURRENT}"]),
}
_SHOW_LIMIT_S = 30.0
_POLL_S = 0.2
_FOLDER_MODE = 0o750
_SECRET_FOLDER_MODE = 0o700
_SECRET_MODE = 0o600


def make_folders(root: Path, folders: Sequence[str], owner: tuple[int, int]) -> None:
    """Create folders below `root`, and give them and their content to the services' user.

    Raises:
        OSError: A folder cannot be created, or only root could give it away.
    """
    root.mkdir(parents=True, exist_ok=True)
    for name in folders:
        folder = below(root, name)
        folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        if _owner_of(folder) != owner:
            # The folder comes last: after an interruption, the next run starts over.
            for path in folder.rglob("*"):
                _give(path, owner)
            _give(folder, owner)


def install_secrets(root: Path, files: Mapping[str, str], owner: tuple[int, int]) -> None:
    """Make the secrets folder hold exactly these files, mode 0600 in folders 0700, and older versions until `prune`.

    What a running service takes in is in `live/<service>/<copy>`. That copy becomes the current one once it is complete; the one
    before stays, so that `ops.host.reload` can go back to it.

    Raises:
        OSError: The folder cannot be written. Each file then has its old or its new content, never a part of it.
    """
    folder = root / "secrets"
    wanted = {below(folder, name): content for name, content in files.items()}
    for path, content in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content, mode=_SECRET_MODE)
        _give(path, owner)
    folder.mkdir(exist_ok=True)
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        path.chmod(_SECRET_FOLDER_MODE)
        _give(path, owner)
    copies = {path.parent for path in wanted if path.parent.parent.parent == folder / LIVE}
    linked = {copy.parent: make_current(copy.parent, copy.name) for copy in copies}
    kept = set[Path]().union(*linked.values()) - copies
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_symlink():
            if path.parent not in linked:
                path.unlink()
        elif path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in wanted and path.parent not in kept and folder / SECRET_VERSIONS not in path.parents:
            path.unlink()


def show(root: Path, name: str) -> str:
    """Return the text of a file; wait for it, as a service may not have written it yet.

    Raises:
        OSError: It does not appear in time, or cannot be read.
    """
    path = below(root, name)
    give_up = time.monotonic() + _SHOW_LIMIT_S
    while not path.is_file() and time.monotonic() < give_up:
        time.sleep(_POLL_S)
    return path.read_text()


def remove(root: Path, names: Sequence[str]) -> None:
    """Remove files or folders below `root`, and `root` itself once it is empty.

    Raises:
        OSError: Something cannot be removed.
    """
    sweep(root)
    for name in names:
        path = below(root, name)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        for parent in path.parents:
            if parent == root.parent or not parent.is_dir() or any(parent.iterdir()):
                break
            parent.rmdir()


def _installed(root: Path, patterns: Sequence[str]) -> Iterator[Path]:
    """Return what a command has installed: its files, and the links that lead to them."""
    for link in (path for pattern in patterns for path in root.glob(pattern)):
        if link.is_symlink():
            yield link
        yield from (path for path in [link.resolve(), *link.resolve().rglob("*")] if path.is_file())


def _give(path: Path, owner: tuple[int, int]) -> None:
    if _owner_of(path) != owner:
        os.chown(path, *owner, follow_symlinks=False)


def _owner_of(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_uid, status.st_gid


def _secrets(document: str) -> Mapping[str, str]:
    files = json.loads(document)
    if not isinstance(files, dict) or not all(isinstance(content, str) for content in files.values()):
        raise ValueError("standard input should be a JSON object that maps file names to text")
    return files


def _owner(text: str) -> tuple[int, int]:
    user, _, group = text.partition(":")
    return int(user), int(group)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ops.host.provision", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="the stack's folder on this host")
    parser.add_argument("--revision", help="recorded, with fingerprints of what the command has installed: see ops.host.drift")
    commands = parser.add_subparsers(dest="command", required=True)
    folders = commands.add_parser("folders", help="create folders")
    folders.add_argument("--owner", type=_owner, required=True, metavar="UID:GID")
    folders.add_argument("names", nargs="+")
    release = commands.add_parser("release", help="install a release and make it current")
    release.add_argument("tarball", type=Path)
    release.add_argument("--compile", action="store_true", help="compile its Python modules, for tasks that run on this host")
    hot_reloaded = commands.add_parser(
        "hot-reloaded", help="copy parts of the current release to where running services read them"
    )
    hot_reloaded.add_argument("names", nargs="+")
    secrets = commands.add_parser("secrets", help="install the secrets given as JSON on standard input")
    secrets.add_argument("--owner", type=_owner, required=True, metavar="UID:GID")
    commands.add_parser(
        "prune", help=f"delete all but the newest {RELEASES_KEPT} releases, what none of them uses, and old secrets"
    )
    shown = commands.add_parser("show", help="print a file, waiting for it for a while")
    shown.add_argument("name")
    removal = commands.add_parser("remove", help="remove files or folders")
    removal.add_argument("names", nargs="+")
    return parser


def _run(given: argparse.Namespace) -> None:
    match given.command:
        case "folders":
            make_folders(given.root, given.names, given.owner)
        case "release":
            install_release(given.root, given.tarball, compiled=given.compile)
        case "hot-reloaded":
            install_hot_reloaded(given.root, given.names)
        case "secrets":
            install_secrets(given.root, _secrets(sys.stdin.read()), given.owner)
        case "show":
            sys.stdout.write(show(given.root, given.name))
        case "prune":
            prune(given.root)
        case "remove":
            remove(given.root, given.names)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands; return the exit code."""
    given = _parser().parse_args(arguments)
    os.umask(0o022)  # services read parts as another user; secrets get their own modes
    try:
        _run(given)
        if given.revision is not None:
            if given.command in _INSTALLED:
                kind, patterns = _INSTALLED[given.command]
                record(given.root, kind, set(_installed(given.root, patterns)).difference(old_secrets(given.root)))
            elif given.command == "folders":
                record(given.root, "folders", [below(given.root, name) for name in given.names])
            keep_revision(given.root, given.revision)
    except (CatalogueError, OSError, ValueError, tarfile.TarError) as error:
        sys.stderr.write(f"ops.host.provision {given.command}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
