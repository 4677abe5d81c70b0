"""The ledger with a real edge, gateway and registry: what people do is recorded once, with who did it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ops.events.reader import Place, read_events
from ops.registry.client import Login, RegistryClient, digest_of
from ops.registry.transport import KeptEndpoint
from ops.registry.tree import RegistryTree
from ops.tasks.changes.api_snapshot import snapshot_of_registry
from ops.tasks.changes.ledger import Ledger
from ops.tasks.changes.model import Kind, Source
from ops.tasks.changes.pushes import coalesce
from ops.tasks.changes.tree_snapshot import snapshot_of_tree
from ops.tasks.changes.update import update
from tests.ops.gateway.gateway_rig import PASSWORDS, PULL_ALL, query
from tests.ops.gateway.registry_rig import MANIFEST_TYPE
from tests.ops.gateway.test_registry import until
from tests.ops.tasks.doctor.doctor_rig import NAME, Stack, stack_with

pytestmark = pytest.mark.system
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack_with(tmp_path_factory.mktemp("stack"), (PULL_ALL,)) as stack:
        yield stack


def arrived(stack: Stack, repository: str, count: int) -> None:
    sql = f"SELECT count(*) FROM events WHERE repository = '{repository}'"  # noqa: S608  # the test's own
    until(lambda: query(stack.folder / "events.db", sql) == [(count,)], "all events are stored")


def test_the_ledger_says_who_pushed_and_who_deleted(stack: Stack, tmp_path: Path) -> None:
    registry, events, tree = stack.registry, stack.folder / "events.db", RegistryTree(stack.folder / "registry")
    token = registry.token("repository:ci/app:pull,push", "robot")
    assert registry.push("ci/app", "v0.0.1", token).is_success
    arrived(stack, "ci/app", 1)
    with (
        closing(KeptEndpoint(stack.url, stack.authority, {NAME: "127.0.0.1"})) as endpoint,
        closing(Ledger(tmp_path / "l")) as ledger,
    ):
        client = RegistryClient(endpoint, Login("admin", PASSWORDS["admin"]))
        looks = (lambda: snapshot_of_tree(tree), lambda: snapshot_of_registry(client))

        def brought() -> list[tuple[str, str, Kind, Source, str | None]]:
            first, second = (update(ledger, look, events=events).records for look in looks)
            assert second == [], "tree and API agree"
            return [(one.change.repository, one.change.tag, one.kind, one.source, one.actor) for one in first]

        assert brought() == [("ci/app", "v0.0.1", Kind.BASELINE, Source.SCAN, None)]
        digest = registry.push("ci/app", "v0.0.2", token).headers["docker-content-digest"]
        arrived(stack, "ci/app", 2)
        assert brought() == [("ci/app", "v0.0.2", Kind.ADDED, Source.EVENT, "robot")]
        registry.request("DELETE", f"/v2/ci/app/manifests/{digest}", registry.token("repository:ci/app:delete", "admin"))
        arrived(stack, "ci/app", 4)
        assert brought() == [("ci/app", "v0.0.2", Kind.REMOVED, Source.EVENT, "admin")]


def test_a_real_push_for_several_platforms_is_one_entry(stack: Stack) -> None:
    registry, events = stack.registry, stack.folder / "events.db"
    token = registry.token("repository:ci/multi:pull,push", "robot")
    children = []
    for platform in ("amd64", "arm64"):
        assert registry.push("ci/multi", platform, token).is_success  # lays the blob there
        manifest = registry.pull("ci/multi", platform, token).content + b"\n"
        path = f"/v2/ci/multi/manifests/{digest_of(manifest)}"
        assert registry.request("PUT", path, token, content=manifest, headers={"Content-Type": MANIFEST_TYPE}).is_success
        children.append({"mediaType": MANIFEST_TYPE, "digest": digest_of(manifest), "size": len(manifest)})
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": children}).encode()
    for tag in ("1.0", "latest"):
        path = f"/v2/ci/multi/manifests/{tag}"
        assert registry.request("PUT", path, token, content=index, headers={"Content-Type": INDEX_TYPE}).is_success
    arrived(stack, "ci/multi", 6)
    entries = [entry for entry in coalesce(read_events(events, Place())) if entry.repository == "ci/multi"]
    assert [(entry.tags, entry.multi_platform, entry.actor) for entry in entries] == [
        (("amd64",), False, "robot"),
        (("arm64",), False, "robot"),
        (("1.0", "latest"), True, "robot"),
    ]
    assert entries[-1].digest == digest_of(index)


def test_what_the_doctor_pushes_is_no_news(stack: Stack, tmp_path: Path) -> None:
    tree, events = RegistryTree(stack.folder / "registry"), stack.folder / "events.db"
    with closing(Ledger(tmp_path / "l")) as ledger:
        seen = [update(ledger, lambda: snapshot_of_tree(tree), events=events).records]
        assert stack.doctor().returncode == 0
        until(lambda: query(events, "SELECT count(*) > 0 FROM events WHERE repository = 'regops/canary'") == [(1,)], "it is told")
        seen.append(update(ledger, lambda: snapshot_of_tree(tree), events=events).records)
    assert seen[1] == []
