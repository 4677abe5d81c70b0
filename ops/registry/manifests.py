"""What manifests in the registry's tree reference: followed from roots, and checked by SHA-256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field

from ops.registry.tree import RegistryTree, TreeError


@dataclass(frozen=True)
class References:
    """What a manifest references, by digest.

    Attributes:
        blobs: An image's config and layers.
        manifests: The manifests that an index lists.
    """

    blobs: tuple[str, ...]
    manifests: tuple[str, ...]


def references(content: bytes) -> References:
    """Return what a manifest references.

    https://github.com/opencontainers/image-spec/blob/main/manifest.md and image-index.md; Docker's have the same keys.

    Raises:
        ValueError: This is not a manifest.
    """
    document = json.loads(content)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    config = [document["config"]] if "config" in document else []
    blobs = [*config, *(document.get("layers") or [])]
    try:
        return References(tuple(one["digest"] for one in blobs), tuple(one["digest"] for one in document.get("manifests") or []))
    except (TypeError, KeyError) as error:
        raise ValueError(f"a descriptor without {error}") from error


@dataclass
class Reach:
    """Everything that can be reached from some roots. Each manifest is read once.

    Attributes:
        trees: Where manifests are read: the first tree that has them.
        digests: What has been reached so far.
        read: By manifest that was reached and exists, what it references.
    """

    trees: Sequence[RegistryTree]
    digests: set[str] = field(default_factory=set)
    read: dict[str, References] = field(default_factory=dict)

    def blobs(self, digests: Iterable[str]) -> None:
        """Add blobs to what is reached."""
        self.digests.update(digests)

    def manifests(self, digests: Iterable[str], *, having: Container[str] | None = None) -> None:
        """Add manifests, and everything that they reference.

        A manifest without content is tried again each time: it may have been pushed in the meantime.

        Args:
            digests: The roots.
            having: The manifests in the roots' repository, as only they can be pulled from it. None for all.

        Raises:
            TreeError: A manifest is invalid.
        """
        pending, seen = list(digests), set[str]()
        while pending:
            digest = pending.pop()
            self.digests.add(digest)
            if digest in seen or (having is not None and digest not in having):
                continue
            seen.add(digest)
            found = self._references(digest)
            if found is not None:
                self.digests.update(found.blobs)
                pending.extend(found.manifests)

    def _references(self, digest: str) -> References | None:
        if digest not in self.read:
            for file in (tree.blob(digest) for tree in self.trees):
                try:
                    self.read[digest] = references(file.read_bytes())
                    break
                except FileNotFoundError:
                    continue
                except ValueError as error:
                    raise TreeError(
                        f"{file}: is not a manifest ({error}); delete the tags and revisions that point to it"
                    ) from error
        return self.read.get(digest)


def image_problems(tree: RegistryTree, repository: str, tag: str) -> list[str]:
    """Return why a tag cannot be pulled completely. Every file that it needs is read and compared with its digest.

    Raises:
        TreeError: A link or manifest is invalid.
    """
    root = tree.tagged(repository, tag)
    if root is None:
        return [f"{repository}:{tag} does not exist"]
    reach = Reach([tree])
    reach.manifests([root])
    problems = []
    for digest in sorted(reach.digests):
        link = tree.revision(repository, digest) if digest in reach.read else tree.layer(repository, digest)
        if not link.is_file():
            problems.append(f"{repository}:{tag}: {digest} is not linked in the repository")
        try:
            with tree.blob(digest).open("rb") as file:
                found = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        except FileNotFoundError:
            problems.append(f"{repository}:{tag}: {digest} is missing")
            continue
        if found != digest:
            problems.append(f"{repository}:{tag}: {digest} has the wrong content")
    return problems
