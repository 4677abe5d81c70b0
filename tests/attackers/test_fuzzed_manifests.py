"""Manifests of any content, as whoever may push can make them: understood as far as it goes, and never a failure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given

from ops.registry.manifests import Reach, fetched
from ops.registry.references import references
from ops.registry.tree import DIGEST, RegistryTree
from ops.tasks.drill.plan import sizes_in
from ops.tasks.sync.exact import Reading
from ops.tasks.sync.tree import platforms_of, referrers_of, size_of
from ops.tasks.sync.weights import Weights
from ops.upstream.client import Upstream
from tests.attackers.fuzzing import in_bounded_time, json_bodies
from tests.ops.console.console_rig import Browser, Furnished, console
from tests.ops.tasks.gc.trees import Layout

A, B, C = ("sha256:" + letter * 64 for letter in "abc")
DESCRIPTOR = {
    "mediaType": "application/vnd.oci.image.layer.v1.tar",
    "digest": A,
    "size": 5,
    "annotations": {"a": "b"},
    "urls": [],
}
IMAGE = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "artifactType": "a/b",
    "config": {**DESCRIPTOR, "digest": B},
    "layers": [DESCRIPTOR, {**DESCRIPTOR, "urls": ["https://example.com/layer"]}],
    "subject": {**DESCRIPTOR, "digest": C},
    "annotations": {"org.opencontainers.image.title": "an image"},
}
INDEX = {
    "schemaVersion": 2,
    "manifests": [{**DESCRIPTOR, "platform": {"os": "linux", "architecture": "amd64", "variant": "v2"}}, DESCRIPTOR],
    "annotations": {"a": "b"},
}
FORMER = {"schemaVersion": 1, "fsLayers": [{"blobSum": A}], "history": [{"v1Compatibility": "{}"}], "signatures": []}
CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "created": "2026-11-01T10:00:00Z",
    "config": {
        "Cmd": ["sh"],
        "Entrypoint": ["a"],
        "Env": ["A=b"],
        "Labels": {"a": "b"},
        "ExposedPorts": {"80/tcp": {}},
        "User": "1",
    },
    "history": [{"created_by": "COPY . /app"}],
}
manifests = json_bodies(IMAGE, INDEX, FORMER)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzed")


@pytest.fixture(scope="module")
def stack(folder: Path) -> Furnished:
    return Furnished(folder / "stack")


@pytest.fixture(scope="module")
def browser(stack: Furnished) -> Browser:
    return console(stack.root)


@given(manifests)
def test_a_manifest_keeps_every_digest_that_stands_in_it(folder: Path, content: bytes) -> None:
    layout = Layout(RegistryTree(folder / "registry"))
    digest = layout.manifest("team/app", content)
    with in_bounded_time():
        found = references(content)
        reach = Reach(layout.tree)
        reach.manifests([digest])
        assert fetched(layout.tree, digest).digests <= reach.digests | found.subject
    for one in (A, B):
        if json.dumps(one).encode() in content and content.lstrip()[:1] in (b"{", b"["):
            assert one in found.digests | found.subject


@given(manifests, json_bodies(CONFIG))
def test_a_page_shows_whatever_was_pushed(stack: Furnished, browser: Browser, content: bytes, described: bytes) -> None:
    config = stack.layout.layer("team/app", described)
    image = stack.layout.manifest("team/app", content.replace(B.encode(), config.encode()))
    index = stack.layout.manifest("team/app", json.dumps({"manifests": [{"digest": image}]}).encode())
    for tag, digest in (("image", image), ("index", index), ("sha256-" + image.partition(":")[2], image)):
        stack.tag("team/app", tag, digest)
    with in_bounded_time():
        for path in ("/images/team/app:image", "/images/team/app:index", f"/images/team/app@{image}", "/images/team/app?q=i"):
            answer = browser.get(path)
            assert answer.status_code == 200, answer.text


@given(manifests)
def test_what_is_mirrored_and_drilled_is_weighed_whatever_it_is(folder: Path, content: bytes) -> None:
    layout = Layout(RegistryTree(folder / "mirrored"))
    digest = layout.manifest("team/app", content)
    layout.tag("team/app", "v1", digest)
    layout.tag("team/app", C.replace(":", "-"), digest)
    with in_bounded_time():
        weight = Weights(layout.tree).like("team/app", "v1")
        assert weight is not None
        assert weight.manifests >= 1
        for one in (*platforms_of(layout.tree, digest), *referrers_of(layout.tree, "team/app", C)):
            size_of(layout.tree, one)
        for one, size in sizes_in(content):
            assert size_of(layout.tree, one) >= 0 <= size
        parts = Reading(Upstream("127.0.0.1:9"), layout.tree, 0).parts("team/app", digest)
    assert parts is not None
    assert all(DIGEST.fullmatch(part.digest) and part.size >= 0 for part in parts)
