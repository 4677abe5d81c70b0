"""What the edge's access log says of clients, by lines of a real Caddy and by made-up ones."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.config import ACCESS_LOG_FILE, TOKEN_PATH, USER_HEADER
from ops.stack.access_log import NewlyAsked, asked_for, last_pulls, pulls_of, reaches_back_to
from ops.stack.clients import ClientLog
from stack_components import access_log
from stack_components.edge import caddyfile
from stack_components.edge.registry_routes import Upstreams
from tests.stack_components.edge.caddy import Ports, running_caddy, serving
from tests.stack_components.edge.test_caddy import Registry, configured

A, B, C = ("sha256:" + letter * 64 for letter in "abc")
LONG = 3600.0


def line(
    method: str, uri: str, status: int = 200, *, age: float = 0, request_more: Mapping[str, Any] | None = None, **more: Any
) -> bytes:
    """A line as Caddy writes it."""
    request = {"remote_ip": "192.0.2.1", "proto": "HTTP/2.0", "method": method, "host": "REGISTRY.example.com", "uri": uri}
    request |= request_more or {}
    entry = {"level": "info", "ts": time.time() - age, "logger": "http.log.access.log0", "msg": "handled request"}
    return json.dumps({**entry, "request": request, "status": status, **more}, separators=(",", ":")).encode() + b"\n"


def head(digest: str, **options: Any) -> bytes:
    return line("HEAD", f"/v2/team/app/blobs/{digest}", **options)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / ACCESS_LOG_FILE


def rotated(log: Path, time_of_day: str, *, compressed: bool = False) -> Path:
    """Rotate a log as Caddy does."""
    path = log.with_name(f"access-2026-11-28T{time_of_day}.000-size.log")
    log.rename(path)
    if compressed:
        packed = path.with_name(f"{path.name}.gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
        path = packed
    return path


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (head(A), {A}),
        (line("HEAD", f"/v2/app/blobs/{A.replace(':', '%3A')}?x=y"), {A}),
        (line("HEAD", f"/v2/team%2Fapp/%62lobs/{A}"), {A}),
        (line("HEAD", f"HTTPS://REGISTRY.example.com/v2/app/blobs/{A}"), {A}),
        (line("HEAD", "/v2/app/blobs/sha512:" + "d" * 128), {"sha512:" + "d" * 128}),
        (line("POST", f"/v2/app/blobs/uploads/?mount={A}&from=team/app", 201), {A}),
        (line("POST", f"/v2/app/blobs/uploads/?from=team%2Fapp&mount={A.replace(':', '%3A')}", 201), {A}),
        (line("POST", f"/v2/app/blobs/uploads/?mount={A}&from=team/app", 202), set()),
        (line("POST", "/v2/app/blobs/uploads/?mount=nonsense&from=team/app", 201), set()),
        (line("GET", f"/v2/app/blobs/{A}"), set()),
        (line("HEAD", f"/v2/app/manifests/{A}"), set()),
        (head(A, status=404), set()),
        (head(A)[:-60] + b"\n", set()),
        (head(A).replace(b'"status":200', b'"status":"x"'), set()),
        (b'{"method":"HEAD"}\n', set()),
        (b'"method":"HEAD" [1\n', set()),
        (b'\xff\xfe "method":"HEAD"\n', set()),
    ],
)
def test_who_was_told_that_a_blob_is_there(log: Path, one: bytes, found: set[str]) -> None:
    log.write_bytes(head("sha256:0", age=2 * LONG) + head(B) + one + head(C))
    assert asked_for(log, LONG) == {B, C} | found


def test_a_log_that_does_not_exist_is_empty(log: Path) -> None:
    assert asked_for(log, LONG) == set()
    assert NewlyAsked(log).digests() == set()
    assert last_pulls(log) == {}
    assert reaches_back_to(log) is None


@pytest.mark.parametrize("compressed", [False, True])
def test_rotated_files_are_read_as_far_as_they_are_young_enough(log: Path, compressed: bool) -> None:
    log.write_bytes(head(A, age=2 * LONG))
    rotated(log, "09-00-00", compressed=compressed)
    log.write_bytes(head(B, age=LONG / 2))
    rotated(log, "10-00-00", compressed=compressed)
    log.write_bytes(head(C))
    assert asked_for(log, LONG) == {B, C}
    assert asked_for(log, 3 * LONG) == {A, B, C}


def test_no_more_is_read_than_allowed(log: Path) -> None:
    log.write_bytes(head(A) + head(B) * 2000 + head(C))
    assert asked_for(log, LONG, max_bytes=100_000) == {B, C}


def test_lines_across_blocks_are_found(log: Path) -> None:
    digests = [f"sha256:{number:064x}" for number in range(8000)]  # some 2 MB
    log.write_bytes(b"".join(map(head, digests)))
    assert asked_for(log, LONG) == set(digests)


def test_only_what_was_appended_is_read_again(log: Path) -> None:
    log.write_bytes(head(A))
    newly = NewlyAsked(log)
    with contextlib.closing(newly), log.open("ab", buffering=0) as writer:
        assert newly.digests() == set()
        writer.write(head(B)[:50])
        assert newly.digests() == set()
        writer.write(head(B)[50:])
        assert newly.digests() == {B}
        assert newly.digests() == set()


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("compressed", [False, True])
def test_rotation_in_between_loses_nothing(log: Path, times: int, compressed: bool) -> None:
    log.write_bytes(head(A))
    newly = NewlyAsked(log)
    expected = set()
    with contextlib.closing(newly):
        for number in range(times):
            expected |= {f"sha256:{2 * number:064x}", f"sha256:{2 * number + 1:064x}"}
            with log.open("ab") as writer:
                writer.write(head(f"sha256:{2 * number:064x}"))
            rotated(log, f"10-00-0{number}", compressed=compressed)
            log.write_bytes(head(f"sha256:{2 * number + 1:064x}"))
        assert expected <= newly.digests() <= expected | {A}
        with log.open("ab") as writer:
            writer.write(head(C))
        assert newly.digests() == {C}


def test_a_log_that_begins_later_or_is_emptied_is_read_from_its_beginning(log: Path) -> None:
    with contextlib.closing(NewlyAsked(log)) as newly:
        log.write_bytes(head(A) * 2)
        assert newly.digests() == {A}
        os.truncate(log, 0)
        with log.open("ab") as writer:
            writer.write(head(B))
        assert newly.digests() == {B}


def test_when_an_image_was_last_pulled_by_its_digest(log: Path) -> None:
    log.write_bytes(line("GET", f"/v2/team/app/manifests/{A}", age=3000) + line("GET", f"/v2/team/app/manifests/{B}", age=2000))
    rotated(log, "09-00-00", compressed=True)
    now = time.time()
    log.write_bytes(
        line("GET", f"/v2/team/app/manifests/{A.replace(':', '%3A')}", age=100)
        + line("GET", f"/v2/other/manifests/{A}", age=50)
        + line("GET", f"/v2/team/app/manifests/{C}", 404)
        + line("PUT", f"/v2/team/app/manifests/{C}", 201)
        + line("HEAD", f"/v2/team/app/manifests/{C}")
        + line("GET", "/v2/team/app/manifests/v1", resp_headers={"Docker-Content-Digest": [C]})
        + line("GET", f"/v2/team/app/manifests/{B}")[:-40]
    )
    ages = {key: round(now - when, -1) for key, when in last_pulls(log).items()}
    assert ages == {("team/app", A): 100, ("team/app", B): 2000, ("other", A): 50}
    oldest = reaches_back_to(log)
    assert oldest is not None
    assert round(now - oldest, -1) == 3000


def test_a_damaged_compressed_file_is_read_as_far_as_it_goes(log: Path) -> None:
    log.write_bytes(head(A))
    packed = rotated(log, "09-00-00", compressed=True)
    packed.write_bytes(packed.read_bytes()[:-10])
    log.write_bytes(head(B))
    assert B in asked_for(log, LONG)
    assert reaches_back_to(log) is not None


class SignedIn(Registry):
    """Stands where registry and gateway are. Whoever wants a token is alice."""

    def end_headers(self) -> None:
        if self.path.startswith(TOKEN_PATH):
            self.send_header(USER_HEADER, "alice")
        super().end_headers()


@pytest.mark.system
def test_lines_of_a_real_caddy_are_understood_across_its_rotations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caddy rotates at 1 MiB here, and compresses what it has rotated."""
    whole = caddyfile._access_log
    monkeypatch.setattr(caddyfile, "_access_log", lambda: whole().replace("roll_size 50MiB", "roll_size 1MiB"))
    log = tmp_path / "log" / access_log.FILE.rpartition("/")[2]
    (tmp_path / "gate").mkdir()
    with serving(SignedIn) as registry:
        upstreams = Upstreams(*[f"127.0.0.1:{registry.server_address[1]}"] * 2)
        with running_caddy(configured(upstreams=upstreams, pages=[]), tmp_path, Ports()) as caddy, httpx.Client() as client:
            newly = NewlyAsked(log)
            seen: set[str] = set()
            digests = [f"sha256:{number:064x}" for number in range(2400)]
            for number, digest in enumerate(digests):
                client.head(f"{caddy.url}/v2/team/app/blobs/{digest}?a=b", headers={"X-Long": "x" * 300})
                if number % 100 == 0:
                    seen |= newly.digests()
            client.get(f"{caddy.url}{TOKEN_PATH}?service=x")
            client.get(f"{caddy.url}/v2/team/app/manifests/{A}")
            give_up = time.monotonic() + 10
            while not last_pulls(log) and time.monotonic() < give_up:
                time.sleep(0.1)
            seen |= newly.digests()
            newly.close()
            assert len(list(log.parent.iterdir())) > 1, "it was rotated"
            assert seen == set(digests)
            assert asked_for(log, LONG) == set(digests)
            assert set(last_pulls(log)) == {("team/app", A)}
            (one,) = ClientLog(log).read().clients
            assert (one.name, one.address, one.family, one.images) == ("alice", "127.0.0.1", "python-httpx", 1)


