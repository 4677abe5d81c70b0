"""Registry trees laid out by hand, as pushes, moved tags and deletes leave them: chosen at random, the same for the same seed."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from ops.registry.tree import RegistryTree
from tests.ops.tasks.gc.gc_rig import digest_of, image_manifest

IMAGE = "application/vnd.oci.image.manifest.v1+json"
DOCKER_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


@dataclass
class Layout:
    """A tree, and what writes into it as the registry does."""

    tree: RegistryTree
    random: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311

    def blob(self, content: bytes) -> str:
        digest = digest_of(content)
        self.write(str(self.tree.blob(digest)), content)
        return digest

    def layer(self, repository: str, content: bytes, algorithm: str = "sha256") -> str:
        # The registry stores by SHA-256, and links other digests to that: blobwriter.go and linkedblobstore.go of distribution.
        stored, digest = self.blob(content), digest_of(content, algorithm)
        for linked in {stored, digest}:
            self.write(str(self.tree.layer(repository, linked)), stored.encode())
        return digest

    def manifest(self, repository: str, content: bytes) -> str:
        digest = self.blob(content)
        self.write(str(self.tree.revision(repository, digest)), digest.encode())
        return digest

    def tag(self, repository: str, tag: str, digest: str) -> None:
        current = self.tree.tag(repository, tag)
        self.write(str(current), digest.encode())
        self.write(str(current.parent.parent / "index" / digest.replace(":", "/") / "link"), digest.encode())

    def image(self, repository: str, layers: Sequence[bytes], *, kind: str = IMAGE, **more: object) -> str:
        """Lay out an image without a tag; return its digest."""
        described = [
            {"mediaType": "application/x", "digest": self.layer(repository, one), "size": len(one)}
            for one in (repr(sorted(map(digest_of, layers))).encode(), *layers)
        ]
        return self.manifest(repository, image_manifest(described, kind, **more))

    def index(self, repository: str, children: Sequence[str], *, kind: str = INDEX) -> str:
        listed = [{"mediaType": IMAGE, "digest": one, "size": self.tree.blob(one).stat().st_size} for one in children]
        return self.manifest(repository, json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": listed}).encode())

    def write(self, path: str, content: bytes) -> None:
        """Write a file, given its path below the tree's version folder."""
        file = self.tree.top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def scatter(layout: Layout, *, repositories: int = 4, steps: int = 40) -> None:
    """Push, move and delete at random: images that share layers, indexes, indexes of indexes, in nested repositories."""
    rng = layout.random
    names = [f"team{number % 2}/{'sub/' * (number % 3)}app{number}" for number in range(repositories)]
    manifests: dict[str, list[str]] = {name: [] for name in names}
    for _ in range(steps):
        name = rng.choice(names)
        known = manifests[name]
        layers = [f"layer {rng.randrange(30)}".encode() for _ in range(rng.randrange(1, 4))]
        match rng.randrange(10):
            case 0 | 1 if known:
                kind = rng.choice([INDEX, DOCKER_LIST])
                made = layout.index(name, rng.sample(known, min(len(known), rng.randrange(1, 4))), kind=kind)
            case 2:
                layout.layer(name, rng.randbytes(20))  # a push that was given up
                continue
            case 3:
                layout.blob(rng.randbytes(20))  # nobody's
                continue
            case _:
                made = layout.image(name, layers, kind=rng.choice([IMAGE, DOCKER_IMAGE]))
        known.append(made)
        if rng.randrange(3):
            layout.tag(name, f"v{rng.randrange(6)}", made)


_LAYERS = 8
_TAGS = 50


def lay_out_images(tree: RegistryTree, blobs: int) -> None:
    """Lay out many small images, of which every third has no tag any more.

    Args:
        tree: The tree.
        blobs: How many blobs there are afterwards, about.
    """
    for number in range(blobs // (_LAYERS + 2)):
        repository, tag = f"bench/{number // _TAGS}", f"v{number % _TAGS}"
        contents = [f"{number} {layer}".encode() for layer in range(_LAYERS + 1)]
        described = [{"mediaType": "application/x", "digest": digest_of(one), "size": len(one)} for one in contents]
        manifest = image_manifest(described)
        files = {tree.blob(digest_of(one)): one for one in (*contents, manifest)}
        files |= {tree.layer(repository, digest_of(one)): digest_of(one).encode() for one in contents}
        digest = digest_of(manifest)
        files[tree.revision(repository, digest)] = digest.encode()
        if number % 3:
            current = tree.tag(repository, tag)
            history = current.parent.parent / "index" / digest.replace(":", "/") / "link"
            files |= {current: digest.encode(), history: digest.encode()}
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
