"""What is marked as garbage: held to the registry's own collector on random trees, and right where that one is not."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ops.registry.listing import listing_of
from ops.registry.tree import Entry, Kind, RegistryTree, entry_of
from ops.tasks.gc.mark import Marked, mark
from ops.tasks.gc.model import Rules
from tests.ops.tasks.gc.every_kind import DAMAGED, EveryKind
from tests.ops.tasks.gc.gc_rig import digest_of
from tests.ops.tasks.gc.registry_collector import removed_by
from tests.ops.tasks.gc.trees import IMAGE, INDEX, Layout, scatter
from tests.real_programs import registry_binary

ALL = Rules(min_age_s=0)
GONE = f"sha256:{'9' * 64}"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(RegistryTree(tmp_path / "registry"))


def marked(layout: Layout, rules: Rules = ALL) -> Marked:
    return mark(layout.tree, listing_of(layout.tree), rules=rules, now=time.time() + 1)


def goes(layout: Layout, rules: Rules = ALL) -> set[str]:
    """The digests of the blobs that would go."""
    return {one.entry.digest for one in marked(layout, rules).candidates if one.entry.kind == Kind.BLOB}


def entries(paths: Iterable[str]) -> set[Entry]:
    return {entry for path in paths if (entry := entry_of(path)) is not None}


def garbage(layout: Layout) -> set[str]:
    """Lay out an image that nothing references, in a repository of its own; return the digests of all of it."""
    before = blobs(layout)
    layout.image("garbage", [b"garbage"])
    return blobs(layout) - before


def blobs(layout: Layout) -> set[str]:
    return {entry.digest for entry in entries(layout.tree.files()) if entry.kind == Kind.BLOB}


@pytest.mark.system
@pytest.mark.parametrize("seed", range(12))
def test_it_is_what_the_registrys_own_collector_removes(layout: Layout, tmp_path: Path, seed: int) -> None:
    layout.random = Random(seed)  # noqa: S311
    scatter(layout)
    judged = entries(removed_by(registry_binary(), layout.tree, tmp_path))
    ours = {one.entry for one in marked(layout).candidates}
    with_manifests = {one.repository for one in entries(layout.tree.files()) if one.kind == Kind.REVISION}
    # Of a repository without manifests the collector leaves the links, although it takes their blobs; it also leaves what a tag
    # once named when the manifest has gone some other way.
    more = {one for one in ours - judged if one.repository not in with_manifests or one.kind == Kind.TAG_HISTORY}
    assert ours - judged == more
    # A link stays with its blob, also when it is another repository that needs the blob: it costs nothing, and a push that was
    # told that the blob is there finds it.
    assert {one for one in judged - ours if one.kind != Kind.LAYER} == set()
    assert {one.digest for one in judged - ours} & {one.digest for one in ours} == set()


@pytest.mark.system
@pytest.mark.parametrize("seed", range(8))
def test_content_of_every_kind_is_garbage_when_the_registrys_own_collector_says_so(tmp_path: Path, seed: int) -> None:
    layout = EveryKind(RegistryTree(tmp_path / "registry"), Random(seed))  # noqa: S311
    layout.scatter()
    judged = entries(removed_by(registry_binary(), layout.tree, tmp_path, instead=layout.instead, referrers=layout.referrers))
    found = marked(layout)
    ours = {replace(one.entry, digest="") if one.entry.kind == Kind.TAG else one.entry for one in found.candidates}
    assert [line.partition(" cannot")[0] for line in found.unclear] == [f"{DAMAGED}: tag damaged"]
    assert {one.kind for one in ours} >= set(Kind) - {Kind.TAG}
    # Beside what the test above names: links by another digest go with their blob, to the collector they are none.
    with_manifests = {one.repository for one in entries(layout.tree.files()) if one.kind == Kind.REVISION}
    more = ours - judged
    assert {one for one in more if one.repository in with_manifests and one.kind != Kind.TAG_HISTORY and not other(one)} == set()
    # The history of a tag goes with its folder, and some tags are there for the collector alone. Of the damaged repository
    # everything stays.
    tags = {(one.repository, one.tag) for one in ours | entries(layout.instead) if one.kind == Kind.TAG}
    links = found.listing.repositories[DAMAGED]
    stays = links.layers.keys() | links.revisions.keys() | set(links.aliases.values())
    less = {one for one in judged - ours if one.kind != Kind.LAYER and (one.repository, one.tag) not in tags}
    assert {one for one in less if one.repository != DAMAGED and one.digest not in stays} == set()
    assert {one.digest for one in judged - ours} & {one.digest for one in ours if one.kind != Kind.TAG} == set()


def other(entry: Entry) -> bool:
    """Whether this is a link by a digest that the registry does not store by."""
    return entry.kind == Kind.LAYER and not entry.digest.startswith("sha256:")


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param('{{"schemaVersion":1,"fsLayers":[{{"blobSum":"{}"}}]}}', id="schema 1"),
        pytest.param('{{"Layers":[{{"DIGEST":"{}"}}]}}', id="keys in another case"),
        pytest.param('{{"layers":7,"x":"{}"}}', id="a number where a list belongs"),
        pytest.param('{{"blobs":[{{"digest":"{}"}}]}}', id="artifact"),
        pytest.param('{{"manifests":[{{"digest":"{}"}}]}}', id="a build cache, which lists layers"),
        pytest.param('{{"layers":[{{"digest":"{}"}}],"x":' + "[" * 5000 + "]" * 5000 + "}}", id="5,000 brackets"),
        pytest.param('{{"layers":[{{"digest":"{}"}}', id="cut off"),
    ],
)
def test_what_is_not_understood_keeps_all_it_might_mean_and_stops_nothing(layout: Layout, manifest: str) -> None:
    useless = garbage(layout)
    layer = layout.layer("app", b"layer")
    layout.tag("app", "v1", layout.manifest("app", manifest.format(layer).encode()))
    assert goes(layout) == useless


def test_digests_of_other_algorithms_are_digests(layout: Layout) -> None:
    useless = garbage(layout)
    wanted, unwanted = (layout.layer("app", content, "sha512") for content in (b"wanted", b"unwanted"))
    layout.tag("app", "v1", layout.manifest("app", json.dumps({"layers": [{"digest": wanted}]}).encode()))
    assert unwanted != wanted
    assert goes(layout) == {*useless, digest_of(b"unwanted")}


@pytest.mark.parametrize("content", ["", "sha256:short", "\x00"])
def test_a_tag_that_cannot_be_read_keeps_its_repository_and_is_named(layout: Layout, content: str) -> None:
    useless = garbage(layout)
    layout.image("app", [b"perhaps"])
    layout.tag("app", "v1", GONE)
    layout.tree.tag("app", "v1").write_text(content)
    found = marked(layout)
    assert {one.entry.digest for one in found.candidates if one.entry.kind == Kind.BLOB} == useless
    assert [line.partition(" cannot")[0] for line in found.unclear] == ["app: tag v1"]


def test_a_manifest_that_cannot_be_read_keeps_its_repository_and_is_named(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    useless = garbage(layout)
    image = layout.image("app", [b"layer"])
    layout.image("app", [b"perhaps"])
    layout.tag("app", "v1", image)
    path = str(layout.tree.blob(image))
    real = Path.open

    def broken(self: Path, *arguments: Any, **named: Any) -> object:
        if str(self).endswith(path.rpartition("/blobs/")[2]):
            raise OSError(5, os.strerror(5), str(self))
        return real(self, *arguments, **named)

    monkeypatch.setattr(Path, "open", broken)
    found = marked(layout)
    assert {one.entry.digest for one in found.candidates if one.entry.kind == Kind.BLOB} == useless
    assert [line.partition(" cannot")[0] for line in found.unclear] == [f"app: manifest {image}"]


def signature_of(layout: Layout, repository: str, subject: str, content: bytes = b"signature") -> tuple[str, str]:
    tag = f"{subject.replace(':', '-')}.sig"
    digest = layout.image(repository, [content])
    layout.tag(repository, tag, digest)
    return tag, digest


def test_signatures_in_a_repository_of_their_own_stay(layout: Layout) -> None:
    useless = garbage(layout)
    image = layout.image("app", [b"layer"])
    layout.tag("app", "v1", image)
    signature_of(layout, "signatures", image, b"of an image elsewhere")
    signature_of(layout, "signatures", GONE, b"of an image that was never here")
    assert goes(layout) == useless


def test_a_signature_goes_when_its_subject_was_deleted_by_digest(layout: Layout) -> None:
    """The registry leaves the folder of a manifest that it deletes, which is how one knows that it was here."""
    image = layout.image("app", [b"layer"])
    _, signature = signature_of(layout, "app", image)
    layout.tag("app", "other", layout.image("app", [b"other"]))
    layout.tree.revision("app", image).unlink()
    assert {image, signature} <= goes(layout)
    assert signature not in goes(layout, Rules(min_age_s=0, orphaned_signatures=False))


def test_a_signature_of_a_signature_stays_and_goes_with_the_image(layout: Layout) -> None:
    image = layout.image("app", [b"layer"])
    _, first = signature_of(layout, "app", image, b"first")
    _, second = signature_of(layout, "app", first, b"second")
    layout.tag("app", "v1", image)
    assert goes(layout) == set()
    layout.tree.tag("app", "v1").unlink()
    assert {image, first, second} <= goes(layout)


@pytest.mark.parametrize(("tagged", "stays"), [(True, True), (False, False)])
def test_an_untagged_referrer_goes_with_its_subject(layout: Layout, tagged: bool, stays: bool) -> None:
    image = layout.image("app", [b"layer"])
    referrer = layout.image("app", [b"statement"], subject={"mediaType": IMAGE, "digest": image, "size": 1})
    layout.tag("app", "other", layout.image("app", [b"other"]))
    if tagged:
        layout.tag("app", "v1", image)
    assert ({image, referrer} & goes(layout) == set()) is stays
    assert ({image, referrer} <= goes(layout)) is not stays


def test_an_untagged_referrer_of_what_was_never_here_stays(layout: Layout) -> None:
    layout.image("app", [b"statement"], subject={"mediaType": IMAGE, "digest": GONE, "size": 1})
    assert goes(layout) == set()


def test_the_index_of_referrers_does_not_keep_their_subject(layout: Layout) -> None:
    """https://github.com/opencontainers/distribution-spec/blob/main/spec.md#unavailable-referrers-api ."""
    image = layout.image("app", [b"layer"])
    referrer = layout.image("app", [b"statement"], subject={"mediaType": IMAGE, "digest": image, "size": 1})
    fallback = layout.index("app", [referrer], kind=INDEX)
    layout.tag("app", image.replace(":", "-"), fallback)
    layout.tag("app", "v1", image)
    assert goes(layout) == set()
    layout.tree.tag("app", "v1").unlink()
    assert {image, referrer, fallback} <= goes(layout)


