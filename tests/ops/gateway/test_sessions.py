"""The cookie of a browser that has given the operator's name and password."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request

from ops.gateway.__main__ import assemble
from ops.gateway.sessions import Sessions
from tests.ops.gateway.client import Client
from tests.ops.gateway.gateway_rig import ADMIN, ROBOT, account, basic, write_files, write_rights


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw})


def cookie(sessions: Sessions, proto: str = "http") -> str:
    """The cookie as the browser sends it back."""
    return sessions.cookie(request(x_forwarded_proto=proto), ADMIN).partition(";")[0]


class Clock:
    """A clock that the test sets."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_cookie_is_known_for_twelve_hours() -> None:
    clock = Clock()
    sessions = Sessions(clock=clock)
    sent = cookie(sessions)
    assert sessions.knows(request(cookie=f"a=b; {sent}; c=d"), ADMIN)
    clock.now += 12 * 3600 - 1
    assert sessions.knows(request(cookie=sent), ADMIN)
    clock.now += 1
    assert not sessions.knows(request(cookie=sent), ADMIN)


@pytest.mark.parametrize(
    ("proto", "attributes"),
    [
        ("http", "sign-on=X; Path=/; HttpOnly; SameSite=Lax"),
        ("https", "__Host-sign-on=X; Path=/; HttpOnly; SameSite=Lax; Secure"),
    ],
)
def test_a_cookie_is_for_this_host_and_not_for_scripts(proto: str, attributes: str) -> None:
    made = Sessions().cookie(request(x_forwarded_proto=proto), ADMIN)
    value = made.partition("=")[2].partition(";")[0]
    assert made.replace(value, "X") == attributes


def test_nobody_else_makes_a_cookie() -> None:
    sessions = Sessions()
    name, _, value = cookie(sessions).partition("=")
    until, _, signature = value.partition(".")
    for forged in (
        "",
        ".",
        until,
        f"{until}.",
        f"{int(until) + 1}.{signature}",
        f".{signature}",
        f"{value}0",
        f"{value}\xff",
        "x.y",
    ):
        assert not sessions.knows(request(cookie=f"{name}={forged}"), ADMIN), forged
    assert not sessions.knows(request(), ADMIN)
    assert not sessions.knows(request(cookie=f"other={value}"), ADMIN)
    assert not Sessions().knows(request(cookie=f"{name}={value}"), ADMIN)
    assert sessions.key.hex() not in repr(sessions)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    config = write_files(tmp_path, anonymous=())
    client = Client(assemble(config), config)
    yield client
    client.gateway.login.close()
    client.gateway.events.close()


def signed_on(client: Client) -> dict[str, str]:
    """What a browser sends after it has signed on."""
    answer = client.send("GET", "/auth/operator", headers=basic("admin"))
    return {"Cookie": answer.headers["X-Sign-On-Set-Cookie"].partition(";")[0]}


def test_a_browser_that_has_signed_on_is_the_operator_s(client: Client) -> None:
    headers = signed_on(client)
    answer = client.send("GET", "/auth/operator", headers=headers)
    assert (answer.status_code, answer.headers["X-Auth-Request-User"]) == (204, "admin")
    assert "X-Sign-On-Set-Cookie" not in answer.headers
    assert client.access("repository:a:pull,delete", headers=headers) == ("admin", {"a": ["pull", "delete"]})


def test_a_name_and_a_password_come_first_at_the_token_service(client: Client) -> None:
    headers = signed_on(client)
    assert client.access(headers={**headers, **basic("robot")})[0] == "robot"
    assert client.token(headers={**headers, **basic("admin", "wrong")}).status_code == 401


def test_only_the_operator_gets_a_cookie(client: Client) -> None:
    for headers in (basic("robot"), basic("admin", "wrong"), {}):
        answer = client.send("GET", "/auth/operator", headers=headers)
        assert (answer.status_code, "X-Sign-On-Set-Cookie" in answer.headers) == (401, False)


def test_without_an_operator_s_account_nobody_is_one(client: Client) -> None:
    headers = signed_on(client)
    write_rights(client.config.rights_file, ROBOT, anonymous=())
    client.gateway.rights.take_in()
    assert client.access("repository:a:pull", headers=headers) == ("", {})


def test_a_new_password_ends_what_the_old_one_began(client: Client) -> None:
    headers = signed_on(client)
    changed = account("admin", *ADMIN.access, password="another password", operator=True)
    write_rights(client.config.rights_file, changed, anonymous=())
    client.gateway.rights.take_in()
    assert client.send("GET", "/auth/operator", headers=headers).status_code == 401
