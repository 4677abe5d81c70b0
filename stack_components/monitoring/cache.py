"""The alerts of the registry's cache: it is away, too small, or not set up as the registry needs it."""

from __future__ import annotations

from stack_components.monitoring.rules import Group, alert


def cache(logs: str) -> Group:
    """Return the alerts of the cache.

    Args:
        logs: The command that shows a service's log, but for the service's name.
    """
    return Group(
        name="cache",
        rules=[
            alert(
                "CacheDown",
                "redis_up == 0",
                hold="5m",
                severity="warning",
                service="cache",
                summary="The registry's cache is not responding",
                to_do=f"Pulls still work, but more slowly. See `{logs}-cache`.",
            ),
            alert(
                "CachePolicyWrong",
                'redis_instance_info unless redis_instance_info{maxmemory_policy="allkeys-lru"}',
                hold="5m",
                severity="warning",
                service="cache",
                summary="The cache's eviction policy is {{ $labels.maxmemory_policy }}, not allkeys-lru",
                to_do="Once it is full, it may refuse what the registry writes. Somebody has changed it; a restart mends that.",
            ),
            alert(
                "CacheEvicts",
                "rate(redis_evicted_keys_total[30m]) > 1",
                hold="1h",
                severity="warning",
                service="cache",
                summary="The cache is too small: it drops {{ $value | humanize }} entries a second",
                to_do="The registry looks on the disk for what is gone. Raise limits.cache.memory_mib if the host can spare it.",
            ),
            alert(
                "CacheRejectsConnections",
                "increase(redis_rejected_connections_total[10m]) > 0",
                hold="5m",
                severity="warning",
                service="cache",
                summary="The cache refuses connections: too many are open",
                to_do=f"The registry then looks on the disk. See `{logs}-registry`; restarting the cache closes them all.",
            ),
        ],
    )
