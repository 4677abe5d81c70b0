"""Requests of any content, at the gateway's parsers and at the gateway itself: a refusal that it knows, and nothing else."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from ops.config import FailureLimits
from ops.events import alerts, envelope
from ops.events.alert_inbox import AlertInbox
from ops.events.store import EventStore
from ops.gateway.__main__ import assemble
from ops.gateway.incoming import MalformedCredentialsError, basic_credentials, client_of
from ops.gateway.scope import MAX_SCOPES, grant, parse
from ops.notify.alertmanager import events_of
from tests.attackers.fuzzing import damaged, in_bounded_time, json_bodies, texts
from tests.ops.events.alert_samples import alert, body
from tests.ops.gateway.client import Client
from tests.ops.gateway.gateway_rig import PASSWORDS, ROBOT, SENDER, SERVICE, basic, event, write_files

EVENTS = {"events": [event("one"), event("two", tag="v2")]}
ALERTS = json.loads(body(alert(), alert("DiskFull", host="one"), left_out=3))
# What a header may hold after HTTP's own parser.
header_values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF), max_size=60) | st.just("")
credentials = (
    st.binary(max_size=40).map(lambda text: "Basic " + base64.b64encode(text).decode())
    | damaged(basic("admin", "wrong")["Authorization"].encode(), b"Bearer ey.ey.x").map(lambda text: text.decode("latin-1"))
    | header_values
)
NAMES = ("team/app", "ci/app", "catalog", "host:5000/a", "a" * 300, "../x", "A", "")
scopes = (
    st.builds(
        "{}:{}:{}".format,
        st.sampled_from(("repository", "registry", "repository(plugin)", "", "x")) | texts,
        st.sampled_from(NAMES) | texts,
        st.lists(st.sampled_from(("pull", "push", "delete", "*", "", "PULL")), max_size=5).map(",".join) | texts,
    )
    | texts
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzed")


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[EventStore]:
    store = EventStore(folder / "fuzzed.db")
    yield store
    store.close()


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[Client]:
    config = write_files(folder, failures=FailureLimits(per_client=1000, per_account=1000, window_s=1))
    gateway = assemble(config)
    yield Client(gateway, config)
    gateway.login.close()
    gateway.events.close()


@given(json_bodies(EVENTS))
def test_whatever_the_webhook_gets_is_kept_or_told(store: EventStore, content: bytes) -> None:
    with in_bounded_time():
        events, problem = envelope.parse(content)
        kept = store.add(content)
    assert events or problem or b"events" in content
    assert (len(kept.new) + kept.repeated, kept.problem) == (len(events), problem)


@given(json_bodies(ALERTS))
def test_whatever_comes_as_an_alert_is_told_or_refused(folder: Path, content: bytes) -> None:
    inbox = AlertInbox(folder / "alerts")
    with in_bounded_time():
        try:
            notification = alerts.parse(content)
        except ValueError:
            return
        inbox.post(notification)
        waiting = list(inbox.waiting())
        assert [kept for _, kept in waiting] == [notification] * (not notification.is_watchdog)
        for one in events_of([notification], set(), "a registry"):
            json.dumps(str(one.message)).encode()
    for path, _ in waiting:
        inbox.finish(path, readable=True)


@given(credentials, header_values)
def test_credentials_are_read_or_called_malformed(authorization: str, forwarded: str) -> None:
    raw = [(b"authorization", authorization.encode("latin-1", "replace")), (b"x-forwarded-for", forwarded.encode("latin-1"))]
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": raw, "client": ("192.0.2.1", 1)})
    with in_bounded_time():
        assert client_of(request)
        try:
            found = basic_credentials(request)
        except MalformedCredentialsError:
            return
    assert found is None or any(found)


@given(st.lists(st.lists(scopes, max_size=4).map(" ".join), max_size=4))
def test_no_scope_grants_more_than_the_account_has(parameters: list[str]) -> None:
    with in_bounded_time():
        asked = parse(parameters)
        granted = grant(asked, ROBOT.access, catalog=False)
    assert len(asked) <= MAX_SCOPES
    for one in granted:
        assert (one.type, one.name.startswith("ci/")) == ("repository", True)
        assert one.actions <= {"pull", "push"}


@given(
    st.text(st.sampled_from("abz09._-/:A@ "), max_size=300).map("repository:{}:pull".format)
    | st.integers(1, 4000).map("repository:{}:pull".format)
)
def test_no_name_takes_long_to_be_refused(scope: str) -> None:
    with in_bounded_time():
        parse([scope, scope.replace("a", "a-") * 20, "repository:" + "a-" * 16_000 + "!:pull"])


@given(credentials, st.lists(scopes, max_size=3), st.sampled_from((SERVICE, "", "other")) | texts, header_values)
def test_a_request_for_a_token_is_answered_or_refused(
    client: Client, authorization: str, asked: list[str], service: str, cookie: str
) -> None:
    headers = [
        (b"Authorization", authorization.encode("latin-1", "replace")),
        (b"Cookie", b"sign-on=" + cookie.encode("latin-1")),
        (b"X-Forwarded-For", cookie.encode("latin-1")),
    ]
    given_service = service.encode("utf-8", "replace").decode()
    cleaned = [one.encode("utf-8", "replace").decode() for one in asked]
    with in_bounded_time():
        answer = client.token(*cleaned, service=given_service, headers=headers)
        operator = client.send("GET", "/auth/operator", headers=headers)
        events = client.send("POST", "/events", headers=headers, content=b"{}")
    assert answer.status_code in {200, 400, 401, 429}, answer.text
    assert operator.status_code in {401, 429}
    assert events.status_code == 401
    if answer.status_code == 200:
        assert PASSWORDS["admin"] not in answer.text


@given(json_bodies(EVENTS))
def test_the_webhook_s_route_takes_all(client: Client, content: bytes) -> None:
    assert client.send("POST", "/events", content=content, headers=SENDER).status_code == 202
    assert client.send("POST", "/events", content=content).status_code == 401
