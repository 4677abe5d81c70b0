"""Answers of upstream registries that make no sense are named as such, and lead nowhere."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ops.upstream import line
from ops.upstream.client import Cause, Upstream, UpstreamError
from tests.loopback_server import Answer
from tests.ops.upstream.front import running_front

CONTENT, OTHER = b"{}", f"sha256:{'0' * 64}"
FAILURES: list[tuple[Callable[[Upstream], object], Answer, str]] = [
    (lambda one: one.manifest("team/app", "v1"), (200, {"Docker-Content-Digest": OTHER}, CONTENT), "gave other content"),
    (lambda one: one.manifest("team/app", OTHER), (200, {}, CONTENT), "gave other content"),
    (lambda one: one.manifest("team/app", "sha1:00"), (200, {}, CONTENT), "gave other content"),
    (lambda one: one.manifest("team/app", "v1"), (200, {}, b"x" * (5 << 20)), "gave other content"),
    (lambda one: one.manifest("team/app", "v1"), (200, {}, b"x" * (17 << 20)), "longer than 16 MiB"),
    (lambda one: one.head("team/app", "v1"), (418, {}, b""), "answered 418 to HEAD /v2/team/app/manifests/v1"),
    (lambda one: one.tags("team/app"), (200, {}, b"<html>"), "answered GET /v2/team/app/tags/list without tags"),
    (lambda one: one.tags("team/app"), (200, {}, b'{"tags": "v1"}'), "without tags"),
    (lambda one: one.tags("team/app"), (200, {}, b'{"tags": [1]}'), "without tags"),
    (lambda one: one.repositories(), (200, {}, b"[]"), "without repositories"),
    (
        lambda one: one.tags("team/app"),
        (200, {"Link": '</v2/team/app/tags/list?n=1000>; rel="next"'}, b'{"tags": []}'),
        "never ends",
    ),
    (lambda one: one.tags("team/app"), (302, {"Location": "/v2/team/app/tags/list"}, b""), "on and on"),
    (lambda one: one.tags("team/app"), (302, {"Location": "http://192.0.2.1/"}, b""), "it has no TLS"),
    (lambda one: one.tags("team/app"), (302, {"Location": "http://["}, b""), "which is no URL"),
    (lambda one: one.tags("team/app"), (302, {"Location": "https://a:99999/"}, b""), "which is no URL"),
    (lambda one: one.tags("team/app"), (200, {"Link": "<http://[>; rel=next"}, b'{"tags": []}'), "which is no URL"),
    (lambda one: one.tags("team/app"), (200, {}, b"[" * 20_000), "without tags"),
    (lambda one: one.tags("team/app"), (401, {"WWW-Authenticate": 'Bearer realm="http://["'}, b""), "which is no URL"),
]


@pytest.mark.parametrize(("ask", "answer", "said"), FAILURES)
def test_what_makes_no_sense_is_unusable(ask: Callable[[Upstream], object], answer: Answer, said: str) -> None:
    with running_front(lambda _: answer) as front, pytest.raises(UpstreamError, match=said) as error:
        ask(Upstream(front.name))
    assert (error.value.cause, error.value.passes) == (Cause.UNUSABLE, False)
    assert front.name in str(error.value)


def test_null_is_no_tag_and_further_digests_are_known() -> None:
    with running_front(lambda _: (200, {}, b'{"tags": null}')) as front:
        assert Upstream(front.name).tags("team/app") == []
    digest = (
        "sha512:"
        + "27c74670adb75075fad058d5ceaf7b20c4e7786c83bae8a32f626f9782af34c9"
        + ("a33c2046ef60fd2a7878d378e29fec851806bbd9a67878f3a9f1cda4830763fd")
    )
    with running_front(lambda _: (200, {"Content-Type": "application/a; charset=utf-8"}, CONTENT)) as front:
        found = Upstream(front.name).manifest("team/app", digest)
        assert (found.digest, found.media_type) == (digest, "application/a")


def test_a_registry_of_small_pages_is_asked_for_its_own() -> None:
    def answers(path: str) -> Answer:
        if "n=1000" in path:
            return 400, {}, b'{"errors":[{"code":"PAGINATION_NUMBER_INVALID"}]}'
        link = {} if "last" in path else {"Link": '<list?last=a>;rel="next"'}
        return 200, link, json.dumps({"tags": ["b"] if "last" in path else ["a"]}).encode()

    with running_front(answers) as front:
        assert Upstream(front.name).tags("team/app") == ["a", "b"]
    assert [path for path, _ in front.asked] == [f"/v2/team/app/tags/list{query}" for query in ("?n=1000", "", "?last=a")]


@contextlib.contextmanager
def speaking(*parts: bytes, pause_s: float = 0.0) -> Iterator[str]:
    """Run a server that sends a single client something, part by part; give its host and port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            with server.accept()[0] as connection, contextlib.suppress(OSError):
                connection.recv(4096)
                for part in parts:
                    connection.sendall(part)
                    time.sleep(pause_s)

        thread = threading.Thread(target=speak)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def test_a_service_that_is_no_registry_is_named() -> None:
    with speaking(b"SSH-2.0-OpenSSH_10.0\r\n") as name, pytest.raises(UpstreamError) as error:
        Upstream(name).tags("team/app")
    assert str(error.value).startswith(f"{name}: not an HTTP answer")
    assert error.value.cause is Cause.UNUSABLE


