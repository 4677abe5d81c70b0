"""Renders redis.conf and the access list of the cache."""

from __future__ import annotations

import hashlib

# Redis counts only its data against maxmemory; buffers and fragmentation need the rest of the container's memory.
_DATA_SHARE = 0.75


def redis_conf(*, memory_mib: int) -> str:
    """Return redis.conf: a bounded LRU cache without persistence, as distribution demands of its cache.

    Source: https://distribution.github.io/distribution/about/configuration/#redis (allkeys-lru is a must).
    """
    return f"""\
# The registry's cache: bounded, never on disk, safe to lose at any moment.
# Protected mode would refuse everybody, as the default user has no password; the access list lets it ping, no more.
bind * -::*
port 6379
protected-mode no
aclfile /run/secrets/users.acl
maxmemory {int(memory_mib * _DATA_SHARE)}mb
maxmemory-policy allkeys-lru
save ""
appendonly no
databases 1
dir /tmp
loglevel notice
"""


def users_acl(password: str, metrics_password: str = "") -> str:
    """Return the access list: anyone may ping, the registry may do what a cache is for and empty it, nobody may administer.

    With a second password there is a user `metrics`, who may ask how the cache does, and read no key.

    The passwords themselves stay out of the file: Redis takes their SHA-256 (https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/).
    """
    lines = [
        "user default on nopass resetkeys resetchannels -@all +ping",
        f"user registry on #{_sha256(password)} ~* resetchannels +@all -@admin -@dangerous +info +flushdb",
    ]
    if metrics_password:
        # What the exporter asks for (newer ones than 1.88 also whether there is COMMANDLOG), for it counts what it is refused:
        # https://github.com/oliver006/redis_exporter/blob/v1.88.0/exporter/exporter.go
        asked = (
            "+ping +info +config|get +latency|latest +latency|histogram +slowlog|len +slowlog|get +client|setname +command|info"
        )
        lines.append(f"user metrics on #{_sha256(metrics_password)} resetkeys resetchannels -@all {asked}")
    return "".join(f"{line}\n" for line in lines)


def _sha256(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
