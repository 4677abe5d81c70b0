"""Every kind of content that registries hold, laid out at random, and what their collector is given instead where it fails."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ops.registry.tree import Entry, Kind, path_of
from tests.ops.tasks.gc.gc_rig import digest_of, image_manifest
from tests.ops.tasks.gc.trees import DOCKER_IMAGE, DOCKER_LIST, IMAGE, INDEX, Layout

DAMAGED = "damaged/app"
REPOSITORIES = ("team/app", "team/sub/app", "other", DAMAGED)
NEVER_HERE = digest_of(b"never here")
_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
_BLOB = "application/x"


@dataclass(frozen=True)
class Referrer:
    """A manifest that goes with the one that it is about.

    Attributes:
        repository: Its repository.
        tag: The tag that holds it, in the collector's copy at least: that one knows no other referrers.
        subject: What it is about.
    """

    repository: str
    tag: str
    subject: str


@dataclass
class EveryKind(Layout):
    """A tree with content of every kind.

    Attributes:
        instead: What the copy for the registry's collector has at a path, because the collector fails on what is there, or takes
            what belongs to it; None for nothing.
        referrers: Those that go with their subject.
        known: The manifests of each repository.
        listed: Those that an index lists.
    """

    instead: dict[str, bytes | None] = field(default_factory=dict)
    referrers: set[Referrer] = field(default_factory=set)
    known: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in REPOSITORIES})
    listed: set[str] = field(default_factory=set)

    def scatter(self, steps: int = 80) -> None:
        """Lay out manifests of all kinds, with tags that move; delete some; leave what crashes and people leave."""
        for _ in range(steps):
            name, make = self.random.choice(REPOSITORIES), self.random.choice(KINDS)
            made = make(self, name)
            if made:
                self.known[name].append(made)
                if self.random.randrange(3):
                    self.tag(name, f"v{self.random.randrange(8)}", made)
        self._damage()

    def contents(self) -> list[bytes]:
        """Choose the contents of a few layers, which others may have too."""
        return [f"layer {self.random.randrange(40)}".encode() for _ in range(self.random.randrange(1, 4))]

    def described(self, name: str, contents: Sequence[bytes], algorithm: str = "sha256") -> list[dict[str, Any]]:
        """Lay out layers; return their descriptors."""
        return [
            {"mediaType": _BLOB, "digest": self.layer(name, one, algorithm), "size": len(one)}
            for one in (repr(contents).encode(), *contents)
        ]

    def odd(self, name: str, content: bytes, layers: Sequence[Mapping[str, Any]]) -> str:
        """Lay out a manifest on which the collector fails; that one gets an image of the same layers."""
        digest = self.manifest(name, content)
        self.instead[path_of(Entry(Kind.BLOB, digest))] = image_manifest(layers)
        return digest

    def subject(self, name: str) -> str:
        """Choose what a referrer is about: mostly something that is here, or was."""
        return self.random.choice([*self.known[name], *self.known[name], NEVER_HERE])

    def refer(self, name: str, tag: str, subject: str) -> None:
        """Note a referrer, unless nobody knows its subject: then it stays."""
        if self.tree.revision(name, subject).parent.is_dir():
            self.referrers.add(Referrer(name, tag, subject))

    def delete(self, name: str, digest: str) -> None:
        """Delete a manifest as the registry does: its folder and what it references stay, its tags go."""
        self.tree.revision(name, digest).unlink(missing_ok=True)
        for tag in self.tree.tag_names(name):
            if self.tree.tagged(name, tag) == digest:
                shutil.rmtree(self.tree.tag_folder(name, tag))
        self.known[name] = [one for one in self.known[name] if one != digest]

    def _damage(self) -> None:
        """Damage links of one repository, all of which stays; put things that are none of the registry's everywhere."""
        for digest in self.known[DAMAGED]:
            self.instead[path_of(Entry(Kind.TAG, "", DAMAGED, f"stays-{digest[-12:]}"))] = digest.encode()
            revision = path_of(Entry(Kind.REVISION, digest, DAMAGED))
            self.instead[revision] = digest.encode()
            self.write(revision, self.random.choice([b"", b"\x00" * 71, digest.encode()]))
        tag = path_of(Entry(Kind.TAG, "", DAMAGED, "damaged"))
        self.write(tag, self.random.choice([b"", b"sha256:short", b"\x00" * 71]))
        self.instead[tag] = None
        hexes = f"{self.random.randrange(16**8):064x}"
        for path in (
            "repositories/.directory",
            "repositories/lost+found/.keep",
            "repositories/team/app/_manifests/tags/.nfs0001",
            f"repositories/team/app/_layers/sha256/{hexes}/link.123.tmp",
            f"repositories/team/app/_manifests/revisions/sha256/{hexes[:20]}/link",
            "repositories/other/_thumbnails/x",
            f"repositories/other/_uploads/{hexes}/data",
            "blobs/sha256/zz/readme",
            f"blobs/sha256/00/{hexes}/data.tmp",
            "blobs/.trash/x",
        ):
            self.write(path, b"somebody's")
            self.instead[path] = None


