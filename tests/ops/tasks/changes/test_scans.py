"""What is seen of a registry: the same by its tree and by its API, and unknown where it cannot be seen."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from ops.registry.client import Login, RegistryClient
from ops.registry.transport import PooledEndpoint, RegistryError, UnreachableError
from ops.registry.tree import RegistryTree, TreeError
from ops.tasks.changes.api_scan import scan_of_registry
from ops.tasks.changes.model import Scan, Unknown
from ops.tasks.changes.tree_scan import scan_of_tree
from tests.ops.gateway.gateway_rig import PASSWORDS, PULL_ALL
from tests.ops.tasks.changes.registries import client_of, fill, network, put, running_registry
from tests.ops.tasks.doctor.doctor_rig import NAME, stack_with

# Neighbours whose order differs by letters and by folders.
NAMES = ("a", "a/b", "a-b", "a/b/c", "a.b", "ab", "z/z")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> RegistryTree:
    """Nested repositories, one without tags, and the doctor's."""
    tree = RegistryTree(tmp_path_factory.mktemp("registry"))
    for name in (*NAMES, "regops/canary"):
        for number in range(5):
            put(tree, name, f"v{number}", f"{name} {number}")
    put(tree, "emptied", "v1", "gone")
    shutil.rmtree(tree.tag_folder("emptied", "v1"))
    put(tree, "untagged", "v1", "gone")
    shutil.rmtree(tree.repository("untagged") / "_manifests" / "tags")
    return tree


@pytest.fixture(scope="module")
def url(tree: RegistryTree) -> Iterator[str]:
    """A real registry over the tree, with small pages."""
    with running_registry(tree.root, catalog={"maxentries": 2}, tags={"maxtags": 2}) as url:
        yield url


def known(scan: Scan) -> int:
    return sum(
        isinstance(digest, str)
        for tags in scan.repositories.values()
        if not isinstance(tags, Unknown)
        for digest in tags.values()
    )


def test_a_tree_is_read(tree: RegistryTree) -> None:
    seen = scan_of_tree(tree)
    assert seen.missing is None
    assert sorted(seen.repositories) == sorted((*NAMES, "emptied", "untagged"))
    assert seen.repositories["emptied"] == seen.repositories["untagged"] == {}
    assert seen.repositories["a/b"] == {f"v{number}": tree.tagged("a/b", f"v{number}") for number in range(5)}


@pytest.mark.system
def test_tree_and_api_show_the_same_and_pages_are_followed(tree: RegistryTree, url: str) -> None:
    with client_of(url) as client:
        assert len(client.request("GET", "/v2/_catalog").body) < 60, "the pages are small"
        assert scan_of_registry(client) == scan_of_tree(tree)


@pytest.mark.system
def test_a_whole_catalogue_is_seen_both_ways(tmp_path: Path) -> None:
    tree = RegistryTree(tmp_path / "registry")
    expected = fill(tree, 120, 10)
    with running_registry(tree.root) as url, client_of(url) as client:
        seen = scan_of_registry(client)
    assert seen == scan_of_tree(tree)
    assert seen == Scan(expected)


@pytest.mark.system
def test_tokens_are_had_as_clients_get_them_and_tls_is_kept_open(tmp_path: Path) -> None:
    with stack_with(tmp_path, (PULL_ALL,)) as stack:
        token = stack.registry.token("repository:ci/app:pull,push", "robot")
        for tag in ("v1", "v2"):
            assert stack.registry.push("ci/app", tag, token).is_success
        endpoint = PooledEndpoint(stack.url, stack.authority, {NAME: "127.0.0.1"})
        admin = RegistryClient(endpoint, Login("admin", PASSWORDS["admin"]))
        assert scan_of_registry(admin) == scan_of_tree(RegistryTree(tmp_path / "registry"))
        (pool,) = endpoint._pools
        assert 1 <= pool.num_connections <= 8
        endpoint.close()
        assert not endpoint._pools
        with pytest.raises(RegistryError, match=r"GET /v2/_catalog was answered 401 \(UNAUTHORIZED"):
            scan_of_registry(RegistryClient(endpoint))
        endpoint.close()


