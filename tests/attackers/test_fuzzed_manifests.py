"""What may be pushed here and what other registries answer, of any content: understood as far as it goes, and never a failure."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.registry.manifests import Reach, fetched
from ops.registry.references import references
from ops.registry.tree import RegistryTree
from ops.upstream.client import Upstream
from ops.upstream.errors import UpstreamError
from ops.upstream.referrers import referrers_in
from tests.attackers.fuzzing import in_bounded_time, json_bodies
from tests.ops.console.console_rig import Browser, Furnished, console
from tests.ops.tasks.gc.trees import Layout
from tests.stack_components.edge.caddy import serving

A, B, C = ("sha256:" + letter * 64 for letter in "abc")
DESCRIPTOR = {
    "mediaType": "application/vnd.oci.image.layer.v1.tar",
    "digest": A,
    "size": 5,
    "annotations": {"a": "b"},
    "urls": [],
}
IMAGE = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "artifactType": "a/b",
    "config": {**DESCRIPTOR, "digest": B},
    "layers": [DESCRIPTOR, {**DESCRIPTOR, "urls": ["https://example.com/layer"]}],
    "subject": {**DESCRIPTOR, "digest": C},
    "annotations": {"org.opencontainers.image.title": "an image"},
}
INDEX = {
    "schemaVersion": 2,
    "manifests": [{**DESCRIPTOR, "platform": {"os": "linux", "architecture": "amd64", "variant": "v2"}}, DESCRIPTOR],
    "annotations": {"a": "b"},
}
FORMER = {"schemaVersion": 1, "fsLayers": [{"blobSum": A}], "history": [{"v1Compatibility": "{}"}], "signatures": []}
CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "created": "2026-11-01T10:00:00Z",
    "config": {
        "Cmd": ["sh"],
        "Entrypoint": ["a"],
        "Env": ["A=b"],
        "Labels": {"a": "b"},
        "ExposedPorts": {"80/tcp": {}},
        "User": "1",
    },
    "history": [{"created_by": "COPY . /app"}],
}
manifests = json_bodies(IMAGE, INDEX, FORMER)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzed")


@pytest.fixture(scope="module")
def stack(folder: Path) -> Furnished:
    return Furnished(folder / "stack")


@pytest.fixture(scope="module")
def browser(stack: Furnished) -> Browser:
    return console(stack.root)


@given(manifests)
def test_a_manifest_keeps_every_digest_that_stands_in_it(folder: Path, content: bytes) -> None:
    layout = Layout(RegistryTree(folder / "registry"))
    digest = layout.manifest("team/app", content)
    with in_bounded_time():
        found = references(content)
        reach = Reach(layout.tree)
        reach.manifests([digest])
        assert fetched(layout.tree, digest).digests <= reach.digests | found.subject
    for one in (A, B):
        if json.dumps(one).encode() in content and content.lstrip()[:1] in (b"{", b"["):
            assert one in found.digests | found.subject


@given(manifests, json_bodies(CONFIG))
def test_a_page_shows_whatever_was_pushed(stack: Furnished, browser: Browser, content: bytes, described: bytes) -> None:
    config = stack.layout.layer("team/app", described)
    image = stack.layout.manifest("team/app", content.replace(B.encode(), config.encode()))
    index = stack.layout.manifest("team/app", json.dumps({"manifests": [{"digest": image}]}).encode())
    for tag, digest in (("image", image), ("index", index), ("sha256-" + image.partition(":")[2], image)):
        stack.tag("team/app", tag, digest)
    with in_bounded_time():
        for path in ("/images/team/app:image", "/images/team/app:index", f"/images/team/app@{image}", "/images/team/app?q=i"):
            answer = browser.get(path)
            assert answer.status_code == 200, answer.text


class Hostile(BaseHTTPRequestHandler):
    """A STAND-IN for an upstream registry, whose answers come from a list, and then from its beginning again."""

    protocol_version = "HTTP/1.0"
    answers: ClassVar[list[tuple[int, dict[str, str], bytes]]] = []
    asked = 0

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
        ("<http://[>; rel=next", "</v2/a/tags/list?last=x>; rel=next", "<//evil.example/>; rel=next", "<" * 900)
    ),
    "Location": st.sampled_from(
        ("http://[", "http://a:b:c/", "//evil.example/", "/v2/a", "", "http://127.0.0.1:99999/", "ftp://x")
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
def hostile() -> Iterator[str]:
    with serving(Hostile) as server:
        yield f"127.0.0.1:{server.server_address[1]}"


@given(answers)
def test_an_upstream_s_answer_is_used_or_called_unusable(hostile: str, folder: Path, given_answers: list[Any]) -> None:
    Hostile.answers, Hostile.asked = (
        [
            (status, {name: value.replace("HERE", f"http://{hostile}") for name, value in headers.items()}, body)
            for status, headers, body in given_answers
        ],
        0,
    )
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
            with contextlib.suppress(UpstreamError):
                ask()


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
