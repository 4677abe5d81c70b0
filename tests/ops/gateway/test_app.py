"""The routes, as a client and the registry see them."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import httpx
import pytest

from ops.events.envelope import MAX_BODY_BYTES
from ops.events.store import StoreError
from tests.ops.gateway.client import Client
from tests.ops.gateway.gateway_rig import (
    PASSWORDS,
    SENDER,
    SERVICE,
    WEBHOOK_TOKEN,
    basic,
    envelope,
    event,
)


def error_code(response: httpx.Response) -> str:
    """Return the code of an error in the registry's form, which Docker shows with its message."""
    [error] = response.json()["errors"]
    assert set(error) == {"code", "message", "detail"}
    assert error["message"]
    code: str = error["code"]
    return code


def test_anonymous_clients_get_what_the_configuration_allows(client: Client) -> None:
    assert client.access("repository:team/app:pull,push,delete") == ("", {"team/app": ["pull"]})


def test_an_account_gets_what_is_its_own_and_what_everybody_gets(client: Client) -> None:
    scopes = "repository:ci/app:pull,push,delete", "repository:team/app:pull,push", "registry:catalog:*"
    assert client.access(*scopes, headers=basic("robot")) == ("robot", {"ci/app": ["pull", "push"], "team/app": ["pull"]})
    assert client.access(*scopes, headers=basic("admin")) == (
        "admin",
        {"ci/app": ["pull", "push", "delete"], "team/app": ["pull", "push"], "catalog": ["*"]},
    )


def test_signing_in_asks_for_no_scope(client: Client) -> None:
    assert client.access(headers=basic("robot")) == ("robot", {})


def test_a_response_is_not_stored_by_caches(client: Client) -> None:
    for response in (client.token(), client.token(headers=basic("admin", "wrong")), client.token(service="other")):
        assert response.headers["cache-control"] == "no-store"


def test_what_is_not_needed_is_ignored(client: Client) -> None:
    parameters = {"service": SERVICE, "account": "robot", "client_id": "docker", "offline_token": "true", "x": "y"}
    response = client.send("GET", "/auth/token", params=parameters)
    assert response.status_code == 200
    assert "refresh_token" not in response.json()


@pytest.mark.parametrize("service", [None, "", "other", SERVICE + " ", SERVICE.upper()])
def test_another_service_is_refused(client: Client, service: str | None) -> None:
    response = client.token("repository:a:pull", service=service)
    assert (response.status_code, error_code(response)) == (400, "UNSUPPORTED")


@pytest.mark.parametrize(
    "headers",
    [
        basic("admin", "wrong"),
        basic("nobody", "wrong"),
        basic("admin", ""),
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic !"},
    ],
)
def test_wrong_credentials_are_refused_and_never_anonymous(client: Client, headers: dict[str, str]) -> None:
    response = client.token("repository:a:pull", headers=headers)
    assert (response.status_code, error_code(response)) == (401, "UNAUTHORIZED")
    assert response.headers["www-authenticate"] == f'Basic realm="{SERVICE}", charset="UTF-8"'


def test_too_many_failures_are_told_how_long_to_wait(client: Client) -> None:
    for number in range(3):
        assert client.token(headers=basic("admin", f"wrong {number}")).status_code == 401
    response = client.token(headers=basic("admin"))
    assert (response.status_code, error_code(response)) == (429, "TOOMANYREQUESTS")
    assert 0 < int(response.headers["retry-after"]) <= 60
    elsewhere = {**basic("admin"), "X-Forwarded-For": "198.51.100.7"}
    assert client.token(headers=elsewhere).status_code == 200
    assert client.token("repository:a:pull").status_code == 200


def test_a_client_cannot_name_another_address_as_its_own(client: Client) -> None:
    for number in range(5):
        forged = {**basic("admin", "wrong"), "X-Forwarded-For": f"203.0.113.{number}, 198.51.100.7"}
        status = client.token(headers=forged).status_code
    assert status == 429