def test_what_is_left_of_a_tag_is_none(tmp_path: Path) -> None:
    tree = RegistryTree(tmp_path)
    digest = put(tree, "app", "whole", "1")
    put(tree, "app", "left", "2")
    tree.tag("app", "left").unlink()
    assert scan_of_tree(tree).repositories == {"app": {"whole": digest}}


@pytest.mark.parametrize("damage", ["", "sha512:0"])
def test_a_damaged_link_is_unknown_and_named(tmp_path: Path, damage: str) -> None:
    tree = RegistryTree(tmp_path)
    digest = put(tree, "app", "whole", "1")
    put(tree, "app", "damaged", "2")
    tree.tag("app", "damaged").write_text(damage)
    seen = scan_of_tree(tree).repositories["app"]
    assert not isinstance(seen, Unknown)
    assert seen["whole"] == digest
    assert isinstance(unknown := seen["damaged"], Unknown)
    assert "tags/damaged/current/link" in unknown.reason
    assert "tag" in unknown.reason.partition("; ")[2]


@pytest.mark.system
def test_a_damaged_link_is_unknown_by_the_api_too(tmp_path: Path) -> None:
    tree = RegistryTree(tmp_path / "registry")
    put(tree, "app", "empty", "1")
    put(tree, "app", "lost", "2")
    tree.tag("app", "empty").write_text("")
    tree.tag("app", "lost").unlink()
    with running_registry(tree.root) as url, client_of(url) as client:
        seen = scan_of_registry(client).repositories["app"]
    assert not isinstance(seen, Unknown)
    assert {tag: type(digest) for tag, digest in seen.items()} == {"empty": Unknown, "lost": Unknown}


def test_a_folder_that_cannot_be_read_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = RegistryTree(tmp_path)
    put(tree, "other", "1", "1")
    put(tree, "team/app", "1", "1")
    real = os.scandir

    def scandir(folder: str | Path) -> object:  # a STAND-IN for a disk that fails in places
        if Path(folder) in {tree.repository("team"), tree.repository("other") / "_manifests" / "tags"}:
            raise OSError(5, "Input/output error", str(folder))
        return real(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    seen = scan_of_tree(tree)
    assert seen.missing == Unknown(f"{tree.repository('team')}: Input/output error")
    assert seen.repositories == {"other": Unknown(f"{tree.repository('other')}/_manifests/tags: Input/output error")}


def test_a_tree_that_is_not_there_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match=r"away: No such file or directory; check that the registry's disk is mounted"):
        scan_of_tree(RegistryTree(tmp_path / "away"))


@pytest.mark.system
@pytest.mark.parametrize(("carried", "cut_in"), [(800, "catalogue"), (4_500, "lists"), (12_000, "digests")])
def test_a_network_that_breaks_in_the_middle_makes_the_rest_unknown(
    url: str, tree: RegistryTree, carried: int, cut_in: str
) -> None:
    whole = scan_of_tree(tree).repositories
    with network(url, carried) as cut, client_of(cut.url) as client:
        seen = scan_of_registry(client)
        assert cut.cut
    unlisted = sum(isinstance(tags, Unknown) for tags in seen.repositories.values())
    where = "catalogue" if seen.missing else "lists" if unlisted else "digests"
    assert where == cut_in
    assert known(seen) < known(Scan(whole))
    for name, tags in seen.repositories.items():
        expected = whole[name]
        assert not isinstance(expected, Unknown)
        if not isinstance(tags, Unknown):
            assert tags.keys() == expected.keys(), "a list that was cut is unknown, not short"
            assert all(isinstance(digest, Unknown) or digest == expected[tag] for tag, digest in tags.items())


