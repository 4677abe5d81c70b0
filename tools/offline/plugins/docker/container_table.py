"""Every property of a container: its type, what a change of it means, and where the Docker API has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tools.offline.plugins.docker.container_api import (
    AS_IS,
    CPUS,
    DEVICES,
    HEALTHCHECK,
    HOSTS,
    LABELS,
    MEGABYTES,
    MOUNTS,
    ULIMITS,
    Codec,
)
from tools.offline.plugins.docker.duration import duration_rule
from tools.offline.plugins.schema import STRING, Property, Schema, absolute_path, at_least, must_be, one_of


@dataclass(frozen=True)
class Entry:
    """One property.

    Attributes:
        property: Its schema.
        path: Where `docker inspect` has it; empty when it needs code of its own (container.py) or Docker does not know it.
        codec: How it is written there.
        reading: Whether it is read back: `always`, `given` = only when the program gives it, `set` = only when the container
            has any, `never`.
    """

    property: Property
    path: str = ""
    codec: Codec = AS_IS
    reading: Literal["always", "given", "set", "never"] = "always"


def _text(path: str = "", *, reading: Any = "always", **more: Any) -> Entry:
    return Entry(Property(**more), path, reading=reading)


def _number(path: str = "", codec: Codec = AS_IS, **more: Any) -> Entry:
    return Entry(Property(kind="int", **more), path, codec)


def _switch(path: str = "", **more: Any) -> Entry:
    return Entry(Property(kind="bool", **more), path)


def _list(path: str, **more: Any) -> Entry:
    return Entry(Property(kind="list", item=STRING, replaces=True, **more), path)


def _set(path: str = "", *, reading: Any = "always", **more: Any) -> Entry:
    return Entry(Property(kind="set", item=STRING, replaces=True, **more), path, reading=reading)


def _map(path: str, *, reading: Any = "always", **more: Any) -> Entry:
    return Entry(Property(kind="map", **more), path, reading=reading)


def _objects(path: str, codec: Codec, reading: Any, fields: Schema, **more: Any) -> Entry:
    items = Property(kind="object", fields=fields)
    return Entry(Property(kind="set", item=items, replaces=True, **more), path, codec, reading)


_REQUIRED = Property(required=True)
_REQUIRED_NUMBER = Property(kind="int", required=True)
_DURATION = Property(default="0s", rule=duration_rule)
_STRINGS = Property(kind="set", item=STRING)
_NOT_COVERED = Property(covered=False)

TABLE: Mapping[str, Entry] = {
    # What it is
    "name": _text(named=True, required=True, replaces=True),
    "image": _text(required=True, replaces=True),
    "command": _list("Config.Cmd", computed=True),
    "entrypoints": _list("Config.Entrypoint", computed=True),
    "envs": _set("Config.Env", computed=True, reading="never"),
    "labels": _objects("Config.Labels", LABELS, "never", {"label": _REQUIRED, "value": _REQUIRED}, computed=True),
    "user": _text("Config.User", replaces=True, empty_keeps=True),
    "workingDir": _text("Config.WorkingDir", replaces=True, empty_keeps=True),
    "hostname": _text("Config.Hostname", replaces=True, computed=True),
    "domainname": _text("Config.Domainname", replaces=True),
    "tty": _switch("Config.Tty", replaces=True, default=False),
    "stdinOpen": _switch("Config.OpenStdin", replaces=True, default=False),
    "stopSignal": _text("Config.StopSignal", replaces=True, computed=True),
    "stopTimeout": _number("Config.StopTimeout", replaces=True, computed=True),
    # The official plugin plans a change of `healthcheck`, `tmpfs` or `init` as an update and then applies nothing.
    "healthcheck": Entry(
        Property(
            kind="object",
            computed=True,
            fields={
                "tests": Property(kind="list", item=STRING),
                "interval": _DURATION,
                "timeout": _DURATION,
                "startPeriod": _DURATION,
                "startInterval": _DURATION,
                "retries": Property(kind="int", rule=at_least(0)),
            },
        ),
        "Config.Healthcheck",
        HEALTHCHECK,
        "set",
    ),
    "init": _switch("HostConfig.Init", computed=True),
    # Files
    "readOnly": _switch("HostConfig.ReadonlyRootfs", replaces=True, default=False),
    "tmpfs": _map("HostConfig.Tmpfs"),
    # The same fault: only another number of mounts replaces, a changed mount does nothing.
    "mounts": _objects(
        "HostConfig.Mounts",
        MOUNTS,
        "always",
        {
            "target": _REQUIRED,
            "source": STRING,
            "type": Property(required=True, rule=one_of("^(bind|volume|tmpfs)$")),
            "readOnly": Property(kind="bool"),
            "bindOptions": _NOT_COVERED,
            "volumeOptions": _NOT_COVERED,
            "tmpfsOptions": _NOT_COVERED,
        },
        item_changes_replace=False,
    ),
    "volumes": _objects(
        "",
        AS_IS,
        "never",
        {
            "containerPath": STRING,
            "fromContainer": STRING,
            "hostPath": Property(rule=absolute_path),
            "volumeName": STRING,
            "readOnly": Property(kind="bool"),
            "selinuxRelabel": _NOT_COVERED,
        },
    ),
    "devices": _objects(
        "HostConfig.Devices",
        DEVICES,
        "given",
        {"hostPath": _REQUIRED, "containerPath": STRING, "permissions": Property(default="rwm")},
    ),
    # Network
    "networkMode": _text("HostConfig.NetworkMode", replaces=True, default="bridge"),
    "networksAdvanced": _objects(
        "",
        AS_IS,
        "never",
        {
            "name": _REQUIRED,
            "aliases": _STRINGS,
            "ipv4Address": STRING,
            "ipv6Address": STRING,
            "linkLocalIps": _NOT_COVERED,
            "macAddress": _NOT_COVERED,
            "driverOpts": _NOT_COVERED,
            "gwPriority": _NOT_COVERED,
        },
    ),
    "ports": _objects(
        "",
        AS_IS,
        "never",
        {
            "internal": _REQUIRED_NUMBER,
            "external": _REQUIRED_NUMBER,  # the official plugin would let Docker choose one
            "ip": Property(default="0.0.0.0"),  # noqa: S104  # the official default
            "protocol": Property(default="tcp"),
        },
    ),
    "hosts": _objects("HostConfig.ExtraHosts", HOSTS, "always", {"host": _REQUIRED, "ip": _REQUIRED}),
    "dns": _set("HostConfig.Dns"),
    "dnsOpts": _set("HostConfig.DnsOptions"),
    "dnsSearches": _set("HostConfig.DnsSearch"),
    # Rights
    "privileged": _switch("HostConfig.Privileged", replaces=True),
    "capabilities": Entry(Property(kind="object", replaces=True, fields={"adds": _STRINGS, "drops": _STRINGS}), reading="never"),
    "securityOpts": _set("HostConfig.SecurityOpt", computed=True),
    "groupAdds": _set("HostConfig.GroupAdd"),
    "sysctls": _map("HostConfig.Sysctls", replaces=True),
    "pidMode": _text("HostConfig.PidMode", replaces=True, reading="given"),
    "ipcMode": _text("HostConfig.IpcMode", replaces=True, computed=True),
    "usernsMode": _text("HostConfig.UsernsMode", replaces=True),
    "runtime": _text("HostConfig.Runtime", replaces=True, computed=True),
    # Limits; memory in MiB
    "cpus": Entry(Property(replaces=True), "HostConfig.NanoCpus", CPUS, "set"),
    "cpuShares": _number("HostConfig.CpuShares", rule=at_least(0)),
    "cpuSet": _text("HostConfig.CpusetCpus", rule=one_of(r"^\d+([,-]\d+)*$")),
    "memory": _number("HostConfig.Memory", MEGABYTES, rule=at_least(0)),
    "memoryReservation": _number("HostConfig.MemoryReservation", MEGABYTES, rule=at_least(0)),
    "memorySwap": _number("HostConfig.MemorySwap", MEGABYTES, rule=at_least(-1)),
    "shmSize": _number("HostConfig.ShmSize", MEGABYTES, replaces=True, computed=True, rule=at_least(0)),
    "ulimits": _objects(
        "HostConfig.Ulimits",
        ULIMITS,
        "given",
        {"name": _REQUIRED, "soft": _REQUIRED_NUMBER, "hard": _REQUIRED_NUMBER},
    ),
    # Logs
    "logDriver": _text("HostConfig.LogConfig.Type", replaces=True, computed=True),
    "logOpts": _map("HostConfig.LogConfig.Config", replaces=True, reading="given"),
    # Its life
    "restart": _text("HostConfig.RestartPolicy.Name", default="no", rule=one_of("^(no|on-failure|always|unless-stopped)$")),
    "maxRetryCount": _number("HostConfig.RestartPolicy.MaximumRetryCount"),
    "rm": _switch("HostConfig.AutoRemove", default=False),
    "start": _switch(default=True),
    "mustRun": _switch(default=True),
    "wait": _switch(default=False),
    "waitTimeout": _number(default=60),
    "attach": _switch(default=False, rule=must_be(wanted=False)),
    "logs": _switch(default=False, rule=must_be(wanted=False)),
    "destroyGraceSeconds": _number(),
    "removeVolumes": _switch(default=True),
    "containerReadRefreshTimeoutMilliseconds": _number(default=15000),
    # What Docker tells
    "bridge": _text("NetworkSettings.Bridge", output=True),
    "networkDatas": Entry(Property(kind="list", output=True)),
    "exitCode": Entry(Property(kind="int", output=True)),
    "containerLogs": _text(output=True),
    "platform": _text("Platform", replaces=True, computed=True, covered=False),
    # What the official plugin has and this one has not
    **dict.fromkeys(
        (
            "cgroupParent",
            "cgroupnsMode",
            "cpuPeriod",
            "cpuQuota",
            "deviceReadBps",
            "deviceReadIops",
            "deviceRequests",
            "deviceWriteBps",
            "deviceWriteIops",
            "gpus",
            "publishAllPorts",
            "storageOpts",
            "uploads",
        ),
        Entry(_NOT_COVERED),
    ),
}

SCHEMA: Schema = {name: entry.property for name, entry in TABLE.items()}