def _plain(layout: EveryKind, name: str) -> str:
    return layout.image(name, layout.contents(), kind=layout.random.choice([IMAGE, DOCKER_IMAGE]))


def _index(layout: EveryKind, name: str) -> str:
    """An index, also of indexes, and of things that do not belong into one."""
    known = layout.known[name]
    if not known:
        return ""
    children = layout.random.sample(known, min(len(known), layout.random.randrange(1, 4)))
    layout.listed.update(children)
    return layout.index(name, children, kind=layout.random.choice([INDEX, DOCKER_LIST]))


def _schema_1(layout: EveryKind, name: str) -> str:
    layers = layout.described(name, layout.contents())
    listed = [{"blobSum": one["digest"]} for one in layers]
    return layout.odd(name, json.dumps({"schemaVersion": 1, "name": name, "fsLayers": listed}).encode(), layers)


def _sha512(layout: EveryKind, name: str) -> str:
    contents = layout.contents()
    layers = layout.described(name, contents, "sha512")
    for one in layers:
        layout.instead[path_of(Entry(Kind.LAYER, one["digest"], name))] = None
    return layout.odd(name, image_manifest(layers), layout.described(name, contents))


def _build_cache(layout: EveryKind, name: str) -> str:
    """As buildx exports one without `image-manifest=true`."""
    layers = layout.described(name, layout.contents())
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*layers[1:], layers[0]]}
    return layout.odd(name, json.dumps(document).encode(), layers)


def _artifact(layout: EveryKind, name: str) -> str:
    layers = layout.described(name, layout.contents())
    return layout.odd(name, json.dumps({"mediaType": _ARTIFACT, "artifactType": "a/b", "blobs": layers}).encode(), layers)


def _typed_artifact(layout: EveryKind, name: str) -> str:
    layers = layout.described(name, layout.contents())
    return layout.manifest(name, image_manifest(layers, artifactType="application/vnd.example"))


def _other_case(layout: EveryKind, name: str) -> str:
    """Go takes keys in any case, and the registry is written in it."""
    config, *layers = layout.described(name, layout.contents())
    document = {"schemaVersion": 2, "MediaType": IMAGE, "CONFIG": config, "Layers": layers}
    return layout.manifest(name, json.dumps(document).encode())


def _escaped(layout: EveryKind, name: str) -> str:
    layers = layout.described(name, layout.contents())
    return layout.manifest(name, image_manifest(layers).replace(b'"sha256:', b'"\\u0073ha256:'))


def _elsewhere(layout: EveryKind, name: str) -> str:
    """An image with a layer that lies with its maker, as Windows images had."""
    layers = layout.described(name, layout.contents())
    foreign = {"mediaType": _BLOB, "digest": NEVER_HERE, "size": 1, "urls": ["https://maker.example/layer"]}
    return layout.manifest(name, image_manifest([*layers, foreign]))


def _broken(layout: EveryKind, name: str) -> str:
    """JSON that Python or Go cannot read, or that holds what does not belong there."""
    layers = layout.described(name, layout.contents())
    text = image_manifest(layers)
    content = layout.random.choice(
        [
            text.rstrip(b"}]"),
            text[:-1] + b',"x":' + b"[" * 5000 + b"]" * 5000 + b"}",
            text[:-1] + b',"x":"\xff\xfe"}',
            text.replace(b'"layers": [', b'"layers": 7, "blobs": ['),
        ]
    )
    return layout.odd(name, content, layers)


def _signature(layout: EveryKind, name: str) -> str:
    """As cosign keeps one: by a tag named after its subject."""
    subject = layout.subject(name)
    made = layout.image(name, [b"signature " + layout.random.randbytes(4).hex().encode()])
    tag = f"{subject.replace(':', '-')}{layout.random.choice(['.sig', '.att', ''])}"
    layout.tag(name, tag, made)
    layout.refer(name, tag, subject)
    return ""


def _untagged_referrer(layout: EveryKind, name: str) -> str:
    """As the specification has it since 1.1: it says itself what it is about, and has no tag."""
    subject = layout.subject(name)
    layers = layout.described(name, [b"statement " + layout.random.randbytes(4).hex().encode()])
    made = layout.manifest(name, image_manifest(layers, subject={"mediaType": IMAGE, "digest": subject, "size": 1}))
    tag = f"refers-{made[-12:]}"
    layout.instead[path_of(Entry(Kind.TAG, "", name, tag))] = made.encode()
    layout.refer(name, tag, subject)
    return ""


def _deleted(layout: EveryKind, name: str) -> str:
    possible = [one for one in layout.known[name] if one not in layout.listed]
    if possible:
        layout.delete(name, layout.random.choice(possible))
    return ""


def _given_up(layout: EveryKind, name: str) -> str:
    layout.layer(name, layout.random.randbytes(20))
    layout.blob(layout.random.randbytes(20))
    return ""


KINDS: Sequence[Callable[[EveryKind, str], str]] = (
    *(_plain, _plain, _index, _schema_1, _sha512, _build_cache, _artifact, _typed_artifact, _other_case, _escaped, _elsewhere),
    *(_broken, _signature, _signature, _untagged_referrer, _deleted, _given_up),
)
