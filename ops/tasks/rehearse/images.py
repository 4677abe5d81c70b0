"""Small images for rehearsals: the same for the same seed, and many of them share layers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from ops.registry.client import MANIFEST_TYPE, digest_of

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
_CONFIG_TYPE, _LAYER_TYPE = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar"
_SIZES = (0, 300, 3000)


@dataclass(frozen=True)
class Image:
    """An image, or an index of images.

    Attributes:
        manifest: Its manifest.
        media_type: Of the manifest.
        blobs: Its configuration and its layers.
        children: The images of an index.
    """

    manifest: bytes
    media_type: str = MANIFEST_TYPE
    blobs: Sequence[bytes] = ()
    children: Sequence[Image] = ()

    @property
    def digest(self) -> str:
        """The manifest's digest."""
        return digest_of(self.manifest)

    def descriptor(self) -> dict[str, Any]:
        """Return how others name it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.manifest)}


def make_image(seed: str, layers: Sequence[int], subject: Image | None = None) -> Image:
    """Return an image.

    Args:
        seed: Of its configuration, which no other image has.
        layers: Numbers of its layers: equal numbers are equal layers.
        subject: The image that it belongs to, as a signature does.
    """
    config = json.dumps({"architecture": "amd64", "os": "linux", "seed": seed}).encode()
    blobs = [config, *(Random(number).randbytes(_SIZES[number % len(_SIZES)]) for number in layers)]  # noqa: S311
    named = [{"mediaType": _LAYER_TYPE, "digest": digest_of(one), "size": len(one)} for one in blobs]
    document = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": {**named[0], "mediaType": _CONFIG_TYPE}}
    document |= {"layers": named[1:]} | ({"subject": subject.descriptor()} if subject else {})
    return Image(json.dumps(document).encode(), MANIFEST_TYPE, blobs)


def make_index(images: Sequence[Image]) -> Image:
    """Return an index of images, as one for several platforms is."""
    document = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [one.descriptor() for one in images]}
    return Image(json.dumps(document).encode(), INDEX_TYPE, (), images)


@dataclass(frozen=True)
class Shape:
    """What a manifest leads to, read from its content by rules of its own: the registry's tree has no part in it.

    Attributes:
        children: Manifests of an index.
        blobs: Its configuration and its layers.
        subject: The manifest that it belongs to; empty for most.
    """

    children: tuple[str, ...] = ()
    blobs: tuple[str, ...] = ()
    subject: str = ""


def shape_of(manifest: bytes) -> Shape:
    """Return what a manifest leads to; layers that are kept elsewhere are left out.

    Raises:
        ValueError: It is no manifest.
    """
    document = json.loads(manifest)
    config = [document["config"]] if "config" in document else []
    return Shape(
        children=tuple(one["digest"] for one in document.get("manifests") or ()),
        blobs=tuple(one["digest"] for one in (*config, *(document.get("layers") or ())) if not one.get("urls")),
        subject=(document.get("subject") or {}).get("digest", ""),
    )
