"""Small images for tests, made by the Docker engine itself."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import tarfile
from collections.abc import Iterator

from docker.errors import ImageNotFound

from tests.engine.client import client


@contextlib.contextmanager
def tagged_image(reference: str, *, size: int = 64 * 1024) -> Iterator[str]:
    """Yield a new image with random content under a reference; it is removed from the engine at the end.

    Args:
        reference: `host/repository:tag`.
        size: Bytes of its one file.
    """
    repository, _, tag = reference.rpartition(":")
    client().api.import_image_from_data(_layer(os.urandom(size)), repository=repository, tag=tag)
    try:
        yield reference
    finally:
        with contextlib.suppress(ImageNotFound):
            client().images.remove(reference, force=True)


def _layer(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo(f"file-{secrets.token_hex(4)}")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
