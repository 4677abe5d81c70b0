"""Releases on a host: unpack, make current, copy hot-reloaded parts, prune. Standard library only."""

from __future__ import annotations

import compileall
import filecmp
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from py_compile import PycInvalidationMode

from ops.catalogue.shipped import require_room, take_in
from ops.core.layout import CURRENT, LIVE, SECRET_VERSIONS

RELEASES_KEPT = 5
# Links to copies of a hot-reloaded part beside the one to read: the one read before, and the last that the service has taken.
PREVIOUS, CONFIRMED = "previous", "confirmed"
# Where all is that running services read anew: parts, and secret files.
LIVE_FOLDERS = (LIVE, f"secrets/{LIVE}")
_SCRATCH = ".incoming-"
# Half of all the text in the release's packages, which no task and no service ever imports: test_what_runs_is_compiled.
_NEVER_IMPORTED = re.compile(r"/(pygments|markdown_it|mdurl|cffi|pycparser|pydantic/v1)/")


def install_release(root: Path, tarball: Path, *, compiled: bool = False) -> str:
    """Unpack a release and make it `current` in one step; return its digest.

    Parts that are already there and complete stay untouched, since containers have them mounted.

    Args:
        root: The stack's folder on this host.
        tarball: The release.
        compiled: Whether to compile the Python modules of new parts. Tasks never write to a part, so each of their runs would
            compile all that it imports.

    Raises:
        OSError: The disk is full or the folder cannot be written; `current` is then as it was.
        ValueError: The tarball is not a release.
        CatalogueError: It brings another catalogue than before, and somebody has edited that of this host; nothing was changed.
    """
    root.mkdir(parents=True, exist_ok=True)
    sweep(root)
    incoming = Path(tempfile.mkdtemp(dir=root, prefix=_SCRATCH))
    try:
        with tarfile.open(tarball) as archive:
            _extract(archive, incoming, root)
        releases = [path.name for path in (incoming / "releases").iterdir()] if (incoming / "releases").is_dir() else []
        if len(releases) != 1:
            raise ValueError(f"{tarball} is not a release: it should hold one, and holds {len(releases)}")
        digest = releases[0]
        require_room(root, incoming / "releases" / digest)
        missing = dict[Path, Path]()
        for kind in ("parts", "releases"):
            (root / kind).mkdir(exist_ok=True)
            found = {path: root / kind / path.name for path in (incoming / kind).iterdir() if not path.is_symlink()}
            missing |= {path: target for path, target in found.items() if not _is_complete(path, target)}
        for path in missing:
            path.chmod(0o755)
            if compiled:
                _compile(path)
        os.sync()  # otherwise a power cut could keep the names and lose the content
        for path, target in missing.items():
            _settle(path, target)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    os.utime(root / "releases" / digest)
    point(root / "current", f"releases/{digest}")
    take_in(root)
    os.sync()  # Pulumi records it as done now
    return digest


def install_hot_reloaded(root: Path, names: Sequence[str]) -> None:
    """Copy parts of the current release to where running services read them: `live/<name>/current` is the new copy.

    The folder stays the same, so that a service that has it mounted sees the change. The previous copy stays too:
    `ops.host.reload` goes back to it if the service refuses the new one.

    Raises:
        OSError: The disk is full or the folder cannot be written; `current` is then as it was.
    """
    sweep(root)
    for name in names:
        part = (root / "current" / name).resolve()
        folder = below(root / LIVE, name)
        folder.mkdir(parents=True, exist_ok=True)
        incoming = Path(tempfile.mkdtemp(dir=root, prefix=_SCRATCH))
        shutil.copytree(part, incoming, dirs_exist_ok=True)
        incoming.chmod(0o755)
        os.sync()  # otherwise a power cut could keep the name and lose the content
        if not _is_complete(incoming, folder / part.name):
            _settle(incoming, folder / part.name)
        shutil.rmtree(incoming, ignore_errors=True)
        linked = make_current(folder, part.name)
        for old in folder.iterdir():
            if old.is_dir() and not old.is_symlink() and old not in linked:
                _discard(old, root)


def make_current(folder: Path, name: str) -> set[Path]:
    """Make a copy the current one of a folder that a running service reads; return all copies that a link leads to."""
    before = (folder / CURRENT).readlink().name if (folder / CURRENT).is_symlink() else None
    if before != name:
        if before:
            point(folder / PREVIOUS, before)
        point(folder / CURRENT, name)
    return {(folder / link).resolve() for link in (CURRENT, PREVIOUS, CONFIRMED)}


def set_back(folders: Iterable[Path]) -> None:
    """Let services read only what they have taken in: nothing reloads the rest any more, and a restart would load it unchecked.

    Args:
        folders: Of what is hot-reloaded.
    """
    for folder in folders:
        if (folder / CONFIRMED).is_dir():
            point(folder / CURRENT, (folder / CONFIRMED).readlink().name)


