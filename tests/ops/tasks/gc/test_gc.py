"""Garbage collection on a real registry: what goes, what stays, what is planned, and why it does not begin."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ops.registry.restore.model import RestoreScope
from ops.registry.restore.run import restore
from ops.tasks.gc.model import Keep, Refusal, RefusedError, Rules, SafetyLimits
from tests.ops.tasks.gc.gc_rig import ALL, INDEX, MANIFEST, NO_BACKUP, Client, Image, Rig, digest_of, running

pytestmark = pytest.mark.system


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with running(tmp_path) as rig:
        yield rig


def push_index(client: Client, repository: str, tag: str, *images: Image) -> str:
    for image in images:
        assert client.push(repository, image.digest, image).status_code == 201
    entries = [
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": one.digest, "size": len(one.manifest)}
        for one in images
    ]
    content = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    answer = client.push_manifest(repository, tag, content, INDEX)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["docker-content-digest"])


def test_what_no_tag_leads_to_goes_and_all_else_stays(rig: Rig) -> None:
    kept, deleted, untagged = Image("kept"), Image("deleted"), Image("untagged")
    for tag, image in {"kept": kept, "deleted": deleted, "moved": untagged}.items():
        assert rig.client.push("team/app", tag, image).status_code == 201
    push_index(rig.client, "team/app", "index", Image("amd64"), Image("arm64"))
    assert rig.client.push("team/app", "moved", kept).status_code == 201
    assert rig.client.delete("team/app", deleted.digest).status_code == 202
    before = rig.blobs()
    plan = rig.collection().plan()
    assert rig.blobs() == before, "a plan changes nothing"
    assert rig.store.all() == []
    assert (plan.blobs, plan.all_blobs, plan.manifests) == (10, len(before), 1)
    assert [(one.name, one.manifests, one.layers, one.size) for one in plan.repositories] == [
        ("team/app", 1, 8, plan.size - len(deleted.manifest))
    ]
    report = rig.collection().run()
    assert (report.removed_blobs, report.size, report.problems) == (10, plan.size, ())
    assert len(report.verified) == 3
    assert rig.broken() == []
    assert all(rig.client.pull("team/app", tag) == [] for tag in ("kept", "moved", "index"))
    assert rig.client.push("team/app", "deleted", deleted).status_code == 201
    assert rig.client.pull("team/app", "deleted") == []
    assert not rig.read_only_file.exists()
    assert rig.collection().plan().blobs == 0


def test_untagged_manifests_stay_when_a_rule_says_so(rig: Rig) -> None:
    old = Image("old")
    for repository in ("team/app", "ci/app"):
        for tag in ("v1", "nightly"):
            assert rig.client.push(repository, tag, replace(old, seed=f"{repository} {tag}")).status_code == 201
            assert rig.client.push(repository, tag, Image(f"new {repository}")).status_code == 201
    assert rig.collection(Rules(min_age_s=0, delete_untagged=False)).plan().blobs == 0
    assert rig.collection(Rules()).plan().blobs == 0, "everything is young"
    assert rig.collection(ALL).plan().manifests == 4
    assert rig.collection(replace(ALL, keep=(Keep("team/*"),))).plan().manifests == 2
    plan = rig.collection(replace(ALL, keep=(Keep("*", "v*"),))).plan()
    assert plan.manifests == 2
    # Links to a manifest, its revision and what it refers to, in two repositories; its own blob and theirs.
    assert plan.kept_by_rule == 2 * (2 + 4 + 5)
    rig.collection(replace(ALL, keep=(Keep("*", "v*"),))).run()
    assert rig.client.pull("team/app", replace(old, seed="team/app v1").digest) == []
    assert rig.client.pull("team/app", replace(old, seed="team/app nightly").digest) != []


def test_signatures_go_with_the_manifest_that_they_belong_to(rig: Rig) -> None:
    signed, other = Image("signed"), Image("other")
    for tag, image in {"signed": signed, "other": other}.items():
        assert rig.client.push("app", tag, image).status_code == 201
        for suffix in (".sig", ".att", ""):
            assert (
                rig.client.push("app", f"{image.digest.replace(':', '-')}{suffix}", Image(f"{tag} {suffix}", 1)).status_code
                == 201
            )
    assert rig.client.delete("app", "signed").status_code == 202
    assert rig.collection(replace(ALL, orphaned_signatures=False)).plan().tags == ()
    plan = rig.collection().plan()
    assert plan.tags == tuple(f"app:{signed.digest.replace(':', '-')}{suffix}" for suffix in ("", ".att", ".sig"))
    rig.collection().run()
    name = other.digest.replace(":", "-")
    assert rig.client.ask("GET", "/v2/app/tags/list").json()["tags"] == ["other", name, f"{name}.att", f"{name}.sig"]
    assert rig.broken() == []


def test_a_signature_stays_when_what_it_belongs_to_is_pushed_again_meanwhile(rig: Rig) -> None:
    image, signature = Image("signed"), Image("signature", 1)
    tag = f"{image.digest.replace(':', '-')}.sig"
    assert rig.client.push("app", "v1", image).status_code == 201
    assert rig.client.push("app", tag, signature).status_code == 201
    assert rig.client.delete("app", "v1").status_code == 202

    def meanwhile(step: str) -> None:
        if step == "marked":
            assert rig.client.push("app", "v2", image).status_code == 201

    report = rig.collection(step=meanwhile).run()
    assert (report.plan.tags, report.removed_blobs) == ((f"app:{tag}",), 0)
    assert rig.client.pull("app", tag) == rig.client.pull("app", "v2") == []


@pytest.mark.parametrize(
    ("limits", "refused"),
    [
        (SafetyLimits(max_share=0.1, max_backup_age_s=None), Refusal.SHARE),
        (SafetyLimits(max_share=1), Refusal.BACKUP),
    ],
)
def test_it_does_not_begin_when_too_much_would_go_or_nothing_is_safe(rig: Rig, limits: SafetyLimits, refused: Refusal) -> None:
    for tag in ("one", "two"):
        assert rig.client.push("app", tag, Image(tag)).status_code == 201
    assert rig.client.delete("app", Image("two").digest).status_code == 202
    before = rig.blobs()
    assert set(rig.collection(limits=limits).plan().refusals) == {refused}
    with pytest.raises(RefusedError, match="pass --allow"):
        rig.collection(limits=limits).run()
    assert rig.blobs() == before
    assert rig.store.all() == []
    assert rig.collection(limits=replace(limits, allowed=frozenset({refused}))).run().removed_blobs == 5


def test_it_does_not_begin_when_writes_would_be_refused_for_longer_than_is_left(rig: Rig) -> None:
    assert rig.client.push("app", "one", Image("one")).status_code == 201
    assert rig.client.delete("app", Image("one").digest).status_code == 202
    asked: list[int] = []

    def over(files: int) -> str:
        asked.append(files)
        return "too long; pass --allow budget"

    collection = replace(rig.collection(), over_budget=over)
    plan = collection.plan()
    assert asked == [plan.files]
    assert plan.files > plan.blobs == 5, "links and manifests are removed, too"
    with pytest.raises(RefusedError, match=r"^budget: too long; pass --allow budget$"):
        collection.run()
    allowed = replace(collection, limits=replace(NO_BACKUP, allowed=frozenset({Refusal.BUDGET})))
    asked.clear()
    report = allowed.run()
    assert (report.removed_blobs, asked) == (5, []), "it takes time to ask"
    assert report.all_held_s >= report.held_s > 0


@pytest.mark.parametrize("age", [3 * 86_400.0, None])
def test_a_backup_may_be_too_old(rig: Rig, age: float | None) -> None:
    assert rig.client.push("app", "one", Image("one")).status_code == 201
    collection = replace(rig.collection(limits=SafetyLimits(max_share=1)), backup_age_s=lambda: age)
    assert collection.run().problems == (), "nothing would be deleted, so nothing has to be in a backup"
    assert rig.client.delete("app", Image("one").digest).status_code == 202
    with pytest.raises(RefusedError, match=r"3\.0 days old" if age else "no backup is verified"):
        collection.run()
    assert replace(collection, backup_age_s=lambda: 3600.0).run().problems == ()


def test_an_index_that_is_sparse_in_one_repository_costs_another_nothing(rig: Rig) -> None:
    """The registry's own collector marks the child in `aaa`, where it is not, and then believes that it has been in `bbb`."""
    child = Image("child")
    for repository in ("aaa", "bbb"):
        push_index(rig.client, repository, "index", child)
    assert rig.client.delete("aaa", child.digest).status_code == 202
    assert rig.collection().run().removed_blobs == 0
    assert rig.client.pull("bbb", "index") == []


