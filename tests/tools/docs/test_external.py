"""Links to other sites: which are there, which nobody should be sent to, and what servers say of where they lead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.loopback_server import Answer, serving
from tools.docs.external import asked, check, external_links, malformed

PAGE = (
    '<a href="{}">a</a> <a href="../other/">b</a> <a href="#part">c</a> <code>https://in.code</code> <link href="https://a.b/">'
)


@pytest.mark.parametrize(
    "url",
    [
        "http://docs.docker.com/",
        "//docs.docker.com/",
        "https://",
        "https://localhost/",
        "https://registry.example.com/x",
        "https://docs.docker.com/a b",
        "https://docs.docker.com/…",
        "https://docs.docker.com:port/",
        "https://[docs.docker.com/",
        "javascript:alert(1)",
    ],
)
def test_nobody_is_sent_to_what_is_no_address(url: str) -> None:
    assert malformed(url)


@pytest.mark.parametrize("url", ["https://age-encryption.org", "https://docs.docker.com:443/a/b?c=d#e"])
def test_an_address_is_one(url: str) -> None:
    assert malformed(url) == ""


def test_anchors_count_alone(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(PAGE.format("https://docs.docker.com/"))
    assert external_links(tmp_path) == {"https://docs.docker.com/": ["one/index.html", "two/index.html"]}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    def answer(method: str, path: str, _: Mapping[str, str]) -> Answer | None:
        if path == "/cut":
            return None
        if path == "/moved":
            return 301, {"Location": "/there"}, b""
        status = {"/there": 200, "/refused": 403, "/get-only": 200 if method == "GET" else 405}.get(path, 404)
        return status, {}, b""

    with serving(answer) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/there", ""),
        ("/moved", ""),
        ("/refused", ""),
        ("/get-only", ""),
        ("/gone", "it is answered with 404"),
        ("/cut", "there is no answer: MaxRetryError"),
    ],
)
def test_a_server_says_where_a_link_leads(server: str, path: str, why: str) -> None:
    assert asked(server + path) == why


def test_what_leads_nowhere_is_told_with_its_pages(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(PAGE.format("http://docs.docker.com/") + PAGE.format("https://docs.docker.com/gone"))
    (tmp_path / "b.html").write_text(PAGE.format("https://docs.docker.com/there"))
    assert check(tmp_path, lambda url: "it is away" if url.endswith("gone") else "") == [
        "http://docs.docker.com/: is not https (on a.html)",
        "https://docs.docker.com/gone: it is away (on a.html)",
    ]
