"""The release: rendered configuration and the ops package as content-addressed parts, in one reproducible tarball.

On the host a release is a folder of links to its parts:

    parts/<name>-<digest>/…       immutable; a container mounts the part that it reads, so a new content is a new path
    releases/<digest>/<name>      -> ../../parts/<name>-<digest>
    current                       -> releases/<digest>
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tarfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.cache import digest
from ops.core.files import write_atomic

_DIGEST_LENGTH = 16
_TARBALLS_KEPT = 5
_IN_USE_S = 3600.0
_EPOCH = 0  # every file gets this time, so the same content always gives the same tarball


@dataclass(frozen=True)
class Part:
    """A folder that one service, or the host itself, reads. `files` maps relative paths to content."""

    name: str
    files: Mapping[str, bytes]
    digest: str = ""  # of the files, if none is given

    def __post_init__(self) -> None:
        if not self.digest:
            object.__setattr__(self, "digest", digest_of(self.files))

    @classmethod
    def of_text(cls, name: str, files: Mapping[str, str]) -> Part:
        """Make a part of rendered text files."""
        return cls(name, {path: text.encode() for path, text in files.items()})

    @classmethod
    def of_folder(cls, name: str, folder: Path, pattern: str = "**/*") -> Part:
        """Make a part of the files below a folder, without compiled Python."""
        paths = sorted(path for path in folder.glob(pattern) if path.is_file() and "__pycache__" not in path.parts)
        return cls(name, {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})

    @classmethod
    def of_large_folder(cls, name: str, folder: Path, digests: Path) -> Part:
        """Make a part as `of_folder`, of files that are only read where they are needed.

        Args:
            name: Its name.
            folder: A folder that does not change while the program runs.
            digests: A folder where digests are kept, by sizes and times of the files.

        Raises:
            OSError: A file cannot be read, or the digest not be written.
        """
        files = _FilesBelow(folder)
        kept = digests / files.signature
        if not kept.is_file():
            write_atomic(kept, digest_of(files))
        return cls(name, files, kept.read_text())

    @property
    def folder(self) -> str:
        """Its path below the root of the releases."""
        return f"parts/{self.name}-{self.digest}"


class _FilesBelow(Mapping[str, bytes]):
    """The files below a folder, without compiled Python: relative path to content, which is read when it is asked for.

    Attributes:
        signature: Changes with the path, the size and the time of any of them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found = {os.path.relpath(entry.path, folder): entry.stat() for entry in _files(folder)}
        self._paths = sorted(found)
        listed = [(path, found[path].st_size, found[path].st_mtime_ns) for path in self._paths]
        self.signature = digest(listed)

    def __getitem__(self, path: str) -> bytes:
        return (self._folder / path).read_bytes()

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def _files(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _files(entry.path)
            elif entry.is_file():
                yield entry


def digest_of(files: Mapping[str, bytes | str]) -> str:
    """Return a short SHA-256 over paths and contents; their order does not matter."""
    total = hashlib.sha256()
    for path in sorted(files):
        content = files[path]
        data = content.encode() if isinstance(content, str) else content
        total.update(f"{len(path)}:{path}{len(data)}:".encode())
        total.update(data)
    return total.hexdigest()[:_DIGEST_LENGTH]


class Release:
    """A set of parts with one digest."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.parts: Mapping[str, Part] = {part.name: part for part in parts}
        self.digest = digest_of({name: part.digest for name, part in self.parts.items()})

    @property
    def folder(self) -> str:
        """Its path below the root of the releases."""
        return f"releases/{self.digest}"

    def tarball(self, cache: Path) -> Path:
        """Write the release as a tarball into the cache, unless it is there already, and return its path. Remove old ones.

        Raises:
            OSError: The cache cannot be written.
        """
        path = cache / f"{self.digest}.tar"
        if path.exists():
            os.utime(path)
        else:
            write_atomic(path, self._tar())
            _remove_old(cache)
        return path

    def _tar(self) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for part in sorted(self.parts.values(), key=lambda part: part.name):
                for path in sorted(part.files):
                    info, content = _info(f"{part.folder}/{path}"), part.files[path]
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
            for part in sorted(self.parts.values(), key=lambda part: part.name):
                link = _info(f"{self.folder}/{part.name}")
                link.type, link.linkname = tarfile.SYMTYPE, f"../../{part.folder}"
                archive.addfile(link)
        return buffer.getvalue()


def _remove_old(cache: Path) -> None:
    """Remove old tarballs and half-written ones, but none that another run may still need. Other runs may do the same."""
    written: dict[Path, float] = {}
    for path in cache.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another run has renamed or removed it
            written[path] = path.stat().st_mtime
    newest_first = sorted(written, key=lambda path: written[path], reverse=True)
    for path in newest_first[_TARBALLS_KEPT:]:
        if written[path] < time.time() - _IN_USE_S:
            path.unlink(missing_ok=True)


def _info(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mtime, info.mode, info.uid, info.gid = _EPOCH, 0o644, 0, 0
    return info
