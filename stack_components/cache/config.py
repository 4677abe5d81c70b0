"""Renders redis.conf and the access list of the cache."""

from __future__ import annotations

import hashlib

# Only data counts towards maxmemory. Buffers and fragmentation need the rest of the container's memory.
_DATA_SHARE = 0.75


def redis_conf(*, memory_mib: int) -> str:
    """Return redis.conf: a bounded LRU cache without persistence, as Distribution requires.

    Source: https://distribution.github.io/distribution/about/configuration/#redis (allkeys-lru is required).
    """
    return f"""\
# The registry's cache: bounded, never on disk, safe to lose at any time.
# Protected mode would refuse everybody, because the default user has no password. The access list only lets that user ping.
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
    """Return the access list: everybody may ping, the registry may use and empty the cache, and nobody may administer it.

    With a second password there is a user `metrics`, who may read statistics but no keys.

    The file does not hold the passwords, only their SHA-256 (https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/).
    """
    lines = [
        "user default on nopass resetkeys resetchannels -@all +ping",
        f"user registry on #{_sha256(password)} ~* resetchannels +@all -@admin -@dangerous +info +flushdb",
    ]
    if metrics_password:
        # All commands of the exporter, which counts those that are refused (versions after 1.88 also ask for COMMANDLOG):
        # https://github.com/oliver006/redis_exporter/blob/v1.88.0/exporter/exporter.go
        asked = (
            "+ping +info +config|get +latency|latest +latency|histogram +slowlog|len +slowlog|get +client|setname +command|info"
        )
        lines.append(f"user metrics on #{_sha256(metrics_password)} resetkeys resetchannels -@all {asked}")
    return "".join(f"{line}\n" for line in lines)


def _sha256(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
