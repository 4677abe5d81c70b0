"""What a plan says that copies fetch is what they fetch, to the byte and to the pull."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from ops.upstream.budget import Budget
from tests.ops.tasks.gc.gc_rig import INDEX, MANIFEST, Image, digest_of, image_manifest
from tests.ops.tasks.sync.mirror_rig import MirrorRig

pytestmark = pytest.mark.system
_BLOB = 200


def exact(mirror: MirrorRig, *words: str) -> dict[str, Any]:
    """Return the plan that was made by reading manifests."""
    done = mirror.regops("sync", "plan", "--bytes", *words, "--json")
    assert done.returncode == 0, done.stderr
    plan: dict[str, Any] = json.loads(done.stdout)["plan"]
    return plan


def push_index(mirror: MirrorRig, repository: str, tag: str, *seeds: str) -> int:
    """Push an index of images; return its own bytes."""
    listed = []
    for seed in seeds:
        child = Image(seed)
        assert mirror.source.push(repository, child.digest, child).status_code == 201
        listed.append({"mediaType": MANIFEST, "digest": child.digest, "size": len(child.manifest)})
    content = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()
    assert mirror.source.push_manifest(repository, tag, content, INDEX).status_code == 201
    return len(content)


def test_what_is_here_is_neither_fetched_nor_counted(mirror: MirrorRig) -> None:
    front, image = mirror.fronts["one"], len(Image("a").manifest) + 4 * _BLOB
    own = push_index(mirror, "exact/app", "1", "a", "b")
    mirror.configure(parallel=1)  # two that are copied at once may both fetch what they share
    mirror.catalogue(mirror.entry("one", "exact/app"))
    plan = exact(mirror)
    (entry,) = plan["entries"]
    assert (entry["manifests"], entry["bytes"], entry["exact"]) == (3, own + 2 * image, True)
    assert plan["read"] == {front.address: 3}
    front.requests.clear()
    mirror.sync("--force")
    assert front.pulls == 3
    own = push_index(mirror, "exact/app", "2", "b", "c") + push_index(mirror, "exact/app", "3", "c", "d")
    (entry,) = exact(mirror)["entries"]
    assert (entry["manifests"], entry["bytes"]) == (4, own + 2 * image), "b is here, and c is fetched once"
    front.requests.clear()
    assert mirror.sync("--force")["one/exact/app"]["state"] == "changed"
    assert front.pulls == 4


def test_the_pulls_for_people_are_left_and_what_was_not_read_is_a_guess(mirror: MirrorRig) -> None:
    front = mirror.fronts["two"]
    for tag in ("1", "2"):
        push_index(mirror, "frugal/app", tag, f"{tag}a", f"{tag}b")
    front.budget = Budget(100, 22, 21600)
    mirror.catalogue(mirror.entry("two", "frugal/app"))
    plan = exact(mirror)
    (entry,) = plan["entries"]
    assert (front.pulls, front.budget.remaining, plan["read"]) == (2, 20, {front.address: 2})
    assert (entry["exact"], entry["bytes"]) == (False, None)
    shown = mirror.regops("sync", "plan", "--bytes").stdout
    assert "which costs no pulls" in shown, "none is left that may be used"


def test_after_a_copy_it_is_known_how_long_the_next_one_takes(mirror: MirrorRig) -> None:
    content = random.Random(1).randbytes(12_000_000)  # noqa: S311
    described = {"mediaType": "application/x", "digest": digest_of(content), "size": len(content)}
    assert mirror.source.push_blob("timed/app", content).is_success
    for tag in ("1", "2"):
        large = image_manifest([described, described], annotations={"tag": tag})
        assert mirror.source.push_manifest("timed/app", tag, large).status_code == 201
    mirror.catalogue(mirror.entry("three", "timed/app", "1"))
    assert exact(mirror)["eta_seconds"] is None
    assert "is unknown yet" in mirror.regops("sync", "plan").stdout
    assert mirror.sync("--force")["three/timed/app"]["copied"] == ["1"]
    mirror.catalogue(mirror.entry("three", "timed/app", to="timed/again"))
    plan = exact(mirror)
    assert plan["entries"][0]["bytes"] > len(content)
    assert 0 <= plan["eta_seconds"] < 600
    assert "done in about " in mirror.regops("sync", "plan", "--bytes").stdout
    mirror.catalogue(mirror.entry("three", "timed/app"))
    assert exact(mirror)["entries"][0]["bytes"] < 1000, "the layer is here"
