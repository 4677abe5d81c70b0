"""What manifests in the registry's tree reference: what must stay because of them, and what a pull fetches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ops.registry.references import LEAF, MAX_MANIFEST_BYTES, References, is_manifest, references
from ops.registry.tree import DIGEST, RegistryTree

# Where manifests of any kind list what a client fetches, and the key of the digest. Go reads keys in any case.
_LISTS = {"config": "digest", "layers": "digest", "manifests": "digest", "blobs": "digest", "fslayers": "blobsum"}
# Few manifests are longer.
_CHUNK = 64 * 1024


class BlobFiles(Protocol):
    """Where blobs are: a tree, or snapshots with their trash."""

    def blob(self, digest: str) -> Path:
        """Return the file of a blob or manifest."""


@dataclass
class Reach:
    """Everything that may be reached from some roots, read conservatively. Each manifest is read once.

    Attributes:
        trees: Where manifests are read: the first tree that has them.
        digests: What has been reached so far.
        read: By manifest that was reached and exists, what it references.
        aliases: The digest under which the registry keeps a blob, by its digest of another algorithm.
        unreadable: Why the content of a digest could not be read: it may lead to anything.
    """

    source: BlobFiles
    digests: set[str] = field(default_factory=set)
    read: dict[str, References] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)

    def blobs(self, digests: Iterable[str]) -> None:
        """Add blobs to what is reached."""
        for digest in digests:
            self.digests.add(digest)
            if digest in self.aliases:
                self.digests.add(self.aliases[digest])

    def manifests(self, digests: Iterable[str], *, having: Container[str] | None = None) -> None:
        """Add manifests, and everything that they may reference.

        A manifest without content is tried again each time: it may have been pushed in the meantime.

        Args:
            digests: The roots.
            having: The manifests that some repository has, as nothing else can be pulled as one. None to look into everything.
        """
        pending, seen = list(digests), set[str]()
        while pending:
            digest = pending.pop()
            self.blobs([digest])
            if digest in seen or (having is not None and digest not in having):
                continue
            seen.add(digest)
            found = self.references(digest)
            if found is not None:
                self.blobs(found.digests)
                pending.extend(found.digests)

    def references(self, digest: str) -> References | None:
        """Return what a manifest references; None while it has no content, or if that cannot be read."""
        if digest not in self.read:
            try:
                self.read[digest] = _references(self.source.blob(digest))
                self.unreadable.pop(digest, None)
            except FileNotFoundError:
                pass
            except OSError as error:
                self.unreadable[digest] = f"{error.filename or digest}: {error.strerror or error}"
        return self.read.get(digest)


def _references(blob: Path) -> References:
    with blob.open("rb", buffering=0) as file:
        content = file.read(_CHUNK)
        # A layer is not read completely only to learn that it is not a manifest.
        if content.strip() and not is_manifest(content):
            return LEAF
        while len(content) <= MAX_MANIFEST_BYTES and (more := file.read(_CHUNK)):
            content += more
    return references(content)


@dataclass(frozen=True)
class Fetched:
    """What a client fetches to pull an image.

    Attributes:
        digests: All of it, manifests included.
        elsewhere: Those of them that the image says to fetch from other hosts, and that need not be here.
        missing: Those of its manifests that are not here, so that it is unknown what they lead to.
    """

    digests: frozenset[str]
    elsewhere: frozenset[str]
    missing: frozenset[str] = frozenset()


def fetched(source: BlobFiles, root: str) -> Fetched:
    """Return what a client fetches to pull a manifest, as far as its manifests are here.

    Raises:
        OSError: One cannot be read.
    """
    digests, elsewhere, missing = set[str](), set[str](), set[str]()
    pending = [root]
    while pending:
        digest = pending.pop()
        if digest in digests:
            continue
        digests.add(digest)
        try:
            with source.blob(digest).open("rb") as file:
                content = file.read(MAX_MANIFEST_BYTES + 1)
        except FileNotFoundError:
            missing.add(digest)
            continue
        for kind, found, urls in _descriptors(content):
            if kind == "manifests":
                pending.append(found)  # a build cache lists layers there, which are not JSON and lead nowhere
            else:
                digests.add(found)
            if urls:
                elsewhere.add(found)
    return Fetched(frozenset(digests), frozenset(elsewhere), frozenset(missing))


def _descriptors(content: bytes) -> Iterator[tuple[str, str, bool]]:
    """Give the list, the digest, and whether there are other addresses, of each descriptor that can be understood."""
    if not is_manifest(content):
        return
    try:
        document = _folded(json.loads(content.decode(errors="replace")))
    except (ValueError, RecursionError):
        return
    for kind, key in _LISTS.items():
        listed = document.get(kind)
        for one in listed if isinstance(listed, list) else [listed]:
            descriptor = _folded(one)
            digest = descriptor.get(key)
            if isinstance(digest, str) and DIGEST.fullmatch(digest):
                yield kind, digest, bool(descriptor.get("urls"))


def _folded(value: Any) -> dict[str, Any]:
    return {key.casefold(): item for key, item in value.items()} if isinstance(value, dict) else {}


def image_problems(tree: RegistryTree, repository: str, tag: str) -> list[str]:
    """Return why a tag cannot be pulled completely. Every file that it needs is read and compared with its digest.

    Raises:
        TreeError: The tag's link is invalid.
    """
    root = tree.tagged(repository, tag)
    if root is None:
        return [f"{repository}:{tag} does not exist"]
    image = fetched(tree, root)
    problems = []
    for digest in sorted(image.digests):
        links = (tree.revision(repository, digest), tree.layer(repository, digest))
        if digest in image.elsewhere and not any(link.is_file() for link in links):
            continue
        if not any(link.is_file() for link in links):
            problems.append(f"{repository}:{tag}: {digest} is not linked in the repository")
        try:
            if not has_content(tree.blob(tree.stored_as(repository, digest)), digest):
                problems.append(f"{repository}:{tag}: {digest} has the wrong content")
        except FileNotFoundError:
            problems.append(f"{repository}:{tag}: {digest} is missing")
    return problems


def has_content(file: Path, digest: str) -> bool:
    """Whether a file has the content that a digest stands for. Of an algorithm that Python lacks it is taken to have.

    Raises:
        OSError: It cannot be read.
    """
    algorithm, _, encoded = digest.partition(":")
    with file.open("rb") as content:
        try:
            return hashlib.file_digest(content, algorithm).hexdigest() == encoded
        except ValueError:
            return True


def hash_of(digest: str) -> hashlib._Hash | None:
    """Return what computes a digest's hash; None for an algorithm that Python lacks."""
    try:
        return hashlib.new(digest.partition(":")[0])
    except ValueError:
        return None
