"""Fetches the cosign that the settings name, once, and runs no other: whatever is there is compared with its checksum."""

from __future__ import annotations

import hashlib
import threading
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from ops.config import CosignSource
from ops.core.files import give_to_owner_of

_TIMEOUT = Timeout(connect=20.0, read=60.0)
_CHUNK = 1 << 20
# It has a hundred and some megabytes.
_LARGEST = 1 << 30
_one_at_a_time = threading.Lock()
_compared: set[Path] = set()


class CosignError(Exception):
    """The cosign of the settings cannot be had."""


def fetched(source: CosignSource, path: Path) -> Path:
    """Return the path, once what the settings name is there.

    Args:
        source: What it is.
        path: Where it is kept; others in its folder are removed when it is new there.

    Raises:
        CosignError: It cannot be fetched, or is another one than it should be.
        OSError: It cannot be written.
    """
    with _one_at_a_time:
        if path not in _compared:
            if not _is_there(path, source):
                _fetch(source, path)
            _compared.add(path)
    return path


def _is_there(path: Path, source: CosignSource) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == source.sha256
    except FileNotFoundError:
        return False


def _fetch(source: CosignSource, path: Path) -> None:
    partial = path.with_name(f".{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with partial.open("wb") as file:
            _download(source, file)
        partial.chmod(0o755)
        give_to_owner_of(path.parent.parent, path.parent, partial)
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    for other in path.parent.iterdir():
        if other != path:
            other.unlink()


def _download(source: CosignSource, file: BinaryIO) -> None:
    hashed, size = hashlib.sha256(), 0
    try:
        with PoolManager(timeout=_TIMEOUT, retries=Retry(3, redirect=5)) as pool:
            answer = pool.request("GET", source.url, preload_content=False)
            if answer.status != HTTPStatus.OK:
                raise CosignError(f"{source.url} answered {answer.status}")
            for chunk in answer.stream(_CHUNK):
                size += len(chunk)
                if size > _LARGEST:
                    raise CosignError(f"{source.url} is no program: it does not end")
                hashed.update(chunk)
                file.write(chunk)
    except HTTPError as error:
        raise CosignError(f"{source.url} cannot be fetched: {error}") from None
    if hashed.hexdigest() != source.sha256:
        raise CosignError(f"what {source.url} gives has the checksum {hashed.hexdigest()}, and not that of sync.cosign")
