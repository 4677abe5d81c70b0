"""The cache's configuration in a real Redis: what anybody may do, and what the registry may."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stack_components.cache.config import redis_conf, users_acl
from tests.real_programs import RedisServer, redis_server

pytestmark = pytest.mark.system

REGISTRY = ("registry", "password-of-the-registry")
METRICS = ("metrics", "password-of-the-exporter")


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis"), redis_conf(memory_mib=64), users_acl(REGISTRY[1], METRICS[1])) as server:
        yield server


def test_anybody_may_ping(redis: RedisServer) -> None:
    assert redis.ask("PING") == "+PONG\r\n"


@pytest.mark.parametrize("command", ["GET a", "SET a b", "INFO", "DBSIZE", "CONFIG GET *", "FLUSHALL", "ACL LIST", "CLIENT LIST"])
def test_nobody_may_do_more_without_signing_in(redis: RedisServer, command: str) -> None:
    assert redis.ask(*command.split()).startswith("-NOPERM ")


@pytest.mark.parametrize(("name", "password"), [("registry", "wrong"), ("registry", ""), ("admin", REGISTRY[1])])
def test_signing_in_takes_the_right_password(redis: RedisServer, name: str, password: str) -> None:
    assert redis.ask("AUTH", name, password).startswith("-WRONGPASS ")


def test_the_registry_may_do_what_its_cache_does(redis: RedisServer) -> None:
    # The commands of distribution's registry/storage/cache/redis, and those that its client sends by itself.
    for command, reply in {
        "HELLO 3": "%",
        "CLIENT SETINFO LIB-NAME go-redis": "+OK",
        "SELECT 0": "+OK",
        "HSET blobs::d digest d size 2 mediatype m": ":3",
        "HMGET blobs::d digest size mediatype": "*3",
        "HGET blobs::d size": "$1\r\n2",
        "SADD repository::r::blobs d": ":1",
        "SISMEMBER repository::r::blobs d": ":1",
        "SREM repository::r::blobs d": ":1",
        "HDEL blobs::d size": ":1",
        "DEL blobs::d": ":1",
        "MULTI": "+OK",
        "DISCARD": "-ERR DISCARD without MULTI",
        "FLUSHDB": "+OK",
        "INFO memory": "$",
    }.items():
        assert redis.ask(*command.split(), user=REGISTRY).startswith(reply), command


@pytest.mark.parametrize(
    "command",
    [
        "FLUSHALL",
        "KEYS *",
        "CONFIG GET *",
        "CONFIG SET maxmemory 0",
        "ACL LIST",
        "ACL SETUSER default on nopass +@all",
        "SHUTDOWN NOSAVE",
        "REPLICAOF 192.0.2.1 6379",
        "SAVE",
        "MODULE LIST",
        "MONITOR",
        "CLIENT LIST",
        "MIGRATE 192.0.2.1 6379 key 0 1",
    ],
)
def test_the_registry_may_not_administer(redis: RedisServer, command: str) -> None:
    assert redis.ask(*command.split(), user=REGISTRY).startswith("-NOPERM ")


def test_the_cache_is_bounded_and_never_on_disk(redis: RedisServer) -> None:
    memory = redis.ask("INFO", "memory", user=REGISTRY)
    assert f"\r\nmaxmemory:{48 * 2**20}\r\n" in memory
    assert "\r\nmaxmemory_policy:allkeys-lru\r\n" in memory
    persistence = redis.ask("INFO", "persistence", user=REGISTRY)
    assert "\r\naof_enabled:0\r\n" in persistence
    assert "\r\nrdb_saves:0\r\n" in persistence
    assert redis.ask("SELECT", "1", user=REGISTRY).startswith("-ERR ")


@pytest.mark.parametrize(
    "command",
    [
        "CLIENT SETNAME redis_exporter",
        "INFO ALL",
        "CONFIG GET *",
        "LATENCY LATEST",
        "LATENCY HISTOGRAM",
        "SLOWLOG LEN",
        "SLOWLOG GET 1",
        "COMMAND INFO COMMANDLOG",
    ],
)
def test_who_measures_the_cache_may_ask_how_it_does(redis: RedisServer, command: str) -> None:
    assert redis.ask(*command.split(), user=METRICS)[0] in "+$*:"


@pytest.mark.parametrize(
    "command",
    ["GET a", "HGETALL a", "TYPE a", "KEYS *", "SCAN 0", "RANDOMKEY", "SET a b", "DEL a", "FLUSHALL", "CONFIG SET maxmemory 0"],
)
def test_who_measures_the_cache_can_neither_read_nor_change_it(redis: RedisServer, command: str) -> None:
    assert redis.ask(*command.split(), user=METRICS).startswith("-NOPERM ")
