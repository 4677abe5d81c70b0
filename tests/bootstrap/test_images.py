"""Which images are used, and what is said when they cannot be pulled: on a stand-in for the Docker API."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from bootstrap import images as subject
from bootstrap.errors import SetupError
from bootstrap.images import ensure_lock, find_lock
from infra.images import load_lock
from infra.settings import SettingsError
from offline.images import ImageRef

DIGESTS = {name: "sha256:" + digit * 64 for name, digit in (("redis", "a"), ("caddy", "b"))}
LOCK = "\n".join(f"{name}: {{image: '{name}:9.0.0@{digest}'}}" for name, digest in DIGESTS.items())
FIRST = {"status": "Pulling from library/redis", "id": "9.0.0"}


@dataclass
class Registry:
    """What the stand-in answers.

    Attributes:
        address: Its DOCKER_HOST.
        lines: What a pull says after its first line.
        ending: What it says after them.
        status: The status of a pull's answer.
        images: References that the engine has.
        pulled: References that were asked for.
        brings: Whether a pull without an error brings the image.
        goes_on: A pull without an end waits for it.
    """

    address: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)
    ending: bytes = b""
    status: int = 200
    images: set[str] = field(default_factory=set)
    pulled: list[str] = field(default_factory=list)
    brings: bool = True
    goes_on: threading.Event | None = None

    def pull(self, reference: str) -> None:
        self.pulled.append(reference)
        if self.brings and not any("error" in line for line in self.lines):
            self.images.add(reference)

    def offer(self, *lines: dict[str, Any]) -> None:
        self.lines = list(lines)


class _Handler(BaseHTTPRequestHandler):
    """The requests of the Docker API that pulling needs."""

    registry: Registry
    protocol_version = "HTTP/1.1"  # a pull is answered in chunks

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path.endswith("/version"):
            self._answer(200, {"ApiVersion": "1.41"})
            return
        reference = path.partition("/images/")[2].removesuffix("/json")
        there = reference in self.registry.images
        self._answer(200 if there else 404, {"Id": "sha256:" + "1" * 64} if there else {"message": "No such image"})

    def do_POST(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self.registry.pull(f"{query['fromImage'][0]}@{query['tag'][0]}")
        if self.registry.status != 200:
            self._answer(self.registry.status, {"message": f"refused with {self.registry.status}"})
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        for line in (FIRST, *self.registry.lines):
            self._write_chunk(json.dumps(line).encode() + b"\r\n")
        if self.registry.ending:
            self._write_chunk(self.registry.ending)
        if self.registry.goes_on:
            self.registry.goes_on.wait(30)
        self._write_chunk(b"")

    def _write_chunk(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))

    def _answer(self, status: int, content: dict[str, str]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        pass


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("IMAGES", raising=False)
    registry = Registry()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"registry": registry})) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        registry.address = f"tcp://127.0.0.1:{server.server_port}"
        yield registry
        server.shutdown()
        thread.join()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "own.lock"
    path.write_text(LOCK)
    return path


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder; images from packages are made at once, by a stand-in."""

    def make(names: dict[str, Any], *_: object) -> dict[str, ImageRef]:
        return {name: ImageRef("sha256:" + "c" * 64, "9.0.1") for name in names}

    monkeypatch.setattr(subject, "ensure_images", make)
    return tmp_path / "state"


def references(lock: Path) -> list[str]:
    return [image.reference for image in load_lock(lock).values()]