def test_too_many_logins_at_once_are_asked_to_come_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.gateway.login.MAX_WAITING", 0)
    response = client.token(headers=basic("admin"))
    assert (response.status_code, error_code(response)) == (503, "UNAVAILABLE")
    assert int(response.headers["retry-after"]) > 0


def test_clients_that_try_oauth_first_fall_back_to_get(client: Client) -> None:
    response = client.send("POST", "/auth/token", data={"grant_type": "password"})
    assert (response.status_code, error_code(response)) == (405, "UNSUPPORTED")
    assert "GET" in response.headers["allow"]


def test_what_is_not_there_is_an_error_in_the_registrys_form(client: Client) -> None:
    response = client.send("GET", "/nowhere")
    assert (response.status_code, error_code(response)) == (404, "NOT_FOUND")


def test_the_answer_with_a_token_says_for_the_edges_log_who_has_signed_in(client: Client) -> None:
    assert client.token(headers=basic("robot")).headers["X-Auth-Request-User"] == "robot"
    assert "X-Auth-Request-User" not in client.token().headers
    assert "X-Auth-Request-User" not in client.token(headers=basic("robot", "wrong")).headers


def test_the_operator_is_known_by_name_and_password(client: Client) -> None:
    answer = client.send("GET", "/auth/operator", headers=basic("admin"))
    assert (answer.status_code, answer.headers["X-Auth-Request-User"]) == (204, "admin")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [{}, basic("admin", "wrong"), basic("robot"), basic("nobody", "x"), {"Authorization": "Bearer x"}, basic("", "")],
)
def test_nobody_else_is_the_operator(client: Client, headers: dict[str, str]) -> None:
    response = client.send("GET", "/auth/operator", headers=headers)
    assert (response.status_code, error_code(response)) == (401, "UNAUTHORIZED")
    assert response.headers["www-authenticate"] == f'Basic realm="{SERVICE}", charset="UTF-8"'
    assert "x-auth-request-user" not in response.headers


def test_a_password_is_guessed_no_more_often_at_pages_than_at_tokens(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(3):
        if number % 2:
            client.token(headers=basic("admin", f"wrong {number}"))
        else:
            client.send("GET", "/auth/operator", headers=basic("admin", f"wrong {number}"))
    assert len(caplog.records) == 3
    response = client.send("GET", "/auth/operator", headers=basic("admin"))
    assert (response.status_code, error_code(response)) == (429, "TOOMANYREQUESTS")
    assert 0 < int(response.headers["retry-after"]) <= 60


def test_who_is_not_signed_in_is_not_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.send("GET", "/auth/operator")
    assert caplog.records == []


def test_refused_logins_are_logged_without_secrets(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.token(headers={**basic("admin", "my secret guess"), "X-Forwarded-For": "198.51.100.7"})
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert {"account": "admin", "client": "198.51.100.7"}.items() <= vars(record).items()
    assert "my secret guess" not in str(vars(record))


def test_issued_tokens_are_logged_at_debug_level_only(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "ops")
    token = client.token("repository:ci/app:push", headers=basic("robot")).json()["token"]
    [record] = [record for record in caplog.records if record.getMessage() == "token issued"]
    assert record.levelno == logging.DEBUG
    assert "ci/app" in str(vars(record))
    assert token not in caplog.text
    assert PASSWORDS["robot"] not in caplog.text


@pytest.mark.parametrize(
    "media_type", ["application/vnd.docker.distribution.events.v2+json", "application/json", "text/plain", None]
)
def test_events_are_kept_before_they_are_acknowledged(client: Client, media_type: str | None) -> None:
    headers = {**SENDER, "Content-Type": media_type} if media_type else SENDER
    response = client.send("POST", "/events", content=envelope(event("e1")), headers=headers)
    assert (response.status_code, response.content) == (202, b"")
    assert client.stored("SELECT id, repository FROM events") == [("e1", "team/app")]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": WEBHOOK_TOKEN},
        {"Authorization": f"Bearer {WEBHOOK_TOKEN}x"},
        {"Authorization": f"Bearer {WEBHOOK_TOKEN[:-1]}"},
        {"Authorization": "Bearer \N{LATIN SMALL LETTER E WITH ACUTE}".encode("latin-1")},
        basic("admin"),
    ],
)
def test_a_webhook_without_the_right_token_is_refused(client: Client, headers: dict[str, str]) -> None:
    response = client.send("POST", "/events", content=envelope(event("e1")), headers=headers)
    assert (response.status_code, error_code(response)) == (401, "UNAUTHORIZED")
    client.send("GET", "/healthz")
    assert client.stored("SELECT count(*) FROM events") == [(0,)]


