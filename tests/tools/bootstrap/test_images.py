"""Which images are used, and what is said when they cannot be pulled: on a stand-in for the Docker API."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.images import load_lock
from infra.settings import SettingsError
from tests.tools.bootstrap.docker_api import Registry, docker_api
from tools.bootstrap import images as subject
from tools.bootstrap.errors import SetupError
from tools.bootstrap.images import ensure_lock, find_lock
from tools.offline.images import ImageRef

DIGESTS = {name: "sha256:" + digit * 64 for name, digit in (("redis", "a"), ("caddy", "b"))}
MADE = "sha256:" + "c" * 64
LOCK = "\n".join(f"{name}: {{image: '{name}:9.0.0@{digest}'}}" for name, digest in DIGESTS.items())
NEEDED = {"redis", "caddy"}


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("IMAGES", raising=False)
    with docker_api() as registry:
        yield registry


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "own.lock"
    path.write_text(LOCK)
    return path


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder; images from packages are made at once, by a stand-in."""

    def make(names: dict[str, Any], *_: object) -> dict[str, ImageRef]:
        return {name: ImageRef(MADE, "9.0.1") for name in names}

    monkeypatch.setattr(subject, "ensure_images", make)
    return tmp_path / "state"


def references(lock: Path) -> list[str]:
    return [image.reference for image in load_lock(lock).values()]