@pytest.mark.parametrize("limit", ["READ_LIMIT_S", "_ANSWER_LIMIT_S"])
def test_an_answer_that_trickles_is_none(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, limit, 0.2)
    pause_s = 0.4 if limit == "READ_LIMIT_S" else 0.05
    parts = [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", *[b"{"] * 20]
    with speaking(*parts[: 4 if limit == "READ_LIMIT_S" else 21], pause_s=pause_s) as name:
        upstream = Upstream(name)
        errors = []
        for _ in range(2):
            with pytest.raises(UpstreamError) as error:
                upstream.tags("team/app")
            errors.append((str(error.value), error.value.cause))
    assert errors[0] == errors[1]
    assert errors[0][1] is Cause.AWAY
    assert "timed out" in errors[0][0] or "no end of its answer within 0.2 s" in errors[0][0]


@pytest.mark.parametrize(
    "given",
    [b'{"token": "a\\r\\nX-Line: b"}', b'{"token": {}}', b'{"token": "a", "expires_in": 1' + b"0" * 400 + b"}", b"[" * 20_000],
)
def test_a_token_that_cannot_be_used_is_none(given: bytes) -> None:
    def answer(path: str) -> Answer:
        challenge = {"WWW-Authenticate": f'Bearer realm="http://{front.name}/token"'}
        return (200, {}, given) if path.startswith("/token") else (401, challenge, b"")

    with running_front(answer) as front, pytest.raises(UpstreamError, match="gave no token") as error:
        Upstream(front.name).tags("team/app")
    assert error.value.cause is Cause.UNUSABLE


@pytest.mark.parametrize(
    "wait", ["9" * 400, "Wed, 21 Oct 99999 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 -0000", "Wed, 21 Oct 9999 07:28:00 GMT"]
)
def test_no_registry_is_waited_for_for_ever(wait: str) -> None:
    limited = {"Retry-After": wait, "ratelimit-limit": "1", "ratelimit-remaining": "0"}
    with running_front(lambda _: (429, limited, b"")) as front, pytest.raises(UpstreamError) as error:
        Upstream(front.name).tags("team/app")
    assert error.value.cause is Cause.LIMITED
    assert (error.value.retry_after_s or 0) <= 7 * 24 * 3600


def test_referrers_whose_list_never_closes_are_none() -> None:
    with running_front(lambda _: (200, {}, b"[" * 20_000)) as front:
        assert Upstream(front.name).referrers("team/app", OTHER) is None
