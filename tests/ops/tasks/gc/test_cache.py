"""The cache knows of blobs that are gone: pushed again, they are not sent, unless the cache is emptied in time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.tasks.gc.gc_rig import Image, Rig, running
from tests.ops.tasks.gc.victim import kill_at
from tests.real_programs import RedisServer, redis_server

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(
        tmp_path_factory.mktemp("redis"),
        'bind *\nprotected-mode no\nsave ""\naclfile /run/secrets/users.acl\n',
        "user default on nopass ~* &* +@all\n",
    ) as server:
        yield server


@pytest.fixture
def rig(tmp_path: Path, redis: RedisServer) -> Iterator[Rig]:
    _flush(redis)
    with running(tmp_path, cache=f"{redis.host}:{redis.port}") as rig:
        yield rig


def deleted(rig: Rig) -> Image:
    image = Image("gone")
    for tag, one in {"gone": image, "kept": Image("kept")}.items():
        assert rig.client.push("app", tag, one).status_code == 201
    assert rig.client.delete("app", image.digest).status_code == 202
    return image


@pytest.mark.parametrize("protected", [True, False])
def test_a_deleted_image_can_be_pushed_again(rig: Rig, redis: RedisServer, protected: bool) -> None:
    image = deleted(rig)
    flush = (lambda: None) if not protected else (lambda: _flush(redis))
    assert rig.collection(flush=flush).run().removed_blobs == 5
    assert rig.client.push("app", "again", image).status_code == 201
    assert (rig.client.pull("app", "again") == []) == protected
    assert rig.client.pull("app", "kept") == []


def test_an_image_that_a_killed_run_has_let_be_pushed_without_its_layers_is_made_whole_by_the_next(
    rig: Rig, redis: RedisServer
) -> None:
    image = deleted(rig)
    kill_at("swept", rig.folder, "gc")
    assert rig.client.push("app", "again", image).status_code == 201
    assert rig.client.pull("app", "again") != []
    rig.collection(flush=lambda: _flush(redis)).run()
    assert rig.client.pull("app", "again") == []


def _flush(redis: RedisServer) -> None:
    assert redis.ask("FLUSHDB") == "+OK\r\n"
