"""What the official plugins were asked, and what the stand-ins are asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.tools.offline.plugins.client import COMMAND, CONTAINER, IMAGE, NETWORK, VOLUME
from tests.tools.offline.plugins.official.remote_cases import REMOTE_BASE, REMOTE_CHECKS
from tools.offline.plugins.values import UNKNOWN, Secret

NAME = "stand-in-recorded"
"""The name of everything that recording makes."""

Inputs = dict[str, Any]
Change = Mapping[str, Any]
"""Inputs that take the place of those of a base; None takes them away."""

CHECKS: Sequence[tuple[str, Inputs]] = [
    (CONTAINER, {"image": "i"}),
    (CONTAINER, {}),
    (CONTAINER, {"image": None}),
    (CONTAINER, {"image": UNKNOWN, "name": "n"}),
    (CONTAINER, {"image": "i", "name": ""}),
    (CONTAINER, {"image": "i", "name": UNKNOWN}),
    (CONTAINER, {"image": "i", "unheard": 1}),
    (CONTAINER, {"image": "i", "user": 1000, "cpus": 0.5, "memory": "64", "readOnly": "true", "envs": [1, True], "command": "x"}),
    (CONTAINER, {"image": "i", "memory": -1, "memorySwap": -2, "cpuShares": -1}),
    (CONTAINER, {"image": "i", "memory": 1.5}),
    (CONTAINER, {"image": "i", "memory": True}),
    (CONTAINER, {"image": "i", "restart": "sometimes"}),
    (CONTAINER, {"image": "i", "restart": ""}),
    (CONTAINER, {"image": "i", "cpuSet": "first"}),
    (CONTAINER, {"image": "i", "command": ["", "a"]}),
    (CONTAINER, {"image": "i", "command": ["a", UNKNOWN], "labels": [{"label": "a", "value": UNKNOWN}]}),
    (CONTAINER, {"image": "i", "healthcheck": {}}),
    (CONTAINER, {"image": "i", "healthcheck": {"interval": "often"}}),
    (CONTAINER, {"image": "i", "healthcheck": {"interval": "5"}}),
    (CONTAINER, {"image": "i", "healthcheck": {"tests": ["a"], "unheard": 1}}),
    (CONTAINER, {"image": "i", "mounts": [{"target": "/t", "type": "other"}]}),
    (CONTAINER, {"image": "i", "mounts": [{"type": "bind"}]}),
    (CONTAINER, {"image": "i", "mounts": [], "capabilities": {}, "dns": []}),
    (CONTAINER, {"image": "i", "labels": [{"label": "a"}]}),
    (CONTAINER, {"image": "i", "ports": [{"external": 1}]}),
    (CONTAINER, {"image": "i", "ports": [{"internal": "80", "external": 8080}]}),
    (CONTAINER, {"image": "i", "volumes": [{"hostPath": "here", "containerPath": "/there"}]}),
    (CONTAINER, {"image": "i", "tmpfs": ["/tmp"]}),  # noqa: S108
    (NETWORK, {}),
    (NETWORK, {"name": "n", "internal": True, "labels": [{"label": "a", "value": "b"}]}),
    (NETWORK, {"checkDuplicate": True}),
    (VOLUME, {}),
    (VOLUME, {"name": "n", "driverOpts": {"type": "tmpfs"}}),
    (IMAGE, {}),
    (IMAGE, {"name": "a", "keepLocally": True, "triggers": {"a": "b"}, "pullTriggers": ["x"], "platform": ""}),
    (COMMAND, {"create": "echo hi"}),
    (COMMAND, {}),
    (COMMAND, {"create": None}),
    (COMMAND, {"create": "x", "unheard": 1}),
    (COMMAND, {"create": 5}),
    (COMMAND, {"create": "x", "environment": {"A": 1}}),
    (COMMAND, {"create": "x", "environment": "x"}),
    (COMMAND, {"create": "x", "interpreter": "x"}),
    (COMMAND, {"create": "x", "triggers": "x"}),
    (COMMAND, {"create": "x", "triggers": [1, "a", {"b": 2}]}),
    (COMMAND, {"create": "x", "addPreviousOutputInEnv": "yes"}),
    (COMMAND, {"create": Secret("x"), "stdin": Secret("y"), "environment": {"A": Secret("b")}}),
    *REMOTE_CHECKS,
]


@dataclass(frozen=True)
class Base:
    """A resource that is made, and the changes to it."""

    kind: str
    inputs: Inputs
    changes: Sequence[Change] = field(default_factory=list)


_LABEL = [{"label": "other", "value": "1"}]
_MOUNTS: list[Inputs] = [
    {"type": "volume", "source": NAME, "target": "/data"},
    {"type": "bind", "source": "/etc", "target": "/source", "readOnly": True},
]
_PORTS: list[Inputs] = [
    {"internal": 80, "external": 29801, "ip": "127.0.0.1"},
    {"internal": 53, "external": 29802, "protocol": "udp"},
]
_JOINED: Inputs = {"name": NAME, "aliases": ["zed", "abc"], "ipv4Address": "10.213.77.9"}
_ULIMITS: list[Inputs] = [{"name": "nofile", "soft": 1024, "hard": 2048}, {"name": "nproc", "soft": 100, "hard": 100}]
_CHECK: Inputs = {"tests": ["CMD", "true"], "interval": "1s", "retries": 3}

BASES: Sequence[Base] = [
    Base(
        NETWORK,
        {
            "name": NAME,
            "internal": False,
            "ipamConfigs": [{"subnet": "10.213.77.0/24"}],
            "labels": [{"label": "b", "value": "1"}, {"label": "a", "value": "2"}],
        },
        [
            {},
            {"internal": True},
            {"internal": None},
            {"labels": _LABEL},
            {"labels": None},
            {"driver": "macvlan"},
            {"driver": "bridge"},
            {"ipamConfigs": [{"subnet": "10.213.78.0/24"}]},
            {"ipamConfigs": [{"subnet": "10.213.77.0/24", "gateway": "10.213.77.1"}]},
            {"ipamConfigs": None},
            {"options": {"a": "b"}},
            {"ipv6": True},
            {"attachable": True},
            {"name": "other"},
            {"name": None},
            {"ipamDriver": "other"},
        ],
    ),
    Base(NETWORK, {"internal": True}, [{}, {"internal": False}, {"name": "other"}]),
    Base(VOLUME, {"name": NAME}, [{}, {"labels": _LABEL}, {"driver": "other"}, {"driverOpts": {"a": "b"}}, {"name": "other"}]),
    Base(VOLUME, {}, [{}, {"labels": _LABEL}]),
    Base(
        IMAGE,
        {"name": NAME, "keepLocally": True},
        [
            {},
            {"keepLocally": False},
            {"keepLocally": None},
            {"forceRemove": True},
            {"name": "other"},
            {"pullTriggers": ["a"]},
            {"triggers": {"a": "b"}},
            {"platform": "linux/amd64"},
        ],
    ),
    Base(
        CONTAINER,
        {
            "image": NAME,
            "name": NAME,
            "command": ["sh", "-c", "sleep 1000"],
            "user": "1000:1000",
            "readOnly": True,
            "tmpfs": {"/tmp": "size=8m"},  # noqa: S108
            "mounts": _MOUNTS,
            "networksAdvanced": [_JOINED],
            "ports": _PORTS,
            "capabilities": {"drops": ["ALL"], "adds": ["CAP_SETUID", "CAP_CHOWN"]},
            "securityOpts": ["no-new-privileges:true"],
            "healthcheck": _CHECK,
            "logDriver": "json-file",
            "logOpts": {"max-size": "5m", "max-file": "2"},
            "restart": "unless-stopped",
            "memory": 64,
            "memorySwap": 64,
            "cpus": "0.25",
            "labels": [{"label": "z", "value": "1"}, {"label": "a", "value": "2"}],
            "stopTimeout": 5,
            "stopSignal": "SIGTERM",
            "destroyGraceSeconds": 1,
            "init": True,
            "ulimits": _ULIMITS,
            "envs": ["B=2", "A=1"],
            "hosts": [{"host": "db", "ip": "10.0.0.1"}],
            "hostname": "own",
            "groupAdds": ["20", "10"],
            "sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"},
            "wait": True,
            "waitTimeout": 30,
        },
        [
            {},
            {"cpus": "0.5"},
            {"cpus": "0.250"},
            {"cpus": None},
            {"memory": 128},
            {"memory": None},
            {"memorySwap": None},
            {"image": "other"},
            {"image": UNKNOWN},
            {"command": ["sh", "-c", "sleep 2"]},
            {"command": ["sh", "-c", "sleep 1000", "more"]},
            {"command": ["sh", "-c", UNKNOWN]},
            {"command": None},
            {"labels": [{"label": "z", "value": "2"}, {"label": "a", "value": "2"}]},
            {"labels": [{"label": "a", "value": "2"}, {"label": "z", "value": "1"}]},
            {"labels": None},
            {"envs": ["A=1", "B=2"]},
            {"envs": ["A=1", "B=3"]},
            {"envs": None},
            {"envs": []},
            {"mounts": _MOUNTS[::-1]},
            {"mounts": _MOUNTS[:1]},
            {"mounts": [{**_MOUNTS[0], "readOnly": True}, _MOUNTS[1]]},
            {"mounts": [{**_MOUNTS[0], "readOnly": False}, _MOUNTS[1]]},
            {"mounts": [_MOUNTS[0], {**_MOUNTS[1], "source": "/opt"}]},
            {"mounts": None},
            {"healthcheck": {**_CHECK, "tests": ["CMD", "false"]}},
            {"healthcheck": {**_CHECK, "interval": "2s"}},
            {"healthcheck": {**_CHECK, "interval": "1000ms"}},
            {"healthcheck": None},
            {"tmpfs": {"/tmp": "size=9m"}},  # noqa: S108
            {"tmpfs": {"/tmp": "size=8m", "/run": ""}},  # noqa: S108
            {"tmpfs": None},
            {"init": False},
            {"init": None},
            {"capabilities": {"drops": ["ALL"], "adds": ["CAP_CHOWN"]}},
            {"capabilities": {"drops": ["ALL"], "adds": ["CAP_CHOWN", "CAP_SETUID"]}},
            {"capabilities": {"drops": ["ALL"], "adds": ["CHOWN", "SETUID"]}},
            {"capabilities": None},
            {"networksAdvanced": [{**_JOINED, "aliases": ["abc"]}]},
            {"networksAdvanced": [_JOINED, {"name": "other"}]},
            {"networksAdvanced": None},
            {"ports": _PORTS[::-1]},
            {"ports": [{**_PORTS[0], "ip": "0.0.0.0"}, _PORTS[1]]},  # noqa: S104
            {"ports": _PORTS[:1]},
            {"ports": None},
            {"user": "1:1"},
            {"user": None},
            {"readOnly": False},
            {"readOnly": None},
            {"hostname": "other"},
            {"hostname": None},
            {"restart": "always"},
            {"restart": None},
            {"logOpts": {"max-size": "6m", "max-file": "2"}},
            {"logOpts": None},
            {"logDriver": "none"},
            {"logDriver": None},
            {"stopTimeout": 6},
            {"stopTimeout": None},
            {"stopSignal": None},
            {"ulimits": [{**_ULIMITS[0], "hard": 4096}, _ULIMITS[1]]},
            {"ulimits": None},
            {"groupAdds": ["10"]},
            {"hosts": [{"host": "db", "ip": "10.0.0.2"}]},
            {"hosts": None},
            {"sysctls": {"net.ipv4.ip_unprivileged_port_start": "1"}},
            {"sysctls": None},
            {"securityOpts": ["no-new-privileges:false"]},
            {"securityOpts": None},
            {"networkMode": "none"},
            {"pidMode": "host"},
            {"destroyGraceSeconds": 3},
            {"destroyGraceSeconds": None},
            {"wait": False},
            {"wait": None},
            {"waitTimeout": 31},
            {"mustRun": False},
            {"start": False},
            {"removeVolumes": False},
            {"rm": True},
            {"entrypoints": ["/bin/sh"]},
            {"privileged": True},
            {"workingDir": "/x"},
            {"cpuShares": 512},
            {"cpuSet": "0"},
            {"maxRetryCount": 3},
            {"memoryReservation": 32},
            {"shmSize": 32},
            {"dns": ["10.0.0.1"]},
            {"dnsOpts": ["a"]},
            {"dnsSearches": ["a"]},
            {"tty": True},
            {"stdinOpen": True},
            {"devices": [{"hostPath": "/dev/null"}]},
            {"volumes": [{"containerPath": "/v", "volumeName": NAME}]},
            {"usernsMode": "host"},
            {"domainname": "d"},
            {"runtime": "other"},
            {"ipcMode": "host"},
            {"name": "other"},
            {"name": None},
        ],
    ),
    Base(
        COMMAND,
        {"create": "echo hi", "triggers": ["a"], "environment": {"A": "1", "B": "2"}},
        [
            {},
            {"create": "echo ho"},
            {"create": None},
            {"create": UNKNOWN},
            {"create": Secret("echo hi")},
            {"triggers": ["b"]},
            {"triggers": ["a", "b"]},
            {"triggers": None},
            {"update": "u"},
            {"delete": "d"},
            {"logging": "none"},
            {"environment": {"A": "2"}},
            {"environment": {"A": UNKNOWN, "B": "2"}},
            {"environment": None},
            {"stdin": "s"},
            {"addPreviousOutputInEnv": False},
        ],
    ),
    Base(*REMOTE_BASE),
]

RUNS: Sequence[tuple[Inputs, Inputs | None]] = [
    # What is created, and what it is then updated to.
    ({"create": "echo out; echo; echo err >&2; env | grep PULUMI_COMMAND; printf 'a\n\n'"}, None),
    ({"update": "echo"}, None),
    ({"create": ""}, None),
    ({"create": "echo $A; cat; pwd", "environment": {"A": "b"}, "stdin": "data", "dir": "/"}, None),
    ({"create": "cat", "stdin": Secret("hidden")}, None),
    ({"create": Secret("echo x"), "environment": {"B": "1"}}, None),
    ({"create": "print(1)", "interpreter": ["python3", "-c"]}, None),
    ({"create": "echo out; sleep 0.2; echo err >&2; exit 3", "logging": "none"}, None),
    ({"create": 'echo "quoted" \\ é; false'}, None),
    ({"create": "kill -9 $$"}, None),
    ({"create": "x", "interpreter": ["/no/such"]}, None),
    ({"create": "x", "interpreter": ["no-such-program"]}, None),
    ({"create": "x", "dir": "/no/such"}, None),
    ({"create": "echo hi"}, {"create": "echo hi; env | grep PULUMI_COMMAND"}),
    ({"create": "echo hi"}, {"create": "env | grep PULUMI_COMMAND; true", "addPreviousOutputInEnv": False}),
    ({"create": "echo hi"}, {"create": "echo ho", "update": "echo updated"}),
    ({"create": "echo hi"}, {"delete": "echo bye"}),
    ({"create": "echo hi"}, {"create": "exit 1"}),
]


def changed(inputs: Inputs, change: Change) -> Inputs:
    """Return inputs with a change."""
    return {name: value for name, value in {**inputs, **change}.items() if value is not None}