def test_pulls_are_counted_by_repository_and_what_was_sent_with_them(log: Path) -> None:
    log.write_bytes(
        line("GET", "/v2/team/app/manifests/1.0", age=60, size=500)
        + line("GET", f"/v2/team/app/manifests/{A}", age=30, size=500)
        + line("GET", f"/v2/team/app/blobs/{B}", size=10_000)
        + line("GET", f"/v2/team/app/blobs/{B}", 206, size=5_000)
        + line("HEAD", f"/v2/team/app/manifests/{A}", size=0)
        + line("GET", f"/v2/team/app/manifests/{C}", 404, size=90)
        + line("PUT", "/v2/team/other/manifests/1.0", 201)
        + line("GET", "/v2/team/app/tags/list", size=90)
        + b"half a line"
    )
    found = pulls_of(log)
    assert set(found) == {"team/app"}
    assert dict(found["team/app"].references) == {"1.0": 1, A: 1}
    assert found["team/app"].size == 16_000
    assert time.time() - found["team/app"].last == pytest.approx(30, abs=5)
    assert pulls_of(log.with_name("none.log")) == {}


@pytest.mark.parametrize("odd", ["1e999", "-1e999", "NaN", "null", "9" * 5000])
def test_a_line_with_a_number_that_is_none_is_left_out(log: Path, odd: str) -> None:
    good, at = line("GET", f"/v2/team/app/manifests/{A}"), str(time.time())
    for key in ("ts", "status", "size"):
        spoiled = line("GET", f"/v2/team/app/manifests/{B}", size=5, ts=1.0)
        written = json.loads(spoiled)[key]
        log.write_bytes(good + spoiled.replace(f'"{key}":{json.dumps(written)}'.encode(), f'"{key}":{odd}'.encode()) + good)
        assert set(last_pulls(log)) == {("team/app", A)}, (key, at)
        assert sum(pulls_of(log)["team/app"].references.values()) == 2
