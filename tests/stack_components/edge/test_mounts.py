"""Layers of another repository, through the real edge, gateway and registry: without rights there, an upload begins."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.ops.gateway.registry_rig import EMPTY, Registry
from tests.stack_components.edge.whole import running_whole

pytestmark = pytest.mark.system

OWN, CLOSED = "ci/app", "secret/app"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running_whole(tmp_path_factory.mktemp("whole"), anonymous=()) as (_, registry):
        assert registry.push(CLOSED, "v1", registry.token(f"repository:{CLOSED}:pull,push", "admin")).status_code == 201
        yield registry


def mounted(registry: Registry, account: str, target: str = OWN, origin: str = CLOSED) -> httpx.Response:
    """Ask as containerd does, for a token for both repositories first; return what the request to mount is answered."""
    token = registry.token(f"repository:{target}:pull,push repository:{origin}:pull", account)
    return registry.request("POST", f"/v2/{target}/blobs/uploads/?mount={EMPTY}&from={origin}", token)


def test_a_layer_of_a_repository_that_one_may_read_is_mounted(registry: Registry) -> None:
    assert mounted(registry, "admin", target="team/app").status_code == 201


@pytest.mark.parametrize("origin", [CLOSED, "secret/nothing"])
def test_without_rights_there_an_upload_begins_as_at_other_registries(registry: Registry, origin: str) -> None:
    begun = mounted(registry, "robot", origin=origin)
    assert begun.status_code == 202
    token = registry.token(f"repository:{OWN}:pull,push", "robot")
    place = httpx.URL(begun.headers["Location"])
    target = place.copy_merge_params({"digest": EMPTY}).raw_path.decode()
    assert registry.request("PUT", target, token, content=b"{}").status_code == 201


def test_nobody_gets_into_a_repository_by_mounting(registry: Registry) -> None:
    refused = mounted(registry, "robot", target="team/app")
    assert refused.status_code == 401
    # The registry names actions in any order.
    assert re.search(r'scope="repository:team/app:(pull,push|push,pull)"', refused.headers["WWW-Authenticate"])


@pytest.mark.parametrize("token", [None, "no.token.atall"])
def test_who_has_no_valid_token_is_told_where_to_get_one_for_both(registry: Registry, token: str | None) -> None:
    refused = registry.request("POST", f"/v2/{OWN}/blobs/uploads/?mount={EMPTY}&from={CLOSED}", token)
    assert refused.status_code == 401
    assert CLOSED in refused.headers["WWW-Authenticate"]
