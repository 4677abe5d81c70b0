"""The gateway and a real registry: tokens are accepted for what they grant, and events arrive."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from ops.credentials.keys import load_signing_key, signing_key_from_seed
from ops.gateway.scope import parse
from ops.gateway.tokens import TokenIssuer
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import ISSUER, SERVICE, SIGNING_KEY, basic, query, running, running_anew, write_files
from tests.ops.gateway.registry_rig import Registry, running_registry
from tests.real_programs import registry_binary

pytestmark = pytest.mark.system
_REGISTRY_LEEWAY_S = 60
_LIMIT_S = 20.0


@pytest.fixture(scope="module")
def registry_bin() -> Path:
    return registry_binary()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gateway")


@pytest.fixture(scope="module")
def registry(registry_bin: Path, folder: Path) -> Iterator[Registry]:
    with running_anew(folder) as gateway, running_registry(registry_bin, folder, gateway.url) as registry:
        yield registry


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + _LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {_LIMIT_S:g} s"
        time.sleep(0.05)


def token_with(*scopes: str, service: str = SERVICE, issuer: str = ISSUER, key: str = SIGNING_KEY, age_s: int = 0) -> str:
    """Make a token past the gateway's routes, with something wrong with it."""
    tokens = TokenIssuer(load_signing_key(key), issuer, service, 300, clock=lambda: time.time() - age_s)
    return str(tokens.issue("admin", parse(scopes))["token"])


def test_the_registry_sends_clients_to_the_gateway_under_the_name_they_use(registry: Registry) -> None:
    headers = {"Host": SERVICE, "X-Forwarded-Proto": "https"}
    response = registry.request("GET", "/v2/", headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == f'Bearer realm="https://{SERVICE}/auth/token",service="{SERVICE}"'


def test_the_challenge_of_the_registry_is_answered_with_a_token_that_works(registry: Registry) -> None:
    assert registry.push("team/app", "challenge", registry.token("repository:team/app:pull,push", "admin")).is_success
    challenge = registry.pull("team/app", "challenge", None).headers["www-authenticate"]
    parameters = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    assert parameters.pop("realm").endswith("/auth/token")
    token = httpx.get(f"{registry.gateway_url}/auth/token", params=parameters).json()["token"]
    assert registry.pull("team/app", "challenge", token).status_code == 200


def test_signing_in_works_with_a_token_without_scope(registry: Registry) -> None:
    parameters = {"service": SERVICE, "account": "robot"}
    response = httpx.get(f"{registry.gateway_url}/auth/token", params=parameters, headers=basic("robot"))
    assert registry.request("GET", "/v2/", response.json()["access_token"]).status_code == 200


def test_anonymous_clients_pull_and_cannot_push(registry: Registry) -> None:
    assert registry.push("team/app", "v1", registry.token("repository:team/app:pull,push", "admin")).is_success
    token = registry.token("repository:team/app:pull,push,delete")
    assert registry.pull("team/app", "v1", token).status_code == 200
    refused = registry.push("team/app", "v2", token)
    assert refused.status_code == 401
    assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
    assert registry.request("DELETE", "/v2/team/app/manifests/v1", token).status_code == 401


def test_an_account_pushes_below_its_prefix_only(registry: Registry) -> None:
    for repository, accepted in (("ci/app", True), ("ci/deep/app", True), ("ci", False), ("cinema/app", False)):
        token = registry.token(f"repository:{repository}:pull,push", "robot")
        response = registry.push(repository, "v1", token)
        assert response.is_success == accepted, (repository, response.text)
    assert registry.push("ci/other", "v1", registry.token("repository:ci/app:pull,push", "robot")).status_code == 401


def test_deleting_needs_the_delete_action(registry: Registry) -> None:
    digest = registry.push("ci/gone", "v1", registry.token("repository:ci/gone:pull,push", "robot")).headers[
        "docker-content-digest"
    ]
    path = f"/v2/ci/gone/manifests/{digest}"
    assert registry.request("DELETE", path, registry.token("repository:ci/gone:delete", "robot")).status_code == 401
    assert registry.request("DELETE", path, registry.token("repository:ci/gone:delete", "admin")).status_code == 202
    pulled = registry.pull("ci/gone", "v1", registry.token("repository:ci/gone:pull"))
    assert pulled.status_code == 404


def test_listing_all_repositories_needs_the_catalog(registry: Registry) -> None:
    scope = "registry:catalog:*"
    assert registry.request("GET", "/v2/_catalog", registry.token(scope, "admin")).status_code == 200
    assert registry.request("GET", "/v2/_catalog", registry.token(scope, "robot")).status_code == 401
    assert registry.request("GET", "/v2/_catalog", registry.token(scope)).status_code == 401


def test_only_good_tokens_are_accepted(registry: Registry) -> None:
    assert registry.request("GET", "/v2/", token_with()).status_code == 200
    another_key = signing_key_from_seed("another seed of more than 32 bytes")
    lifetime_s = 300
    bad = {
        "expired": token_with(age_s=lifetime_s + _REGISTRY_LEEWAY_S + 5),
        "not yet valid": token_with(age_s=-_REGISTRY_LEEWAY_S - 30),
        "another audience": token_with(service="other"),
        "another issuer": token_with(issuer="other"),
        "another key": token_with(key=another_key),
        "not signed": token_with().rpartition(".")[0] + ".",
    }
    for reason, token in bad.items():
        assert registry.request("GET", "/v2/", token).status_code == 401, reason


def test_events_arrive_with_repository_tag_and_account(registry: Registry, folder: Path) -> None:
    digest = registry.push("ci/events", "v7", registry.token("repository:ci/events:pull,push", "robot")).headers[
        "docker-content-digest"
    ]
    registry.request("DELETE", f"/v2/ci/events/manifests/{digest}", registry.token("repository:ci/events:delete", "admin"))
    sql = "SELECT action, tag, digest, actor FROM events WHERE repository = 'ci/events' ORDER BY seq"
    # Deleting a manifest takes its tags along: the registry tells each of them.
    expected = [("push", "v7", digest, "robot"), ("delete", None, digest, "admin"), ("delete", "v7", None, "admin")]
    until(lambda: query(folder / "events.db", sql) == expected, "all events are stored")


def test_no_event_is_lost_while_the_gateway_is_away(registry_bin: Path, tmp_path: Path) -> None:
    port = free_port()
    write_files(tmp_path, port=port)
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(running(tmp_path, port))
        registry = stack.enter_context(running_registry(registry_bin, tmp_path, first.url))
        token = registry.token("repository:ci/app:pull,push", "robot")
        assert registry.push("ci/app", "before", token).is_success
        assert first.end() == 0
        for number in range(5):
            assert registry.push("ci/app", f"while-{number}", token).is_success, "a good token outlives the gateway"
        stack.enter_context(running(tmp_path, port))
        assert registry.push("ci/app", "after", registry.token("repository:ci/app:pull,push", "robot")).is_success
        tags = [("before",), *((f"while-{number}",) for number in range(5)), ("after",)]
        sql = "SELECT tag FROM events WHERE tag IS NOT NULL ORDER BY seq"
        until(lambda: query(tmp_path / "events.db", sql) == tags, "every tag is stored, once and in order")
