"""Image layers: tar archives, made from files or as the difference between two root file systems."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

_FOLDER_MODE = 0o755
_PROGRAM_MODE = 0o755


def diff_id(tarball: Path) -> str:
    """Return the identity of a layer, which is the digest of its uncompressed archive."""
    with tarball.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def write_programs(programs: Mapping[str, Path], date: int, tarball: Path) -> None:
    """Write a layer of executable files, owned by root.

    Args:
        programs: The file for each absolute path in the image.
        date: Modification time of everything, in seconds since the epoch; a fixed one keeps the layer reproducible.
        tarball: The layer to write.
    """
    folders = {str(parent) for path in programs for parent in PurePosixPath(path.lstrip("/")).parents if parent.name}
    with tarfile.open(tarball, "w", format=tarfile.PAX_FORMAT) as archive:
        for folder in sorted(folders):
            archive.addfile(_member(folder, tarfile.DIRTYPE, _FOLDER_MODE, date))
        for path, source in sorted(programs.items()):
            member = _member(path.lstrip("/"), tarfile.REGTYPE, _PROGRAM_MODE, date)
            member.size = source.stat().st_size
            with source.open("rb") as file:
                archive.addfile(member, file)


def write_difference(base: Path, full: Path, tarball: Path) -> None:
    """Write the layer that makes the root file system `full` out of `base`.

    Files that `full` lacks become whiteouts. Parents of changed files are part of the layer, since engines choose
    the mode of those that they have to create.
    """
    before, after = dict(_signatures(base)), dict(_signatures(full))
    changed = {name for name, signature in after.items() if before.get(name) != signature}
    with tarfile.open(full) as source, tarfile.open(tarball, "w", format=tarfile.PAX_FORMAT) as layer:
        # A hard link can only point into its own layer.
        targets = {_clean(member.linkname) for member in source if member.islnk() and _clean(member.name) in changed}
        wanted = changed | targets
        wanted |= {str(parent) for name in wanted for parent in PurePosixPath(name).parents if parent.name}
        for member in source:
            name = _clean(member.name)
            if name in wanted:
                member.name = name
                if member.islnk():
                    member.linkname = _clean(member.linkname)
                layer.addfile(member, source.extractfile(member) if member.isreg() else None)
        for name in sorted(before.keys() - after.keys()):
            parent = PurePosixPath(name).parent
            if not parent.name or str(parent) in after:
                layer.addfile(_member(str(parent / f".wh.{PurePosixPath(name).name}"), tarfile.REGTYPE, 0, 0))


def _signatures(tarball: Path) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Yield each file's name and what identifies its content and attributes."""
    with tarfile.open(tarball) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            content = hashlib.sha256(file.read()).digest() if file else b""
            device = (member.devmajor, member.devminor)
            owner = (member.uid, member.gid)
            extra = tuple(sorted(member.pax_headers.items()))
            yield _clean(member.name), (member.type, member.mode, owner, member.mtime, member.linkname, device, extra, content)


def _clean(name: str) -> str:
    return name.removeprefix("./").rstrip("/")


def _member(name: str, kind: bytes, mode: int, date: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.mtime = kind, mode, date
    return member
