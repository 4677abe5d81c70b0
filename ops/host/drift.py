"""Fingerprints of what is installed on a host, to detect changes made by hand. Standard library only.

    python3 -m ops.host.drift --root DIR

prints {"revision": …, "changed": […], "parts": {…}, "engine": …}. The revision is that of the last installation while nothing has
changed, and a new one when something has. The program writes it into its commands, so that a file changed by hand makes them run
again, once. `parts` are those of the current release, and `engine` is what `ops.host.engine` sees.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from ops.core.files import write_atomic
from ops.host import engine

_FOLDER = "installed"
_REVISION = "revision"
_FORMER_NAME = "mark"  # until December 2026; nothing reads it
_MODE = 0o600
_REVISION_LENGTH = 12


def record(root: Path, kind: str, paths: Iterable[Path]) -> None:
    """Record the fingerprints of files as they are now, replacing those of the same kind.

    Args:
        root: The stack's folder on this host.
        kind: What installs them.
        paths: Files, symbolic links, folders.

    Raises:
        OSError: A file cannot be read, or the disk is full.
    """
    (root / _FOLDER).mkdir(exist_ok=True, mode=0o700)
    known = {str(path): _fingerprint(path) for path in paths}
    write_atomic(root / _FOLDER / f"{kind}.json", json.dumps(known, indent=1, sort_keys=True), mode=_MODE)


def recorded(root: Path, kind: str) -> Sequence[Path]:
    """Return the files of a kind, as last recorded."""
    return [Path(path) for path in _read(root, kind)]


def is_recorded(root: Path) -> bool:
    """Return whether anything is known about what was installed.

    Raises:
        PermissionError: Only another user may know.
    """
    folder = root / _FOLDER
    return folder.is_dir() and any(path.suffix == ".json" for path in folder.iterdir())


def keep_revision(root: Path, revision: str) -> None:
    """Record the revision of an installation.

    Raises:
        OSError: The disk is full or the folder cannot be written.
    """
    (root / _FOLDER).mkdir(exist_ok=True, mode=0o700)
    write_atomic(root / _FOLDER / _REVISION, revision, mode=_MODE)
    (root / _FOLDER / _FORMER_NAME).unlink(missing_ok=True)


def look(root: Path) -> tuple[str, list[str]]:
    """Return the revision, and the paths of what has changed since it was installed."""
    folder = root / _FOLDER
    revision = (folder / _REVISION).read_text() if (folder / _REVISION).is_file() else ""
    known = {path: then for kind in sorted(folder.glob("*.json")) for path, then in _read(root, kind.stem).items()}
    now = {path: _fingerprint(Path(path)) for path in known}
    changed = sorted(path for path, then in known.items() if now[path] != then)
    if changed:
        seen = json.dumps([revision, *([path, now[path]] for path in changed)])
        revision = hashlib.sha256(seen.encode()).hexdigest()[:_REVISION_LENGTH]
    return revision, changed


def parts(root: Path) -> dict[str, str]:
    """Return the parts of the current release by name, each with its folder's; none without a release."""
    try:
        return {link.name: link.readlink().name for link in sorted((root / "current").iterdir()) if link.is_symlink()}
    except OSError:
        return {}


def _read(root: Path, kind: str) -> dict[str, str]:
    path = root / _FOLDER / f"{kind}.json"
    if not path.is_file():
        return {}
    known: dict[str, str] = json.loads(path.read_text())
    return known


def _fingerprint(path: Path) -> str:
    """Return owner, mode and a digest of the content in one line; empty for a missing file. Of a folder only that it is there."""
    if path.is_symlink():
        return f"-> {path.readlink()}"
    if path.is_dir():
        return "a folder"
    if not path.is_file():
        return ""
    status = path.stat()
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{status.st_uid}:{status.st_gid} {status.st_mode:o} {content}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what has changed; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="ops.host.drift", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="the stack's folder on this host")
    root = parser.parse_args(arguments).root
    revision, changed = look(root)
    found = {"revision": revision, "changed": changed, "parts": parts(root), "engine": engine.look(root, changed)}
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
