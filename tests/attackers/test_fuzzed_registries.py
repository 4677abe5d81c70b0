"""Other registries, which answer anything: what they say is used, or called unusable by name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ops.registry.client import Login, RegistryClient
from ops.registry.transport import Endpoint, RegistryError
from ops.tasks.changes.api_scan import scan_of_registry
from ops.tasks.sync.log import Log
from ops.upstream.client import Upstream
from ops.upstream.errors import UpstreamError
from ops.upstream.referrers import referrers_in
from tests.attackers.fuzzing import in_bounded_time, json_bodies, told
from tests.attackers.test_fuzzed_manifests import IMAGE, INDEX, A
from tests.stack_components.edge.caddy import serving


class Hostile(BaseHTTPRequestHandler):
    """A STAND-IN for an upstream registry, whose answers come from a list, and then from its beginning again."""

    protocol_version = "HTTP/1.0"
    answers: ClassVar[list[tuple[int, dict[str, str], bytes]]] = []
    asked = 0

    @classmethod
    def says(cls, name: str, given_answers: list[Any]) -> None:
        """Begin with these answers, in which HERE stands for its own address."""
        cls.asked = 0
        cls.answers = [
            (status, {key: value.replace("HERE", f"http://{name}") for key, value in headers.items()}, body)
            for status, headers, body in given_answers
        ]

    def do_GET(self) -> None:  # the library's name
        status, headers, body = self.answers[Hostile.asked % len(self.answers)]
        Hostile.asked += 1
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815  # likewise

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


HEADERS: dict[str, st.SearchStrategy[str]] = {
    "Docker-Content-Digest": st.sampled_from((A, "sha256:x", "", "md5:" + "a" * 32, "../" * 20)),
    "Content-Type": st.sampled_from(("application/json", "", ";;;")),
    "Link": st.sampled_from(
        (
            "<http://[>; rel=next",
            "</v2/a/tags/list?last=x>; rel=next",
            "<//evil.example/>; rel=next",
            "<" * 900,
            "<http://a\x9b2J/>; rel=next",
        )
    ),
    "Location": st.sampled_from(
        (
            "http://[",
            "http://a:b:c/",
            "//evil.example/",
            "/v2/a",
            "",
            "http://127.0.0.1:99999/",
            "ftp://x",
            "http://a\x1bJ.example/",
        )
    ),
    "Www-Authenticate": st.sampled_from(
        (
            'Bearer realm="http://[",service="a"',
            'Bearer realm="HERE/token",service="a"',
            'Bearer realm="HERE/token',
            "Bearer",
            "Basic realm=x",
            "=,=,",
            'Bearer realm="http://127.0.0.1:99999/"',
        )
    ),
    "Retry-After": st.sampled_from(
        ("9" * 5_000, "-1", "nan", "1e999", "Wed, 21 Oct 99999 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 GMT", "0")
    ),
    "Ratelimit-Limit": st.sampled_from(("9" * 5_000, "100;w=21600", "-1", "x")),
    "Ratelimit-Remaining": st.sampled_from(("9" * 5_000, "0;w=" + "9" * 5_000, "1")),
}
BODIES = (
    {
        "name": "a",
        "tags": ["1.2", "latest"],
        "repositories": ["a", "b"],
        "token": "ey.ey.x",
        "expires_in": 300,
        "access_token": None,
    },
    {"token": "two\r\nX-Lines: x"},
    {"token": "ey", "expires_in": 10**400},
    IMAGE,
    INDEX,
)
answers = st.lists(
    st.tuples(
        st.sampled_from((200, 200, 200, 401, 401, 302, 307, 400, 404, 429, 500)),
        st.fixed_dictionaries({}, optional=HEADERS),
        json_bodies(*BODIES),
    ),
    min_size=1,
    max_size=5,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzed")


@pytest.fixture(scope="module")
def hostile() -> Iterator[str]:
    with serving(Hostile) as server:
        yield f"127.0.0.1:{server.server_address[1]}"


@given(answers)
@example([(302, {"Location": "http://a\x1bJ.example/"}, b"")])
def test_an_upstream_s_answer_is_used_or_called_unusable(hostile: str, folder: Path, given_answers: list[Any]) -> None:
    Hostile.says(hostile, given_answers)
    upstream = Upstream(hostile, pause=lambda _: None)
    with in_bounded_time():
        for ask in (
            lambda: upstream.head("a", "v1"),
            lambda: upstream.manifest("a", "v1"),
            lambda: upstream.manifest("a", A),
            lambda: upstream.tags("a"),
            upstream.repositories,
            lambda: upstream.referrers("a", A),
            lambda: upstream.fetch("a", A, folder / "blob"),
        ):
            assert told(ask, UpstreamError).isprintable()


@given(answers)
def test_the_doctor_asks_any_registry_and_says_what_is_wrong(hostile: str, given_answers: list[Any]) -> None:
    Hostile.says(hostile, given_answers)
    endpoint = Endpoint(f"http://{hostile}")
    client = RegistryClient(endpoint, Login("ann", "a password"))
    with in_bounded_time():
        for ask in (
            lambda: client.manifest("a", "v1").error,
            lambda: client.look("a", "v1"),
            lambda: client.push_blob("a", b"x"),
            lambda: client.delete_tag("a", "v1"),
            lambda: str(endpoint.ask("GET", "/v2/", headers={})),
        ):
            assert told(ask, RegistryError).isprintable()


@given(answers)
def test_a_registry_s_tags_are_seen_or_unknown(hostile: str, given_answers: list[Any]) -> None:
    Hostile.says(hostile, given_answers)
    with in_bounded_time(), contextlib.suppress(RegistryError):
        found = scan_of_registry(RegistryClient(Endpoint(f"http://{hostile}"), Login("ann", "a password")))
        assert all(isinstance(name, str) for name in found.repositories)


FAILED = {"msg": "Failed to sync", "target": "a", "error": "401 \x1b[2J Unauthorized"}


@given(json_bodies({"msg": "Image sync running", "target": "a", "error": "401 Unauthorized"}, FAILED))
def test_a_line_of_regsync_s_log_is_read_or_kept(content: bytes) -> None:
    log = Log()
    with in_bounded_time():
        for line in content.decode("utf-8", "replace").splitlines():
            log.add(line)
    assert "".join([*log.tail, *(failure.why for failure in log.failed.values())]).isprintable()


@given(json_bodies(INDEX))
def test_a_list_of_referrers_is_one_or_is_said_to_be_none(content: bytes) -> None:
    with in_bounded_time():
        try:
            found = referrers_in(content)
        except ValueError:
            return
    for one in found:
        assert isinstance(one.artifact_type, str)
        assert all(isinstance(value, str) for value in one.annotations.values())
