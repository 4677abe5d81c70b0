"""Policies of entries, with real registries and the real regsync in its container."""

from __future__ import annotations

import json

import pytest

from tests.ops.tasks.sync.mirror_rig import HERE, MirrorRig

pytestmark = pytest.mark.system


def test_a_version_that_moved_is_held_until_it_is_released(mirror: MirrorRig) -> None:
    mirror.push("held/app", "1.2.3")
    mirror.catalogue(mirror.entry("one", "held/app", policies={"hold": True}))
    assert mirror.sync("--force")["one/held/app"]["state"] == "changed"
    moved = mirror.push("held/app", "1.2.3", "another")
    assert mirror.plan()["one/held/app"]["held"] == {"1.2.3": moved}
    assert mirror.sync("--force")["one/held/app"]["state"] == "unchanged"
    done = mirror.regops("sync", "release", "held/app", "1.2.3")
    assert done.returncode == 0, done.stderr
    assert mirror.sync()["one/held/app"]["copied"] == ["1.2.3"]


def test_what_is_too_young_waits_and_what_left_upstream_stays(mirror: MirrorRig) -> None:
    mirror.push("policies/app", "1")
    mirror.push("policies/app", "2")
    mirror.catalogue(mirror.entry("one", "policies/app"))
    mirror.sync("--force")
    assert mirror.source.delete("policies/app", "1").status_code == 202
    mirror.push("policies/app", "3")
    mirror.catalogue(mirror.entry("one", "policies/app", policies={"min_age": "2d"}))
    plan = mirror.plan()["one/policies/app"]
    assert (plan["gone_upstream"], list(plan["young"]), plan["copy"]) == (["1"], ["3"], [])
    assert mirror.sync("--force")["one/policies/app"]["state"] == "unchanged"
    assert mirror.tags("one/policies/app") == ["1", "2"]


def test_what_policies_let_go_is_deleted_and_comes_back_by_the_snapshot(mirror: MirrorRig) -> None:
    for tag in ("1.0", "1.1", "1.2", "0.9-lts", "gone"):
        mirror.push("pruned/app", tag)
    mirror.catalogue(mirror.entry("one", "pruned/app"))
    mirror.sync("--force")
    assert mirror.source.delete("pruned/app", "gone").status_code == 202
    policies = {"keep_last": 2, "prune": True, "protect": [".*-lts"]}
    mirror.catalogue(mirror.entry("one", "pruned/app", policies={**policies, "max_deletes": 1}))
    one = mirror.sync("--force")["one/pruned/app"]
    assert "max_deletes of 1" in one["failures"][""]
    assert len(mirror.tags("one/pruned/app")) == 5
    mirror.catalogue(mirror.entry("one", "pruned/app", policies=policies))
    assert mirror.plan()["one/pruned/app"]["delete"] == ["1.0", "gone"]
    done = mirror.regops("sync", "--force")
    assert done.returncode == 0, done.stderr
    assert mirror.tags("one/pruned/app") == ["0.9-lts", "1.1", "1.2"]
    (snapshot,) = {word for word in done.stdout.replace("`", " ").split() if word.endswith("-sync")}
    shown = mirror.regops("snapshot", "restore", snapshot, "--dry-run", "--json")
    assert json.loads(shown.stdout)["plan"]["tags"] == ["one/pruned/app:1.0", "one/pruned/app:gone"]


def test_nothing_is_deleted_of_a_repository_that_vanished_upstream(mirror: MirrorRig) -> None:
    mirror.push("vanished/app", "1")
    mirror.catalogue(mirror.entry("one", "vanished/app", policies={"prune": True}))
    mirror.sync("--force")
    mirror.fronts["one"].private = {"vanished/app"}
    mirror.fronts["one"].token = True
    assert mirror.sync("--force")["one/vanished/app"]["state"] == "failed"
    mirror.fronts["one"].private, mirror.fronts["one"].token = set(), False
    assert mirror.source.delete("vanished/app", "1").status_code == 202
    assert mirror.sync("--force")["one/vanished/app"]["state"] == "failed"
    assert mirror.tags("one/vanished/app") == ["1"]


def test_a_signature_that_comes_later_is_copied_and_is_no_version(mirror: MirrorRig) -> None:
    digest = mirror.push("signed/app", "1.0")
    mirror.push("signed/app", "0.9")
    mirror.catalogue(mirror.entry("one", "signed/app", policies={"keep_last": 1}, digestTags=True))
    mirror.sync("--force")
    signature = f"{digest.replace(':', '-')}.sig"
    mirror.push("signed/app", signature)
    mirror.push("signed/app", f"sha256-{'0' * 64}.sig")
    assert mirror.plan()["one/signed/app"]["copy"] == [signature]
    mirror.sync("--force")
    assert mirror.tags("one/signed/app") == ["1.0", signature]
    mirror.push("signed/app", signature, "signed once more")
    assert mirror.sync("--force")["one/signed/app"]["copied"] == [signature]


def test_an_entry_is_removed_with_its_images_which_come_back_by_the_snapshot(mirror: MirrorRig) -> None:
    for tag in ("1", "2"):
        mirror.push("removed/app", tag)
    image = {**mirror.entry("one", "removed/app:1"), "target": f"{HERE}/removed/one:1", "type": "image"}
    mirror.catalogue(mirror.entry("one", "removed/app"), image)
    assert mirror.sync("--force")["removed/one"]["state"] == "changed"
    shown = mirror.regops("catalogue", "remove", "removed/one", "--images", "--dry-run")
    assert "1 tags would be deleted here: removed/one:1" in shown.stderr
    done = mirror.regops("catalogue", "remove", "one/removed/app", "--images")
    assert done.returncode == 0, done.stderr
    assert (mirror.tags("one/removed/app"), mirror.tags("removed/one")) == ([], ["1"])
    (snapshot,) = {word for word in done.stderr.replace("`", " ").split() if word.endswith("-sync")}
    restored = mirror.regops("snapshot", "restore", snapshot, "--dry-run", "--json")
    assert json.loads(restored.stdout)["plan"]["tags"] == ["one/removed/app:1", "one/removed/app:2"]
    mirror.catalogue(mirror.entry("one", "removed/app", "1", to="both"), mirror.entry("one", "removed/app", "2", to="both"))
    refused = mirror.regops("catalogue", "remove", ":3", "--images")
    assert refused.returncode == 10
    assert "other entries" in refused.stderr
