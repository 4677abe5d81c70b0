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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

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
    digest: str = field(init=False)

    def __post_init__(self) -> None:
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

    @property
    def folder(self) -> str:
        """Its path below the root of the releases."""
        return f"parts/{self.name}-{self.digest}"


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
                    info = _info(f"{part.folder}/{path}")
                    info.size = len(part.files[path])
                    archive.addfile(info, io.BytesIO(part.files[path]))
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