@pytest.mark.system
def test_a_registry_that_has_stopped_answering_is_not_asked_for_all_the_rest(tmp_path: Path) -> None:
    tree = RegistryTree(tmp_path / "registry")
    fill(tree, 1, 100)
    with running_registry(tree.root) as url, network(url, 4_000) as cut, client_of(cut.url) as client:
        (tags,) = scan_of_registry(client).repositories.values()
    assert not isinstance(tags, Unknown)
    reasons = [digest.reason for digest in tags.values() if isinstance(digest, Unknown)]
    assert 0 < len(reasons) < 100
    assert sum(reason.startswith("not asked") for reason in reasons) > 50


@pytest.mark.system
def test_a_registry_that_is_away_is_an_error(url: str) -> None:
    with network(url, 0) as cut, client_of(cut.url) as client, pytest.raises(UnreachableError, match=r"http://127\.0\.0\.1:"):
        scan_of_registry(client)


@pytest.mark.system
def test_a_connection_that_was_ended_while_it_was_kept_is_opened_again(url: str) -> None:
    with network(url, 1 << 20) as through, client_of(through.url) as client:
        client.request("GET", "/v2/").expect(200)
        through._left = 0  # cuts what is open
        time.sleep(0.2)
        through._left = 1 << 20
        client.request("GET", "/v2/").expect(200)


class Overloaded(BaseHTTPRequestHandler):
    """A STAND-IN for a registry that is overloaded in places, which a real one cannot be told to be."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        if self.path == "/v2/":
            return self._answer(200, b"{}")
        if self.path == "/v2/_catalog":
            return self._answer(200, b'{"repositories": ["bad", "broken", "circle", "gone", "good", "null", "odd", "refused"]}')
        name = self.path.split("/")[2]
        body = {"good": b'{"tags": ["1", "2"]}', "null": b'{"tags": null}', "odd": b'{"tags": [1]}', "circle": b'{"tags": ["1"]}'}
        errors = {
            "gone": (404, b'{"errors": [{"code": "NAME_UNKNOWN", "message": "x"}]}'),
            "refused": (403, b""),
            "bad": (404, b""),
        }
        link = {"Link": f'<{self.path}>; rel="next"'} if name == "circle" else {}
        return self._answer(*errors.get(name, (500, b"")), {}) if name not in body else self._answer(200, body[name], link)

    def do_HEAD(self) -> None:
        self.asked.append(self.path)
        if self.path.endswith("/2"):
            self._answer(503, b"", {"Retry-After": "3600"})
        elif self.asked.count(self.path) == 1:
            self._answer(429, b"", {"Retry-After": "1"})
        else:
            self._answer(200, b"", {"Docker-Content-Digest": "sha256:" + "0" * 64})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def test_each_repository_and_tag_that_fails_is_unknown_by_itself_and_busy_ones_are_waited_for() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Overloaded) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        endpoint = PooledEndpoint(f"http://127.0.0.1:{server.server_port}")
        seen = dict(scan_of_registry(RegistryClient(endpoint, until=time.monotonic() + 10)).repositories)
        endpoint.close()
        server.shutdown()
        thread.join()
    good = seen.pop("good")
    assert not isinstance(good, Unknown)
    assert good["1"] == "sha256:" + "0" * 64, "after it was asked to wait"
    assert good["2"] == Unknown("HEAD /v2/good/manifests/2 was answered 503")
    assert seen == {
        "bad": Unknown("GET /v2/bad/tags/list was answered 404"),
        "broken": Unknown("GET /v2/broken/tags/list was answered 500"),
        "circle": Unknown("GET /v2/circle/tags/list: its pages never end"),
        "gone": {},
        "null": {},
        "odd": Unknown("GET /v2/odd/tags/list was answered without a list of tags"),
        "refused": Unknown("GET /v2/refused/tags/list was answered 403"),
    }
    assert sorted(Overloaded.asked) == [*["/v2/good/manifests/1"] * 2, "/v2/good/manifests/2"], "an hour is not waited for"
