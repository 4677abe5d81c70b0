"""Who pulls what, by lines as Caddy writes them: accounts, programs, and what hostile clients would like to fill."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ops.config import ACCESS_LOG_FILE, TOKEN_PATH, USER_HEADER
from ops.stack import clients
from ops.stack.clients import Client, ClientLog, Pulling, family_of
from tests.ops.stack.test_access_log import A, B, line, rotated

INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "docker/28.1.1 go/go1.23.8 os/linux arch/amd64 UpstreamClient(Docker-Client/28.1.1 \\(linux\\))"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / ACCESS_LOG_FILE


def get(path: str, *, client: str = "192.0.2.1", agent: str = DOCKER, kind: str = "", **more: Any) -> bytes:
    more = {"resp_headers": {"Content-Type": [kind]}, **more} if kind else more
    return line("GET", path, request_more={"client_ip": client, "headers": {"User-Agent": [agent]}}, **more)


def manifest(reference: str = "v1", *, repository: str = "team/app", **more: Any) -> bytes:
    return get(f"/v2/{repository}/manifests/{reference}", **more)


def token(account: str = "", **more: Any) -> bytes:
    return get(f"{TOKEN_PATH}?service=x&account=somebody", resp_headers={USER_HEADER: [account]} if account else {}, **more)


def read(log: Path, *lines: bytes) -> Pulling:
    log.write_bytes(b"".join(lines))
    return ClientLog(log).read()


def names(pulling: Pulling) -> list[tuple[str, bool]]:
    return [(one.name, one.signed_in) for one in pulling.clients]


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        (DOCKER, "Docker"),
        ("containerd/v2.1.0", "containerd"),
        ("containers/5.29.2 (github.com/containers/image)", "Podman, Buildah, Skopeo"),
        ("skopeo/1.14.0", "Podman, Buildah, Skopeo"),
        ("cri-o/1.31.0 go/go1.22.5 os/linux arch/amd64", "CRI-O"),
        ("regclient/regsync (v0.11.0)", "regclient"),
        ("buildkit/v0.21", "BuildKit"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "browser"),
        ("curl/8.14.1", "curl"),
        ("Helm/3.17.0", "Helm"),
        ("<script>alert(1)</script>", "<script>alert(1)<"),
        ("", "unknown"),
        (" \t ", "unknown"),
        ("x" * 9000, "x" * 40),
    ],
)
def test_a_program_is_known_by_its_name(agent: str, family: str) -> None:
    assert family_of(agent) == family


def test_images_are_counted_once_for_each_platform_that_is_pulled(log: Path) -> None:
    found = read(
        log,
        manifest(kind=INDEX, size=100, age=9),
        manifest(A, kind="application/vnd.oci.image.manifest.v1+json", size=200, age=8),
        get(f"/v2/team/app/blobs/{B}", size=5000, age=7),
        get(f"/v2/team/app/blobs/{B}", status=404, size=99),
        line("HEAD", "/v2/team/app/manifests/v1"),
        line("PUT", "/v2/team/app/manifests/v1", 201),
    )
    (client,) = found.clients
    assert (client.name, client.family, client.images, client.size) == ("192.0.2.1", "Docker", 1, 5300)
    assert client.repositories == {"team/app": 1}
    assert time.time() - client.last == pytest.approx(7, abs=2)
    assert found.last("team/app", "v1") == pytest.approx(time.time() - 9, abs=2)
    assert found.last("team/app", "v0", A) == pytest.approx(time.time() - 8, abs=2)
    assert found.last("team/app") == pytest.approx(time.time() - 8, abs=2)
    assert found.last("team/app", "v2", None) is None
    assert found.last("team/other") is None
    assert found.since == pytest.approx(time.time() - 9, abs=2)


def test_an_account_is_who_signed_in_there_with_that_program_and_not_who_says_so(log: Path) -> None:
    found = read(
        log,
        token(age=11),
        manifest(age=10),
        token("alice", age=9),
        manifest(age=8),
        manifest(age=7, client="192.0.2.2"),
        manifest(age=6, agent="curl/8"),
        token(age=5),
        manifest(age=4),
        token("bob", age=3),
        token("alice", age=3, client="192.0.2.9"),
        manifest(age=2),
        manifest(age=1, client="192.0.2.9"),
    )
    assert names(found) == [("alice", True), ("bob", True), ("192.0.2.1", False), ("192.0.2.1", False), ("192.0.2.2", False)]
    assert (found.clients[0].images, found.clients[0].address) == (2, "192.0.2.9")


def test_after_an_hour_nobody_knows_who_it_is(log: Path) -> None:
    assert names(read(log, token("alice", age=4000), manifest(age=200), manifest(age=5))) == [("192.0.2.1", False)]


def test_only_what_is_new_is_read_again_and_nothing_is_counted_twice(log: Path) -> None:
    log.write_bytes(b"".join(manifest(age=8000, size=size) for size in range(3)))
    rotated(log, "09-00-00", compressed=True)
    log.write_bytes(manifest(age=6000) + manifest(age=5999))
    rotated(log, "10-00-00")
    log.write_bytes(manifest(age=500))
    reader, last = ClientLog(log), manifest(age=50)
    assert [one.images for one in reader.read().clients] == [6]
    assert [one.images for one in reader.read().clients] == [6]
    with log.open("ab") as file:
        file.write(manifest(age=100) + last[:40])
    assert [one.images for one in reader.read().clients] == [7]
    with log.open("ab") as file:
        file.write(last[40:])
    rotated(log, "11-00-00", compressed=True)
    log.write_bytes(manifest(age=1))
    assert [one.images for one in reader.read().clients] == [9]


def test_many_clients_accounts_and_repositories_fill_no_memory(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_MOST_CLIENTS", "_MOST_ACCOUNTS", "_MOST_REPOSITORIES"):
        monkeypatch.setattr(clients, name, 5)
    found = read(
        log,
        *(token("alice", client=f"192.0.2.{number}", age=2) for number in range(9)),
        *(manifest(client=f"198.51.100.{number}", agent=f"x{number}/1") for number in range(20)),
        *(manifest(repository=f"team/r{number}", client="192.0.2.0") for number in range(9)),
    )
    assert len(found.clients) == 5
    first: Client = found.clients[0]
    assert (first.name, first.images) == ("192.0.2.0", 9), "its login was forgotten"
    assert first.repositories["other repositories"] == 4


def test_what_is_no_line_is_passed_over(log: Path) -> None:
    broken = (
        b"nonsense /v2/ \n",
        manifest()[:-50] + b"\n",
        manifest().replace(b'"headers":{', b'"headers":[{').replace(b'"]}}', b'"]}]}'),
        manifest().replace(b'"ts":', b'"ts":"x'),
        b"\xff\n",
    )
    assert [one.images for one in read(log, *broken, manifest()).clients] == [1]
    assert ClientLog(log.with_name("none.log")).read() == Pulling(None, {}, ())


def test_a_clock_that_was_ahead_hides_nothing_for_long(log: Path) -> None:
    assert [one.images for one in read(log, manifest(age=-90_000), manifest(age=1)).clients] == [2]
