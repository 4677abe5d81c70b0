"""Manifests that nobody makes by accident stop neither the mirror's plans nor what it says of images."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.registry.tree import RegistryTree
from ops.tasks.sync.exact import Reading
from ops.tasks.sync.tree import platforms_of
from ops.tasks.sync.weights import Weights
from ops.upstream.client import Upstream
from tests.ops.tasks.gc.trees import Layout

GOOD = "sha256:" + "a" * 64
ODD = {
    "deep nesting": b'{"manifests": [], "a": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a number for a list": b'{"manifests": 5, "layers": 6, "config": 7}',
    "nothing for a list": b'{"manifests": null, "layers": null}',
    "digests that are paths": b'{"manifests": [{"digest": "../../x"}, {"digest": ["a"]}], "layers": [{"digest": "x"}]}',
    "no object": b'["manifests"]',
}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_manifest_lists_nothing(tmp_path: Path, kind: str) -> None:
    layout = Layout(RegistryTree(tmp_path))
    digest = layout.manifest("team/app", ODD[kind])
    layout.tag("team/app", "v1", digest)
    assert platforms_of(layout.tree, digest) == frozenset()
    weight = Weights(layout.tree).like("team/app", "v1")
    assert weight is not None
    assert (weight.manifests, weight.size) == (1, len(ODD[kind]))
    assert Reading(Upstream("127.0.0.1:9"), layout.tree, 0).parts("team/app", digest) == []


def test_what_is_a_descriptor_beside_odd_ones_is_read(tmp_path: Path) -> None:
    layout = Layout(RegistryTree(tmp_path))
    digest = layout.manifest("team/app", b'{"manifests": [5, {"digest": "%s", "size": "x"}]}' % GOOD.encode())
    assert platforms_of(layout.tree, digest) == {GOOD}
    (part,) = Reading(Upstream("127.0.0.1:9"), layout.tree, 0).parts("team/app", digest) or []
    assert (part.digest, part.size) == (GOOD, 0)