def prune(root: Path) -> None:
    """Delete all but the current and the newest releases, then the parts that no remaining release links to, and old secrets.

    Call it once no container has older ones mounted.

    Raises:
        OSError: Something cannot be removed.
    """
    sweep(root)
    current = (root / "current").resolve().name
    newest_first = sorted((root / "releases").iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    releases = sorted(newest_first, key=lambda path: path.name != current)  # clocks sometimes go back
    for old in releases[RELEASES_KEPT:]:
        _discard(old, root)
    linked = {link.resolve() for release in releases[:RELEASES_KEPT] for link in release.iterdir()}
    for part in (root / "parts").iterdir():
        if part.resolve() not in linked:
            _discard(part, root)
    for path in old_secrets(root):
        path.unlink()
        for folder in path.parents:
            if folder.name == SECRET_VERSIONS or any(folder.iterdir()):
                break
            folder.rmdir()


def old_secrets(root: Path) -> list[Path]:
    """Return the versions of secret files that are no longer the current ones."""
    folder = root / "secrets"
    versions = [path for path in (folder / SECRET_VERSIONS).glob("*/**/*") if path.is_file()]

    def is_current(path: Path) -> bool:
        current = folder.joinpath(*path.relative_to(folder / SECRET_VERSIONS).parts[1:])
        return current.is_file() and filecmp.cmp(path, current, shallow=False)

    return [path for path in versions if not is_current(path)]


def _is_complete(incoming: Path, target: Path) -> bool:
    """Whether a folder is in its place: an interrupted removal leaves it incomplete."""
    return target.is_dir() and all(_same(path, target / path.relative_to(incoming)) for path in incoming.rglob("*"))


def _settle(incoming: Path, target: Path) -> None:
    """Put a folder in its place."""
    if target.is_dir():
        shutil.rmtree(target)
    incoming.rename(target)


def _compile(folder: Path) -> None:
    """Compile a folder's modules; what cannot be compiled is left to whoever imports it.

    Python then compares the hash of a source with that in its compiled file, because all files of a release have the same time.
    """
    compileall.compile_dir(folder, rx=_NEVER_IMPORTED, quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH)


def _same(one: Path, other: Path) -> bool:
    if one.is_symlink():
        return other.is_symlink() and one.readlink() == other.readlink()
    if one.is_dir():
        return other.is_dir()
    return other.is_file() and filecmp.cmp(one, other, shallow=False)


def _extract(archive: tarfile.TarFile, folder: Path, root: Path) -> None:
    """Unpack a release into a folder; of parts that the root has, only a link: the largest seldom changes, and takes a second."""
    members = archive.getmembers()
    parts: dict[str, list[tarfile.TarInfo]] = {}
    for member in members:
        match member.name.split("/"):
            case ["parts", name, _, *_]:
                parts.setdefault(name, []).append(member)
    complete = {name for name, files in parts.items() if all(_is_there(archive, one, root) for one in files)}
    unwanted = {id(member) for name in complete for member in parts[name]}
    wanted = [member for member in members if id(member) not in unwanted]
    # Python before 3.11.4, such as Debian 12's, has no filters. The program writes the tarball itself, so it is harmless.
    if hasattr(tarfile, "tar_filter"):
        archive.extractall(folder, wanted, filter="tar")
    else:
        archive.extractall(folder, wanted)  # noqa: S202
    (folder / "parts").mkdir(exist_ok=True)
    for name in complete:
        (folder / "parts" / name).symlink_to(root.absolute() / "parts" / name)


def _is_there(archive: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> bool:
    """Whether a file of an archive is below the root as it would be unpacked."""
    target, content = root / member.name, archive.extractfile(member) if member.isreg() else None
    if content is None or ".." in member.name.split("/") or target.is_symlink() or not target.is_file():
        return False
    return target.stat().st_size == member.size and target.read_bytes() == content.read()


def point(link: Path, target: str) -> None:
    """Create a symbolic link or change its target, atomically."""
    new = link.with_name(f".{link.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


def _discard(folder: Path, root: Path) -> None:
    """Remove a folder atomically; what a kill leaves of it is swept by the next command."""
    doomed = folder.rename(root / f"{_SCRATCH}{folder.name}")
    shutil.rmtree(doomed)


def sweep(root: Path) -> None:
    """Remove what killed commands have left behind."""
    for leftover in root.glob(f"{_SCRATCH}*"):
        shutil.rmtree(leftover)


def below(root: Path, name: str) -> Path:
    """Return a path below the root.

    Raises:
        ValueError: The name leads outside of it.
    """
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        raise ValueError(f"{name!r} is not a relative path below {root}")
    return root / pure