def test_a_manifest_that_was_deleted_below_an_index_or_a_tag_hinders_nobody(rig: Rig) -> None:
    """A tag without its manifest is what a copy has that was made during a delete."""
    assert rig.client.push("app", "kept", Image("kept")).status_code == 201
    assert rig.client.push("app", "dangling", Image("deleted")).status_code == 201
    push_index(rig.client, "app", "index", Image("child"), Image("other"))
    rig.tree.revision("app", Image("deleted").digest).unlink()
    assert rig.client.delete("app", Image("child").digest).status_code == 202
    report = rig.collection().run()
    # Of the child the manifest itself stays, which its index names.
    assert (report.removed_blobs, report.plan.refusals) == (5 + 4, {})
    assert rig.client.pull("app", "kept") == rig.client.pull("app", Image("other").digest) == []
    assert rig.collection().plan().blobs == 0


def test_without_a_snapshot_the_space_comes_free_at_once(rig: Rig) -> None:
    assert rig.client.push("app", "v1", Image("one")).status_code == 201
    assert rig.client.push("app", "v1", Image("two")).status_code == 201
    report = replace(rig.collection(), keep_snapshot=False).run()
    assert (report.removed_blobs, report.snapshot, rig.store.all()) == (5, "", [])
    assert rig.broken() == []