def test_images_are_pulled_once(registry: Registry, state: Path, lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ensure_lock(state, lock, registry.address, NEEDED) == lock
    assert registry.pulled == references(lock)
    assert "pulling redis:9.0.0 …" in capsys.readouterr().err
    assert ensure_lock(state, lock, registry.address, NEEDED) == lock
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
        ensure_lock(state, lock, registry.address, NEEDED)


def test_an_image_that_does_not_exist_is_told_by_the_answers_status(registry: Registry, state: Path, lock: Path) -> None:
    registry.status, registry.brings = 404, False
    with pytest.raises(SetupError, match=r"redis:9.0.0@sha256:a+ does not exist \(refused with 404\)"):
        ensure_lock(state, lock, registry.address, NEEDED)


def test_a_registry_out_of_reach_leads_to_images_from_packages_and_back(
    registry: Registry, state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.offer({"status": "Retrying in 5 seconds"}, {"error": "dial tcp: lookup registry.test: no such host"})
    offline = state / "images.lock"
    assert ensure_lock(state, lock, registry.address, NEEDED) == offline
    assert references(offline) == [MADE] * 2
    told = capsys.readouterr().err
    assert "redis:9.0.0 cannot be pulled here (dial tcp: lookup registry.test: no such host): building all images from" in told
    assert "`IMAGES=official make up` tries again" in told
    assert ensure_lock(state, lock, registry.address, NEEDED) == offline
    assert len(registry.pulled) == 1

    monkeypatch.setenv("IMAGES", "official")
    with pytest.raises(SetupError, match=r"redis:9.0.0@sha256:a+ cannot be pulled: dial tcp"):
        ensure_lock(state, lock, registry.address, NEEDED)
    registry.offer()
    assert ensure_lock(state, lock, registry.address, NEEDED) == lock
    monkeypatch.delenv("IMAGES")
    registry.images.clear()
    assert ensure_lock(state, lock, registry.address, NEEDED) == lock


def test_an_engine_that_refuses_to_pull_is_told(
    registry: Registry, state: Path, lock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.status, registry.brings = 500, False
    assert ensure_lock(state, lock, registry.address, NEEDED) == state / "images.lock"
    assert "cannot be pulled here (refused with 500)" in capsys.readouterr().err


def test_an_answer_that_breaks_off_is_told(
    registry: Registry, state: Path, lock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.ending = b'{"status": "Pulli'
    assert ensure_lock(state, lock, registry.address, NEEDED) == state / "images.lock"
    assert "cannot be pulled here (" in capsys.readouterr().err


def test_a_pull_that_brings_nothing_is_no_success(
    registry: Registry, state: Path, lock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.brings = False
    assert ensure_lock(state, lock, registry.address, NEEDED) == state / "images.lock"
    assert "does not have the image" in capsys.readouterr().err


def test_waiting_for_a_silent_engine_has_an_end(
    registry: Registry, state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subject, "_SILENCE_LIMIT_S", 0.5)
    registry.goes_on, before = threading.Event(), set(threading.enumerate())
    assert ensure_lock(state, lock, registry.address, NEEDED) == state / "images.lock"
    assert "the Docker engine has reported nothing for 0 s" in capsys.readouterr().err
    registry.goes_on.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)


def test_an_engine_that_is_gone_is_told(
    registry: Registry, state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Registry, "pull", lambda *_: 1 / 0)  # ends the connection without an answer
    monkeypatch.setattr(ThreadingHTTPServer, "handle_error", lambda *_: None)
    assert ensure_lock(state, lock, registry.address, NEEDED) == state / "images.lock"
    assert "cannot be pulled here (" in capsys.readouterr().err


def test_an_image_that_only_another_engine_has_is_told(registry: Registry, state: Path, lock: Path) -> None:
    lock.write_text(f"redis: {{image: '{DIGESTS['redis']}', version: 9.0.0}}")
    with pytest.raises(SetupError, match=rf"this engine has no image {DIGESTS['redis']}, and no registry has it"):
        ensure_lock(state, lock, registry.address, NEEDED)


def test_images_from_packages_can_be_forced(registry: Registry, state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.images |= set(references(lock))
    monkeypatch.setenv("IMAGES", "offline")
    assert ensure_lock(state, lock, registry.address, NEEDED) == state / "images.lock"
    assert registry.pulled == []


@pytest.mark.parametrize("choose", [ensure_lock, find_lock])
def test_an_unknown_wish_is_refused(choose: Any, state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGES", "standin")
    with pytest.raises(SetupError, match="IMAGES=standin is unknown; use IMAGES=official or IMAGES=offline"):
        choose(state, lock, "tcp://127.0.0.1:1", NEEDED)


def test_the_lock_in_use_is_found_without_setting_up_anything(
    registry: Registry, state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_lock(state, lock, "tcp://127.0.0.1:1", NEEDED) == lock
    registry.offer({"error": "no such host"})
    offline = ensure_lock(state, lock, registry.address, NEEDED)
    assert find_lock(state, lock, registry.address, NEEDED) == offline
    monkeypatch.setenv("IMAGES", "offline")
    assert find_lock(state, lock, "tcp://127.0.0.1:1", NEEDED) == offline
    monkeypatch.setenv("IMAGES", "official")
    assert find_lock(state, lock, "tcp://127.0.0.1:1", NEEDED) == lock
    monkeypatch.delenv("IMAGES")
    registry.images |= set(references(lock))
    assert find_lock(state, lock, registry.address, NEEDED) == lock
    assert len(registry.pulled) == 1


def test_an_invalid_lock_is_refused(state: Path, lock: Path) -> None:
    lock.write_text("redis: {image: 'redis:latest'}")
    with pytest.raises(SettingsError, match="redis:latest is not a fixed version"):
        ensure_lock(state, lock, "tcp://127.0.0.1:1", NEEDED)


def test_an_image_that_no_service_needs_is_neither_pulled_nor_made(
    registry: Registry, state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ensure_lock(state, lock, registry.address, {"caddy"}) == lock
    assert registry.pulled == references(lock)[1:]
    assert find_lock(state, lock, registry.address, {"caddy"}) == lock
    monkeypatch.setenv("IMAGES", "offline")
    images = load_lock(ensure_lock(state, lock, registry.address, {"caddy"}))
    assert images["caddy"].reference == MADE
    assert images["redis"].unavailable == "its image was not needed and has not been built; `make up` builds it"
    assert len(registry.pulled) == 1


def test_settings_that_ask_for_more_make_the_lock_anew(
    registry: Registry, state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGES", "offline")
    offline = ensure_lock(state, lock, registry.address, {"caddy"})
    assert find_lock(state, lock, registry.address, NEEDED) == offline
    assert load_lock(ensure_lock(state, lock, registry.address, NEEDED))["redis"].reference == MADE


def test_an_image_without_a_recipe_is_marked_as_such_whether_it_is_needed_or_not(
    registry: Registry, state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock.write_text(f"{LOCK}\nnowhere: {{image: 'nowhere:1.0.0'}}")
    monkeypatch.setenv("IMAGES", "offline")
    for needed in (NEEDED, NEEDED | {"nowhere"}):
        images = load_lock(ensure_lock(state, lock, registry.address, needed))
        assert images["nowhere"].unavailable == "its image cannot be pulled here, and no package has it"
        assert images["redis"].reference == MADE


def test_an_image_without_digest_is_pulled_by_its_tag(
    registry: Registry, state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock.write_text("redis: {image: 'example.com:5000/team/redis:9.0.0'}")
    monkeypatch.setenv("IMAGES", "official")
    assert ensure_lock(state, lock, registry.address, NEEDED) == lock
    assert registry.pulled == ["example.com:5000/team/redis:9.0.0"]


def test_an_image_that_is_known_to_be_unavailable_is_not_asked_for(registry: Registry, state: Path, lock: Path) -> None:
    lock.write_text(f"redis: {{image: 'redis:9.0.0@{DIGESTS['redis']}'}}\ncaddy: {{unavailable: gone}}")
    assert ensure_lock(state, lock, registry.address, NEEDED) == lock
    assert registry.pulled == references(lock)[:1]