def test_images_are_pulled_once(registry: Registry, state: Path, lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ensure_lock(state, lock, registry.address) == lock
    assert registry.pulled == references(lock)
    assert "pulling redis:9.0.0 …" in capsys.readouterr().err
    assert ensure_lock(state, lock, registry.address) == lock
    assert len(registry.pulled) == 2


@pytest.mark.parametrize(
    "fault",
    [
        "manifest unknown: manifest unknown",
        'failed to resolve reference "docker.io/library/redis:9.0.0": not found',
        "pull access denied for redis, repository does not exist or may require 'docker login'",
    ],
)
def test_an_image_that_does_not_exist_is_told_also_after_the_first_line(
    registry: Registry, state: Path, lock: Path, fault: str
) -> None:
    registry.offer({"errorDetail": {"message": fault}, "error": fault})
    with pytest.raises(SetupError, match=r"images.lock: redis: redis:9.0.0@sha256:a+ does not exist \(.*correct its tag"):
        ensure_lock(state, lock, registry.address)


def test_an_image_that_does_not_exist_is_told_by_the_answers_status(registry: Registry, state: Path, lock: Path) -> None:
    registry.status, registry.brings = 404, False
    with pytest.raises(SetupError, match=r"redis:9.0.0@sha256:a+ does not exist \(refused with 404\)"):
        ensure_lock(state, lock, registry.address)


def test_a_registry_out_of_reach_leads_to_images_from_packages_and_back(
    registry: Registry, state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.offer({"status": "Retrying in 5 seconds"}, {"error": "dial tcp: lookup registry.test: no such host"})
    offline = state / "images.lock"
    assert ensure_lock(state, lock, registry.address) == offline
    assert references(offline) == ["sha256:" + "c" * 64] * 2
    told = capsys.readouterr().err
    assert "cannot be pulled here (dial tcp: lookup registry.test: no such host)" in told
    assert "`IMAGES=official make up` tries again" in told
    assert ensure_lock(state, lock, registry.address) == offline
    assert len(registry.pulled) == 1

    monkeypatch.setenv("IMAGES", "official")
    with pytest.raises(SetupError, match=r"redis:9.0.0@sha256:a+ cannot be pulled: dial tcp"):
        ensure_lock(state, lock, registry.address)
    registry.offer()
    assert ensure_lock(state, lock, registry.address) == lock
    monkeypatch.delenv("IMAGES")
    registry.images.clear()
    assert ensure_lock(state, lock, registry.address) == lock


def test_an_engine_that_refuses_to_pull_is_told(
    registry: Registry, state: Path, lock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.status, registry.brings = 500, False
    assert ensure_lock(state, lock, registry.address) == state / "images.lock"
    assert "cannot be pulled here (refused with 500)" in capsys.readouterr().err


def test_an_answer_that_breaks_off_is_told(
    registry: Registry, state: Path, lock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.ending = b'{"status": "Pulli'
    assert ensure_lock(state, lock, registry.address) == state / "images.lock"
    assert "cannot be pulled here (" in capsys.readouterr().err


def test_a_pull_that_brings_nothing_is_no_success(
    registry: Registry, state: Path, lock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.brings = False
    assert ensure_lock(state, lock, registry.address) == state / "images.lock"
    assert "does not have the image" in capsys.readouterr().err


def test_waiting_for_a_silent_engine_has_an_end(
    registry: Registry, state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subject, "_SILENCE_LIMIT_S", 0.5)
    registry.goes_on, before = threading.Event(), set(threading.enumerate())
    assert ensure_lock(state, lock, registry.address) == state / "images.lock"
    assert "the Docker engine has said nothing for 0 s" in capsys.readouterr().err
    registry.goes_on.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)


def test_an_engine_that_is_gone_is_told(
    registry: Registry, state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Registry, "pull", lambda *_: 1 / 0)  # ends the connection without an answer
    monkeypatch.setattr(ThreadingHTTPServer, "handle_error", lambda *_: None)
    assert ensure_lock(state, lock, registry.address) == state / "images.lock"
    assert "cannot be pulled here (" in capsys.readouterr().err


def test_an_image_that_only_another_engine_has_is_told(registry: Registry, state: Path, lock: Path) -> None:
    lock.write_text(f"redis: {{image: '{DIGESTS['redis']}', version: 9.0.0}}")
    with pytest.raises(SetupError, match=rf"this engine has no image {DIGESTS['redis']}, and no registry has it"):
        ensure_lock(state, lock, registry.address)


def test_images_from_packages_can_be_forced(registry: Registry, state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.images |= set(references(lock))
    monkeypatch.setenv("IMAGES", "offline")
    assert ensure_lock(state, lock, registry.address) == state / "images.lock"
    assert registry.pulled == []


@pytest.mark.parametrize("choose", [ensure_lock, find_lock])
def test_an_unknown_wish_is_refused(choose: Any, state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGES", "standin")
    with pytest.raises(SetupError, match="IMAGES=standin is unknown; use IMAGES=official or IMAGES=offline"):
        choose(state, lock, "tcp://127.0.0.1:1")


def test_the_lock_in_use_is_found_without_setting_up_anything(
    registry: Registry, state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_lock(state, lock, "tcp://127.0.0.1:1") == lock
    registry.offer({"error": "no such host"})
    offline = ensure_lock(state, lock, registry.address)
    assert find_lock(state, lock, registry.address) == offline
    monkeypatch.setenv("IMAGES", "offline")
    assert find_lock(state, lock, "tcp://127.0.0.1:1") == offline
    monkeypatch.setenv("IMAGES", "official")
    assert find_lock(state, lock, "tcp://127.0.0.1:1") == lock
    monkeypatch.delenv("IMAGES")
    registry.images |= set(references(lock))
    assert find_lock(state, lock, registry.address) == lock
    assert len(registry.pulled) == 1


def test_an_invalid_lock_is_refused(state: Path, lock: Path) -> None:
    lock.write_text("redis: {image: 'redis:latest'}")
    with pytest.raises(SettingsError, match="redis:latest is not pinned"):
        ensure_lock(state, lock, "tcp://127.0.0.1:1")