def test_a_repository_that_has_manifests_and_no_link_to_a_layer_hinders_nobody(rig: Rig) -> None:
    """The registry's collector fails on it."""
    for tag in ("one", "two"):
        assert rig.client.push("app", tag, Image(tag)).status_code == 201
    shutil.rmtree(rig.tree.repository("app") / "_layers")
    assert rig.client.delete("app", "two").status_code == 202
    assert rig.collection().run().removed_blobs == 5


def push_sha512(client: Client, repository: str, tag: str, *contents: bytes) -> list[str]:
    """Push an image whose configuration and layers are named by SHA-512; return their digests."""
    digests = [f"sha512:{hashlib.sha512(one).hexdigest()}" for one in contents]
    for content, digest in zip(contents, digests, strict=True):
        place = client.ask("POST", f"/v2/{repository}/blobs/uploads/").headers["location"]
        put = client.ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", content=content)
        assert put.status_code == 201, put.text
    described = [{"mediaType": "application/x", "digest": one, "size": 1} for one in digests]
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described[0], "layers": described[1:]}
    answer = client.push_manifest(repository, tag, json.dumps(document).encode())
    assert answer.status_code == 201, answer.text
    return digests


def test_layers_named_by_sha512_stay_go_with_their_image_and_come_back(rig: Rig) -> None:
    digests = push_sha512(rig.client, "app", "v1", b"config", b"layer")
    assert rig.client.push("app", "old", Image("old")).status_code == 201
    assert rig.client.push("app", "old", Image("new")).status_code == 201
    report = rig.collection().run()
    assert (report.removed_blobs, report.problems) == (5, ())
    assert [rig.client.ask("GET", f"/v2/app/blobs/{one}").content for one in digests] == [b"config", b"layer"]
    assert rig.client.delete("app", "v1").status_code == 202
    again = rig.collection().run()
    assert (again.removed_blobs, again.problems) == (3, ())
    restore(rig.live(), report.snapshot, RestoreScope("app", "v1"))
    assert [rig.client.ask("GET", f"/v2/app/blobs/{one}").content for one in digests] == [b"config", b"layer"]
    assert rig.broken() == []


def test_an_image_that_was_damaged_before_is_no_problem_of_the_collection(rig: Rig) -> None:
    damaged, unlinked = Image("damaged"), Image("unlinked")
    for tag, image in {"damaged": damaged, "unlinked": unlinked, "gone": Image("gone")}.items():
        assert rig.client.push("app", tag, image).status_code == 201
    assert rig.client.delete("app", Image("gone").digest).status_code == 202
    rig.tree.blob(digest_of(damaged.blobs[1])).unlink()
    rig.tree.tag("app", "unlinked").write_text("")
    report = rig.collection().run()
    assert report.problems == ()
    assert [line.partition(" cannot")[0] for line in report.plan.unclear] == ["app: tag unlinked"]
    assert {"app:damaged", "app:unlinked"} <= set(report.verified)


def leave(rig: Rig, tag: str) -> str:
    """Leave of a new tag what a registry leaves that is killed before it writes the tag itself; return what it would name."""
    image = Image(tag)
    assert rig.client.push("team/app", tag, image).status_code == 201
    rig.tree.tag("team/app", tag).unlink()
    return image.digest


def tags(rig: Rig) -> list[str]:
    """The tags that the registry tells clients of."""
    return sorted(rig.client.ask("GET", "/v2/team/app/tags/list").json()["tags"] or [])


def test_what_is_left_of_a_tag_that_nobody_can_pull_goes_once_it_is_old(rig: Rig) -> None:
    assert rig.client.push("team/app", "kept", Image("kept")).status_code == 201
    # One whose image nothing else needs, and one whose image another tag has.
    gone = leave(rig, "left")
    assert rig.client.push("team/app", "same", Image("kept")).status_code == 201
    rig.tree.tag("team/app", "same").unlink()
    assert (tags(rig), rig.client.pull("team/app", "left")) == (["kept", "left", "same"], ["team/app:left: 404"])
    young = rig.collection(Rules()).plan()
    assert (young.leftovers, rig.collection(Rules()).run().snapshot, len(tags(rig))) == ((), "", 3)
    plan = rig.collection().plan()
    assert (plan.leftovers, plan.tags) == (("team/app:left", "team/app:same"), ())
    report = rig.collection().run()
    assert (report.problems, tags(rig), rig.client.pull("team/app", "kept")) == ((), ["kept"], [])
    recorded = {(one.entry.tag, one.content) for one in rig.store.get(report.snapshot).removed() if one.entry.tag}
    assert recorded == {("left", gone), ("same", Image("kept").digest)}
    restore(rig.live(), report.snapshot, RestoreScope(only_removed=True))
    assert rig.client.pull("team/app", gone) == [], "its image is back"
    assert tags(rig) == ["kept"], "a tag without an image is not"


def test_a_tag_that_is_pushed_again_before_what_was_left_of_it_goes_stays(rig: Rig) -> None:
    leave(rig, "again")
    leave(rig, "left")
    again = Image("again", layers=4)

    def push(step: str) -> None:
        if step == "noted":
            assert rig.client.push("team/app", "again", again).status_code == 201

    assert rig.collection(step=push).run().problems == ()
    assert (tags(rig), rig.client.pull("team/app", "again")) == (["again"], [])