@pytest.mark.parametrize(
    "told",
    [
        event("e1", mediaType="application/vnd.example.unheard-of.v9+json"),
        event("e1", mediaType="", digest="", tag="v1") | {"action": "delete"},
        event("e1") | {"action": "an action of later versions", "actor": {}, "more": [1]},
        {"id": "e1"},
        {"id": "e1", "target": "not an object", "timestamp": 7},
    ],
)
def test_events_of_any_kind_are_kept(client: Client, told: dict[str, Any]) -> None:
    assert client.send("POST", "/events", content=envelope(told), headers=SENDER).status_code == 202
    [(name, raw)] = client.stored("SELECT id, raw FROM events")
    assert (name, json.loads(raw)) == ("e1", told)


@pytest.mark.parametrize("body", [b"", b"garbage", b"null", b'{"events":[{}]}', b"\xff", b"[" * 100_000])
def test_whatever_the_registry_sends_is_accepted(client: Client, body: bytes) -> None:
    assert client.send("POST", "/events", content=body, headers=SENDER).status_code == 202
    assert client.stored("SELECT body FROM bad_events") == [(body[:65536],)]


def test_a_body_that_is_too_large_is_counted_and_dropped(client: Client) -> None:
    exact = envelope(event("fits", padding="x" * (MAX_BODY_BYTES - len(envelope(event("fits", padding=""))))))
    assert len(exact) == MAX_BODY_BYTES
    for body in (exact, exact + b" "):
        assert client.send("POST", "/events", content=body, headers=SENDER).status_code == 202
    assert client.stored("SELECT id FROM events") == [("fits",)]
    assert client.stored("SELECT reason, body FROM bad_events") == [("larger than 1048576 bytes", b"")]


def test_events_that_cannot_be_stored_stay_with_the_registry(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: bytes) -> None:
        raise StoreError("database or disk is full")

    with monkeypatch.context() as context:
        context.setattr(client.gateway.events, "add", full)
        response = client.send("POST", "/events", content=envelope(event("e1")), headers=SENDER)
        assert (response.status_code, error_code(response)) == (503, "UNAVAILABLE")
        assert int(response.headers["retry-after"]) > 0
        assert client.access("repository:a:pull") == ("", {"a": ["pull"]})
    assert client.send("POST", "/events", content=envelope(event("e1")), headers=SENDER).status_code == 202


def test_a_registry_that_goes_away_in_mid_request_leaves_nothing(client: Client) -> None:
    messages = [{"type": "http.request", "body": envelope(event("e1"))[:50], "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", SENDER["Authorization"].encode())]
    scope = {"type": "http", "method": "POST", "path": "/events", "query_string": b"", "headers": headers}
    asyncio.run(client.gateway.app()(scope, receive, send))
    assert sent[0]["status"] == 400
    client.send("GET", "/healthz")
    assert client.stored("SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM bad_events)") == [(0,)]


def test_health_is_ok(client: Client) -> None:
    response = client.send("GET", "/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_health_fails_while_events_cannot_be_stored(client: Client) -> None:
    client.gateway.events.close()
    client.config.events_db.write_bytes(b"not a database" * 1000)
    response = client.send("GET", "/healthz")
    assert response.status_code == 503
    assert response.json() == {"status": "failed", "problems": [f"{client.config.events_db}: file is not a database"]}
