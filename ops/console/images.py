"""What the registry has, read from its tree: repositories, their tags, and what is behind a digest."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from threading import Lock
from typing import Any, NamedTuple

from ops.console.recent import Recent
from ops.registry.references import MAX_MANIFEST_BYTES
from ops.registry.tree import RegistryTree, TreeError

_REMEMBERED = 4000
# Indexes within indexes, of which nobody has a use for more than one, and sizes: who may push may write what he likes.
_DEEPEST = 8
_LARGEST = 2**63 - 1
# The tags under which clients look for what refers to a digest, without the referrers API, and where cosign puts signatures:
# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
_REFERRING = "sha256-"


@dataclass(frozen=True)
class Repository:
    """A repository.

    Attributes:
        name: Its name.
        tags: How many tags it has.
        pushed: When one of them was last set, in seconds since 1970; None without tags.
    """

    name: str
    tags: int
    pushed: float | None


class Tag(NamedTuple):
    """A tag, and when it was last set, in seconds since 1970."""

    name: str
    pushed: float


@dataclass(frozen=True)
class Part:
    """A layer, or another blob of an image.

    Attributes:
        digest: Its digest.
        size: Its compressed size in bytes.
        media_type: Its media type; empty if the manifest names none.
        title: The file's name, for artifacts that give it one.
    """

    digest: str
    size: int
    media_type: str = ""
    title: str = ""


@dataclass(frozen=True)
class Platform:
    """One image of an index, or the only one.

    Attributes:
        name: Such as `linux/arm64`; another word for what is no image.
        digest: The digest of its manifest.
        size: Its compressed size in bytes; None if its manifest is not here.
    """

    name: str
    digest: str
    size: int | None


@dataclass(frozen=True)
class Image:
    """What is behind a digest.

    Attributes:
        digest: The digest of its manifest.
        kind: `image`, `index`, `artifact`, or `unknown` for what is not understood.
        media_type: The manifest's media type.
        artifact: What an artifact is.
        size: The compressed size of all its platforms in bytes, each blob counted once.
        platforms: Its platforms.
        parts: Its layers; none of an index.
        config: The digest of its configuration; empty without one.
        annotations: The manifest's annotations.
    """

    digest: str
    kind: str = "unknown"
    media_type: str = ""
    artifact: str = ""
    size: int = 0
    platforms: Sequence[Platform] = ()
    parts: Sequence[Part] = ()
    config: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Images:
    """The images of a registry. Manifests never change, so what was understood of them is remembered; lists are for seconds."""

    tree: RegistryTree
    _repositories: Recent[list[Repository]] = field(default_factory=Recent)
    _tags: Recent[list[Tag]] = field(default_factory=Recent)
    _known: OrderedDict[str, Image] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def repositories(self) -> list[Repository]:
        """Return all repositories that have tags, by name.

        Raises:
            OSError: The tree cannot be read.
        """
        return self._repositories.get("", lambda _: self._look_at_repositories())

    def tags(self, repository: str) -> list[Tag]:
        """Return a repository's tags, the last pushed first; none if there is no such repository."""
        return self._tags.get(repository, self._look_at_tags)

    def digest(self, repository: str, tag: str) -> str | None:
        """Return the digest that a tag points to; None if there is none, or it cannot be read."""
        try:
            return self.tree.tagged(repository, tag)
        except (TreeError, OSError):
            return None

    def has(self, repository: str, digest: str) -> bool:
        """Whether a repository has a manifest."""
        return self.tree.revision(repository, digest).is_file()

    def image(self, digest: str) -> Image | None:
        """Return what is behind a manifest's digest; None if it is not on this disk."""
        return self._looked_at(digest, 0)

    def _looked_at(self, digest: str, within: int) -> Image | None:
        with self._lock:
            if digest in self._known:
                self._known.move_to_end(digest)
                return self._known[digest]
        document = self._document(digest)
        if document is None:
            return None
        image = self._understood(digest, document, within)
        # What is not complete may be so soon, since a mirror brings an index before all of its platforms.
        if all(platform.size is not None for platform in image.platforms):
            with self._lock:
                self._known[digest] = image
                while len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return image

    def configuration(self, image: Image) -> Mapping[str, Any]:
        """Return an image's configuration; nothing if it has none that can be read."""
        return self._document(image.config) or {} if image.config else {}

    def referring(self, repository: str, digest: str) -> list[tuple[str, str]]:
        """Return the tags of what refers to a manifest, such as signatures, and what each is."""
        prefix = _REFERRING + digest.partition(":")[2]
        found = []
        for name in self.tree.tag_names(repository):
            if name.startswith(prefix):
                image = self.image(self.digest(repository, name) or "")
                found.append((name, name.removeprefix(prefix).lstrip(".") or (image.artifact if image else "") or "referrers"))
        return found

    def _look_at_repositories(self) -> list[Repository]:
        looked = ((name, self._look_at_tags(name)) for name in self.tree.repository_names())
        return sorted((Repository(name, len(tags), tags[0].pushed) for name, tags in looked if tags), key=attrgetter("name"))

    def _look_at_tags(self, repository: str) -> list[Tag]:
        try:
            folder = os.open(f"{self.tree.repository(repository)}/_manifests/tags", os.O_RDONLY | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError):
            return []
        try:
            names = os.listdir(folder)  # noqa: PTH208  # by its number
            tags = [Tag(name, pushed) for name in names if (pushed := _written(f"{name}/current/link", folder))]
        finally:
            os.close(folder)
        tags.sort()
        tags.sort(key=attrgetter("pushed"), reverse=True)
        return tags

    def _document(self, digest: str) -> dict[str, Any] | None:
        try:
            with self.tree.blob(digest).open("rb") as file:
                content = file.read(MAX_MANIFEST_BYTES + 1)
        except (OSError, TreeError):
            return None
        try:
            document = json.loads(content)
            if b"\\ud" in content.lower():  # half a surrogate pair, which no page takes
                document = json.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    def _understood(self, digest: str, document: Mapping[str, Any], within: int) -> Image:
        media_type = _text(document.get("mediaType"))
        annotations = {_text(key): _text(value) for key, value in _members(document.get("annotations")).items()}
        if "manifests" in document:
            return self._index(digest, media_type, document, annotations, within)
        parts = [_part(one) for one in _list(document.get("layers"))]
        config = _members(document.get("config"))
        if not parts and not config:
            return Image(digest, media_type=media_type)
        size = sum_of(parts) + _number(config.get("size"))
        config_type = _text(config.get("mediaType"))
        artifact = _text(document.get("artifactType")) or ("" if _is_image_config(config_type) else config_type)
        described = {} if artifact else self._document(_text(config.get("digest"))) or {}
        platform = Platform(artifact or _platform(described), digest, size)
        return Image(
            digest=digest,
            kind="artifact" if artifact else "image",
            media_type=media_type,
            artifact=artifact,
            size=size,
            platforms=[platform],
            parts=parts,
            config=_text(config.get("digest")),
            annotations=annotations,
        )

    def _index(
        self, digest: str, media_type: str, document: Mapping[str, Any], annotations: Mapping[str, str], within: int
    ) -> Image:
        platforms, blobs, known = [], dict[str, int](), dict[str, Image | None]()
        for listed in _list(document["manifests"]):
            theirs = _text(listed.get("digest"))
            if theirs not in known:
                known[theirs] = self._looked_at(theirs, within + 1) if within < _DEEPEST else None
            image = known[theirs]
            attests = _members(listed.get("annotations")).get("vnd.docker.reference.type")
            name = _text(attests) if attests else _platform(_members(listed.get("platform")))
            platforms.append(Platform(name, theirs, image.size if image else None))
            if image:
                blobs |= {part.digest: part.size for part in image.parts} | {theirs: image.size - sum_of(image.parts)}
        return Image(digest, "index", media_type, "", sum(blobs.values()), platforms, (), "", annotations)


def sum_of(parts: Sequence[Part]) -> int:
    """Return the size of some blobs, each counted once."""
    return sum({part.digest: part.size for part in parts}.values())


def _written(path: str, folder: int) -> float:
    try:
        return os.stat(path, dir_fd=folder).st_mtime  # from the root it takes twice as long
    except OSError:
        return 0.0


def _platform(of: Mapping[str, Any]) -> str:
    words = [_text(of.get(key)) for key in ("os", "architecture", "variant")]
    return "/".join(word for word in words if word) or "unknown"


def _is_image_config(media_type: str) -> bool:
    return media_type in (
        "",
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    )


def _part(listed: Mapping[str, Any]) -> Part:
    title = _text(_members(listed.get("annotations")).get("org.opencontainers.image.title"))
    return Part(_text(listed.get("digest")), _number(listed.get("size")), _text(listed.get("mediaType")), title)


def _list(value: Any) -> Iterator[Mapping[str, Any]]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def _members(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST else 0
