"""The cache knows of blobs that are gone: pushed again, they are not sent, unless the cache is emptied in time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.config import ConfigError
from ops.registry.cache import RedisCache
from ops.registry.restore.model import RestoreScope
from ops.registry.restore.run import restore
from tests.ops.tasks.gc.gc_rig import NO_CACHE, Image, Rig, running
from tests.ops.tasks.gc.victim import kill_at
from tests.real_programs import RedisServer

pytestmark = pytest.mark.system


@pytest.fixture
def rig(tmp_path: Path, redis: RedisServer) -> Iterator[Rig]:
    redis.cache.flush()
    with running(tmp_path, cache=redis.address) as rig:
        yield rig


def deleted(rig: Rig) -> Image:
    image = Image("gone")
    for tag, one in {"gone": image, "kept": Image("kept")}.items():
        assert rig.client.push("app", tag, one).status_code == 201
    assert rig.client.delete("app", image.digest).status_code == 202
    return image


def test_without_the_caches_password_nothing_is_removed_and_nothing_put_back(rig: Rig) -> None:
    def locked_out(_: object) -> None:
        raise ConfigError(["secrets/cache/password: cannot be read"])

    deleted(rig)
    before, steps = rig.blobs(), list[str]()
    with pytest.raises(ConfigError, match="cannot be read"):
        rig.collection(cache=RedisCache(locked_out), step=steps.append).run()
    assert (rig.blobs(), rig.store.all(), "swept" in steps) == (before, [], False)
    assert not rig.read_only_file.exists()
    rig.collection(cache=NO_CACHE).run()
    with pytest.raises(ConfigError):
        restore(rig.live(cache=RedisCache(locked_out)), "latest", RestoreScope(only_removed=True))
    assert rig.blobs() < before


@pytest.mark.parametrize("protected", [True, False])
def test_a_deleted_image_can_be_pushed_again(rig: Rig, redis: RedisServer, protected: bool) -> None:
    image = deleted(rig)
    cache = redis.cache if protected else NO_CACHE
    assert rig.collection(cache=cache).run().removed_blobs == 5
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
    rig.collection(cache=redis.cache).run()
    assert rig.client.pull("app", "again") == []