def test_a_child_that_another_repository_has_stays_with_the_index_that_is_sparse(layout: Layout) -> None:
    """The registry's collector takes the child from `bbb` too: it believes to have been there already."""
    child = layout.image("bbb", [b"child"])
    for name in ("aaa", "bbb"):
        layout.tag(name, "index", layout.index(name, [child]))
    assert goes(layout) == set()


def test_an_old_data_folder_is_collected_all_the_same(layout: Layout) -> None:
    """Schema 1 with signatures below its revision, and a repository that has uploads alone."""
    useless = garbage(layout)
    layer = layout.layer("legacy/app", b"layer")
    manifest = layout.manifest("legacy/app", b'{"schemaVersion":1,"fsLayers":[{"blobSum":"%s"}]}' % layer.encode())
    layout.tag("legacy/app", "2015", manifest)
    signature = layout.blob(b'{"signature":"jws"}')
    below = layout.tree.revision("legacy/app", manifest).parent / "signatures" / signature.replace(":", "/") / "link"
    below.parent.mkdir(parents=True)
    below.write_text(signature)
    (layout.tree.repository("given-up") / "_uploads").mkdir(parents=True)
    assert goes(layout) == useless


def test_digests_are_those_of_their_content(layout: Layout) -> None:
    assert layout.blob(b"x") == digest_of(b"x")
