"""What manifests in the registry's tree refer to: walked from roots, and checked by SHA-256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field

from ops.registry.tree import RegistryTree, TreeError


@dataclass(frozen=True)
class References:
    """What a manifest refers to, by digest.

    Attributes:
        blobs: Configuration and layers of an image.
        manifests: Those that an index lists.
    """

    blobs: tuple[str, ...]
    manifests: tuple[str, ...]


def references(content: bytes) -> References:
    """Return what a manifest refers to.

    https://github.com/opencontainers/image-spec/blob/main/manifest.md and image-index.md; Docker's have the same keys.

    Raises:
        ValueError: This is no manifest.
    """
    document = json.loads(content)
    if not isinstance(document, dict):
        raise ValueError("no JSON object")
    config = [document["config"]] if "config" in document else []
    blobs = [*config, *(document.get("layers") or [])]
    try:
        return References(tuple(one["digest"] for one in blobs), tuple(one["digest"] for one in document.get("manifests") or []))
    except (TypeError, KeyError) as error:
        raise ValueError(f"a descriptor without {error}") from error


@dataclass
class Reach:
    """Everything that some roots lead to. Each manifest is read once.

    Attributes:
        trees: Where manifests are read: in the first one that has them.
        digests: What has been reached so far.
        read: What manifests refer to, of those that were reached and have content.
    """

    trees: Sequence[RegistryTree]
    digests: set[str] = field(default_factory=set)
    read: dict[str, References] = field(default_factory=dict)

    def blobs(self, digests: Iterable[str]) -> None:
        """Reach blobs."""
        self.digests.update(digests)

    def manifests(self, digests: Iterable[str], *, having: Container[str] | None = None) -> None:
        """Reach manifests, and what they refer to.

        One that has no content leads nowhere, and is read again when it is asked for again: it may be pushed meanwhile.

        Args:
            digests: The roots.
            having: The manifests of the repository whose roots these are: only they can be pulled from it. None for all.

        Raises:
            TreeError: One cannot be understood.
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
                        f"{file}: is no manifest ({error}); delete the tags and revisions that point to it"
                    ) from error
        return self.read.get(digest)


def image_problems(tree: RegistryTree, repository: str, tag: str) -> list[str]:
    """Return what hinders a tag from being pulled whole; every file that it leads to is read and compared with its digest.

    Raises:
        TreeError: A link or manifest cannot be understood.
    """
    root = tree.tagged(repository, tag)
    if root is None:
        return [f"{repository}:{tag} names nothing"]
    reach = Reach([tree])
    reach.manifests([root])
    problems = []
    for digest in sorted(reach.digests):
        link = tree.revision(repository, digest) if digest in reach.read else tree.layer(repository, digest)
        if not link.is_file():
            problems.append(f"{repository}:{tag}: {digest} is not linked")
        try:
            with tree.blob(digest).open("rb") as file:
                found = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        except FileNotFoundError:
            problems.append(f"{repository}:{tag}: {digest} is missing")
            continue
        if found != digest:
            problems.append(f"{repository}:{tag}: {digest} has other content")
    return problems
