"""The ledger with a real edge, gateway and registry: what people do is recorded once, with who did it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ops.registry.client import Login, RegistryClient
from ops.registry.transport import PooledEndpoint
from ops.registry.tree import RegistryTree
from ops.tasks.changes.api_scan import scan_of_registry
from ops.tasks.changes.ledger import Ledger
from ops.tasks.changes.model import Kind, Source
from ops.tasks.changes.tree_scan import scan_of_tree
from ops.tasks.changes.update import update
from tests.ops.gateway.gateway_rig import PASSWORDS, PULL_ALL, query
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
        closing(PooledEndpoint(stack.url, stack.authority, {NAME: "127.0.0.1"})) as endpoint,
        closing(Ledger(tmp_path / "l")) as ledger,
    ):
        client = RegistryClient(endpoint, Login("admin", PASSWORDS["admin"]))
        looks = (lambda: scan_of_tree(tree), lambda: scan_of_registry(client))

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


def test_what_the_doctor_pushes_is_no_news(stack: Stack, tmp_path: Path) -> None:
    tree, events = RegistryTree(stack.folder / "registry"), stack.folder / "events.db"
    with closing(Ledger(tmp_path / "l")) as ledger:
        seen = [update(ledger, lambda: scan_of_tree(tree), events=events).records]
        assert stack.doctor().returncode == 0
        until(lambda: query(events, "SELECT count(*) > 0 FROM events WHERE repository = 'regops/canary'") == [(1,)], "it is told")
        seen.append(update(ledger, lambda: scan_of_tree(tree), events=events).records)
    assert seen[1] == []
