"""Every kind of manifest that the registry takes, as clients push it, and whether it can be pulled whole."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tests.ops.tasks.gc.gc_rig import INDEX, MANIFEST, Client, digest_of, image_manifest
from tests.ops.tasks.gc.trees import DOCKER_IMAGE

_LAYER, _CACHE = "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.buildkit.cacheconfig.v0"
_GONE = digest_of(b"never pushed")


@dataclass(frozen=True)
class PushedKind:
    """A kind of manifest.

    Attributes:
        name: What it is; also the last part of its repository's name.
        build: Makes the manifest from descriptors: of the configuration, and of the layers.
        media_type: What it is sent as.
        algorithm: What its blobs are named by.
    """

    name: str
    build: Callable[[Sequence[Mapping[str, Any]]], bytes]
    media_type: str = MANIFEST
    algorithm: str = "sha256"

    @property
    def repository(self) -> str:
        """Where it is pushed."""
        return f"kinds/{self.name}"

    def contents(self, seed: str) -> list[bytes]:
        """Return the configuration and the layers, the same for the same seed."""
        return [random.Random(f"{self.name} {seed} {number}").randbytes(100) for number in range(3)]  # noqa: S311

    def manifest(self, seed: str) -> bytes:
        """Return the manifest."""
        described = [
            {"mediaType": "application/x", "digest": digest_of(one, self.algorithm), "size": len(one)}
            for one in self.contents(seed)
        ]
        return self.build(described)

    def push(self, client: Client, tag: str, seed: str) -> httpx.Response:
        """Push it; return the answer of the first step that failed, or of the last."""
        for content in self.contents(seed):
            answer = client.push_blob(self.repository, content, self.algorithm)
            if not answer.is_success:
                return answer
        return client.push_manifest(self.repository, tag, self.manifest(seed), self.media_type)

    def problems(self, client: Client, tag: str, seed: str) -> list[str]:
        """Pull it; return what is wrong."""
        path = f"/v2/{self.repository}"
        found = client.ask("GET", f"{path}/manifests/{tag}", headers={"Accept": self.media_type})
        problems = [] if found.content == self.manifest(seed) else [f"{self.name}:{tag}: {found.status_code} {found.text[:200]}"]
        for content in self.contents(seed):
            blob = client.ask("GET", f"{path}/blobs/{digest_of(content, self.algorithm)}")
            if blob.content != content:
                problems.append(f"{self.name}:{tag}: blob: {blob.status_code} {blob.text[:200]}")
        return problems


def _build_cache(described: Sequence[Mapping[str, Any]]) -> bytes:
    """As buildx exports one: the registry takes an index that lists blobs only if they have such types."""
    config, *layers = described
    listed = [*({**one, "mediaType": _LAYER} for one in layers), {**config, "mediaType": _CACHE}]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()


def _other_case(described: Sequence[Mapping[str, Any]]) -> bytes:
    document = {"SchemaVersion": 2, "MediaType": MANIFEST, "CONFIG": described[0], "Layers": described[1:]}
    return json.dumps(document).encode()


def _followed_by(more: bytes) -> Callable[[Sequence[Mapping[str, Any]]], bytes]:
    """Return a builder of images with something that the registry does not look at."""
    return lambda described: image_manifest(described)[:-1] + b', "x": ' + more + b"}"


PUSHED_KINDS = (
    PushedKind("image", image_manifest),
    PushedKind("docker", lambda described: image_manifest(described, DOCKER_IMAGE), DOCKER_IMAGE),
    PushedKind("sha512", image_manifest, algorithm="sha512"),
    PushedKind("build-cache", _build_cache, INDEX),
    PushedKind("artifact", lambda described: image_manifest(described, artifactType="application/vnd.example")),
    PushedKind(
        "referrer", lambda described: image_manifest(described, subject={"mediaType": MANIFEST, "digest": _GONE, "size": 1})
    ),
    PushedKind("other-case", _other_case),
    PushedKind("escaped", lambda described: image_manifest(described).replace(b'"sha256:', b'"\\u0073ha256:')),
    PushedKind("brackets", _followed_by(b"[" * 5000 + b"]" * 5000)),
    PushedKind("not-utf-8", _followed_by(b'"\xff\xfe"')),
    PushedKind("number", lambda described: image_manifest(described, blobs=7, fsLayers=7)),
)
