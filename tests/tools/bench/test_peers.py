"""What another registry is given to work on: the same images, laid out as it keeps them."""

from __future__ import annotations

import json
from pathlib import Path

from ops.registry.tree import RegistryTree
from tests.ops.tasks.gc.trees import Layout
from tools.bench.peers import as_layouts


def test_each_repository_becomes_an_oci_layout_with_its_tags_and_what_has_none(tmp_path: Path) -> None:
    tree, folder = RegistryTree(tmp_path / "registry"), tmp_path / "layouts"
    layout = Layout(tree)
    kept, unused = (layout.image("team/app", [content, b"shared"]) for content in (b"one", b"two"))
    layout.tag("team/app", "v1", kept)
    as_layouts(tree, folder)
    place = folder / "team/app"
    assert json.loads((place / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    listed = {one["digest"]: one for one in json.loads((place / "index.json").read_text())["manifests"]}
    assert listed[kept]["annotations"] == {"org.opencontainers.image.ref.name": "v1"}
    assert "annotations" not in listed[unused]
    blobs = {f"sha256:{one.name}": one.read_bytes() for one in (place / "blobs/sha256").iterdir()}
    assert blobs == {digest: tree.blob(digest).read_bytes() for digest in blobs}
    assert {kept, unused} < blobs.keys()
    assert listed[kept]["size"] == len(blobs[kept])
    assert len(blobs) == 7  # two manifests, two configurations, three layers
