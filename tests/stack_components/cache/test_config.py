"""The cache's configuration, as Redis is to read it."""

from __future__ import annotations

import hashlib

import pytest

from stack_components.cache.config import redis_conf, users_acl


def test_redis_conf() -> None:
    assert (
        redis_conf(memory_mib=256)
        == """\
# The registry's cache: bounded, never on disk, safe to lose at any time.
# Protected mode would refuse everybody, because the default user has no password. The access list only lets that user ping.
bind * -::*
port 6379
protected-mode no
aclfile /run/secrets/users.acl
maxmemory 192mb
maxmemory-policy allkeys-lru
save ""
appendonly no
databases 1
dir /tmp
loglevel notice
"""
    )


@pytest.mark.parametrize("memory_mib", [16, 17, 256, 65536])
def test_redis_leaves_memory_for_more_than_its_data(memory_mib: int) -> None:
    (share,) = [line.split()[1] for line in redis_conf(memory_mib=memory_mib).splitlines() if line.startswith("maxmemory ")]
    assert 0 < int(share.removesuffix("mb")) < memory_mib


def test_users_acl() -> None:
    digest = hashlib.sha256(b"hunter2").hexdigest()
    assert (
        users_acl("hunter2")
        == f"""\
user default on nopass resetkeys resetchannels -@all +ping
user registry on #{digest} ~* resetchannels +@all -@admin -@dangerous +info +flushdb
"""
    )


def test_who_measures_the_cache_is_a_user_of_its_own() -> None:
    first, second = users_acl("hunter2", "hunter3"), users_acl("hunter2")
    assert first.startswith(second)
    digest = hashlib.sha256(b"hunter3").hexdigest()
    assert first.removeprefix(second).startswith(f"user metrics on #{digest} resetkeys resetchannels -@all +ping ")


@pytest.mark.parametrize("password", ["hunter2", " > nopass\nuser eve on nopass +@all", "ü"])
def test_the_access_list_holds_no_clear_password(password: str) -> None:
    lines = users_acl(password).splitlines()
    assert [line.split()[:2] for line in lines] == [["user", "default"], ["user", "registry"]]
    assert password not in users_acl(password)
