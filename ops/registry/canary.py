"""The canary: a small image generated from a seed, so that what is pulled can be compared with what was pushed."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass

from ops.registry.client import MANIFEST_TYPE, digest_of

REPOSITORY = "regops/canary"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_SIZE = 4096


@dataclass(frozen=True)
class Canary:
    """A complete image that every client can pull: its manifest, and the config and layer that it references."""

    manifest: bytes
    blobs: Sequence[bytes]

    @property
    def digest(self) -> str:
        """The manifest's digest."""
        return digest_of(self.manifest)


def make_canary(seed: str) -> Canary:
    """Return the image of a seed: the same seed gives the same bytes, and different seeds share no blobs."""
    layer = _layer(hashlib.shake_256(seed.encode()).digest(_SIZE))
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {"org.opencontainers.image.title": "canary of the private registry"}},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
        }
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": _descriptor(_CONFIG_TYPE, config),
        "layers": [_descriptor(_LAYER_TYPE, layer)],
    }
    return Canary(_json(manifest), (config, layer))


def _layer(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo("canary")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def _json(value: dict[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
