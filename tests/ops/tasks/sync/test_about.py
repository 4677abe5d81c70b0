"""What is about an image comes later, and is mirrored all the same: from the OCI's lists, tags in their place, and cosign."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.registry.manifests import fetched, image_problems
from ops.registry.tree import RegistryTree
from tests.ops.tasks.gc.gc_rig import INDEX, MANIFEST, Image, digest_of, image_manifest
from tests.ops.tasks.sync.mirror_rig import MirrorRig

SIGNATURE, SBOM = "application/vnd.dev.cosign.artifact.sig.v1+json", "application/spdx+json"
pytestmark = pytest.mark.system


def refer(mirror: MirrorRig, repository: str, digest: str, kind: str, *before: dict[str, Any]) -> list[dict[str, Any]]:
    """Push something about an image, and the tag that lists all there is about it; return what that lists."""
    content = f"{kind} of {digest}".encode()
    assert mirror.source.push_blob(repository, content).is_success
    described = {"mediaType": kind, "digest": digest_of(content), "size": len(content)}
    about = image_manifest([described, described], artifactType=kind, subject={"mediaType": INDEX, "digest": digest, "size": 2})
    assert mirror.source.push_manifest(repository, digest_of(about), about).status_code == 201
    listed = [*before, {"mediaType": MANIFEST, "digest": digest_of(about), "size": len(about), "artifactType": kind}]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()
    assert mirror.source.push_manifest(repository, tag_of(digest), index, INDEX).status_code == 201
    return listed


def tag_of(digest: str) -> str:
    return digest.replace(":", "-", 1)


def about_here(mirror: MirrorRig, repository: str, digest: str) -> set[str]:
    """Return what can be pulled here about an image."""
    tree = RegistryTree(mirror.stack.root / "registry")
    assert image_problems(tree, repository, tag_of(digest)) == []
    index = tree.tagged(repository, tag_of(digest))
    assert index is not None
    listed = {one["digest"] for one in json.loads(tree.blob(index).read_bytes())["manifests"]}
    assert listed < fetched(tree, index).digests
    return listed


def state(mirror: MirrorRig, repository: str, *words: str) -> Any:
    return mirror.sync("--force", *words)[repository]["state"]


@pytest.mark.parametrize("lists", [True, False])
def test_what_refers_to_an_image_later_is_copied_when_it_is_there(mirror: MirrorRig, lists: bool) -> None:
    front, name = mirror.fronts["one"], f"referred/{'listed' if lists else 'tagged'}"
    front.referrers = lists
    digest = mirror.push(name, "1", platforms=2)
    mirror.catalogue(mirror.entry("one", name, "1", referrers=True))
    here = f"one/{name}"
    assert (state(mirror, here), state(mirror, here)) == ("changed", "unchanged")
    listed = refer(mirror, name, digest, SIGNATURE)
    plan = mirror.plan()[here]
    assert plan["copy"] == (["1"] if lists else [tag_of(digest)]), plan
    assert plan["signed_later"] == (["1"] if lists else [])
    assert state(mirror, here) == "changed"
    assert about_here(mirror, here, digest) == {one["digest"] for one in listed}
    before = front.pulls
    assert (state(mirror, here), front.pulls) == ("unchanged", before), "all is here, and only looked at"
    more = refer(mirror, name, digest, SBOM, *listed)
    assert (state(mirror, here), len(more)) == ("changed", 2)
    assert about_here(mirror, here, digest) == {one["digest"] for one in more}
    assert state(mirror, here) == "unchanged"


@pytest.mark.parametrize("lists", [True, False])
def test_only_the_wanted_kinds_of_referrers_are_missed(mirror: MirrorRig, lists: bool) -> None:
    name = f"filtered/{'listed' if lists else 'tagged'}"
    mirror.fronts["one"].referrers = lists
    digest = mirror.push(name, "1")
    wanted = [{"artifactType": SIGNATURE}]
    mirror.catalogue(mirror.entry("one", name, "1", referrers=True, referrerFilters=wanted))
    here = f"one/{name}"
    assert state(mirror, here) == "changed"
    sbom = refer(mirror, name, digest, SBOM)
    assert state(mirror, here) == "unchanged"
    signed = refer(mirror, name, digest, SIGNATURE, *sbom)
    assert (state(mirror, here), state(mirror, here)) == ("changed", "unchanged")
    assert about_here(mirror, here, digest) == {signed[-1]["digest"]}


def test_what_is_about_one_platform_later_is_copied_too(mirror: MirrorRig) -> None:
    name, here = "platforms/app", "one/platforms/app"
    digest, platform = mirror.push(name, "1", platforms=2), Image(f"{name}:1 1").digest
    mirror.catalogue(mirror.entry("one", name, "1", digestTags=True))
    assert state(mirror, here) == "changed"
    signature, unrelated = f"{tag_of(platform)}.sig", f"{tag_of(digest_of(b'other'))}.sig"
    for tag in (signature, unrelated):
        mirror.push(name, tag)
    assert mirror.plan()[here]["copy"] == [signature]
    assert mirror.sync("--force")[here]["copied"] == [signature]
    assert (state(mirror, here), mirror.tags(here)) == ("unchanged", sorted(["1", signature]))
    # What is about the platforms of an image that is new comes along with it.
    moved = mirror.push(name, "1", "moved", platforms=2)
    another = f"{tag_of(Image('moved 0').digest)}.sig"
    mirror.push(name, another)
    assert (state(mirror, here), moved == digest) == ("changed", False)
    assert another in mirror.tags(here)


def test_a_single_image_is_signed_later_too(mirror: MirrorRig) -> None:
    digest = mirror.push("single/app", "1", platforms=2)
    mirror.push("single/app", "other")
    entry = mirror.entry("one", "single/app", digestTags=True)
    mirror.catalogue({**entry, "source": f"{entry['source']}:1", "target": f"{entry['target']}:stable", "type": "image"})
    assert state(mirror, "one/single/app") == "changed"
    mirror.push("single/app", f"{tag_of(digest)}.sig")
    assert mirror.sync("--force")["one/single/app"]["copied"] == [f"{tag_of(digest)}.sig"]
    assert mirror.tags("one/single/app") == sorted(["stable", f"{tag_of(digest)}.sig"])
    assert state(mirror, "one/single/app") == "unchanged"
