"""Between a container's properties and the Docker API: what is sent to create one, and the state that inspecting it gives."""

from __future__ import annotations

from typing import Any

from tools.offline.plugins.docker.container_table import SCHEMA, TABLE, Entry
from tools.offline.plugins.resource import PluginError
from tools.offline.plugins.schema import is_empty, zero
from tools.offline.plugins.state import normal
from tools.offline.plugins.values import Properties


def creation_body(inputs: Properties) -> Properties:
    """Return what `POST /containers/create` takes.

    Raises:
        PluginError: A value that the official plugin refuses here, not at preview.
    """
    body: Properties = {"Image": inputs["image"], "HostConfig": {"Init": bool(inputs.get("init"))}}
    for name, entry in TABLE.items():
        value = inputs.get(name)
        if entry.path and not is_empty(value):
            _put(body, entry.path.removeprefix("Config."), entry.codec.encode(value))
    if "" in body.get("Cmd", []):
        raise PluginError("values for command may not be empty")
    capabilities = inputs.get("capabilities") or {}
    _put_given(body, "HostConfig.CapAdd", capabilities.get("adds"))
    _put_given(body, "HostConfig.CapDrop", capabilities.get("drops"))
    _put_ports(body, inputs.get("ports") or [])
    _put_volumes(body, inputs.get("volumes") or [])
    return body


def state_of(container: Properties, before: Properties) -> Properties:
    """Return the state of a container.

    Args:
        container: As `docker inspect` shows it.
        before: The state so far, or the planned one: what is not read back stays as it is there.
    """
    state = {name: _read(entry, container, before.get(name)) for name, entry in TABLE.items()}
    running = container["State"]["Running"]
    by_id = str(before.get("image") or "").startswith("sha256:")
    state |= {
        "id": container["Id"],
        "name": container["Name"].lstrip("/"),
        "image": container["Image"] if by_id else container["Config"]["Image"],
        "capabilities": _capabilities(container) or before.get("capabilities"),
        "ports": _ports(container, before, running=running),
        "networkDatas": _networks(container),
        # A stopped container that must run: the difference starts it at the next run.
        "mustRun": before.get("mustRun") and running,
        "exitCode": before.get("exitCode") if running else container["State"]["ExitCode"],
    }
    return {name: normal(SCHEMA[name], value) if name in SCHEMA else value for name, value in state.items()}


def _read(entry: Entry, container: Properties, before: Any) -> Any:
    if not entry.path or entry.reading == "never" or (entry.reading == "given" and is_empty(before)):
        return zero(entry.property) if before is None and entry.property.computed else before
    value: Any = container
    for key in entry.path.split("."):
        value = (value or {}).get(key)
    if is_empty(value):
        return before if entry.reading == "set" else zero(entry.property)
    return entry.codec.decode(value)


def _put(body: Properties, path: str, value: Any) -> None:
    *folders, last = path.split(".")
    for key in folders:
        body = body.setdefault(key, {})
    body[last] = value


def _put_given(body: Properties, path: str, value: Any) -> None:
    if value:
        _put(body, path, value)


def _put_ports(body: Properties, ports: list[Properties]) -> None:
    bindings: Properties = {}
    for port in ports:
        binding = {"HostIp": port["ip"], "HostPort": str(port["external"])}
        bindings.setdefault(f"{port['internal']}/{port['protocol']}", []).append(binding)
    _put_given(body, "ExposedPorts", {port: {} for port in bindings})
    _put_given(body, "HostConfig.PortBindings", bindings)


def _put_volumes(body: Properties, volumes: list[Properties]) -> None:
    paths: Properties = {}
    binds: list[str] = []
    others: list[str] = []
    for volume in volumes:
        path, other = volume.get("containerPath"), volume.get("fromContainer")
        source = volume.get("hostPath") or volume.get("volumeName")
        if bool(path) == bool(other):
            kind = "both a container and a path specified in" if path else "neither a container nor a path in"
            raise PluginError(f"Unable to parse volumes: {kind} a volume entry")
        if other:
            others.append(other)
        else:
            paths[str(path)] = {}
        if path and source:
            binds.append(f"{source}:{path}:{'ro' if volume.get('readOnly') else 'rw'}")
    _put_given(body, "Volumes", paths)
    _put_given(body, "HostConfig.Binds", binds)
    _put_given(body, "HostConfig.VolumesFrom", others)


def _capabilities(container: Properties) -> Properties | None:
    adds, drops = container["HostConfig"].get("CapAdd"), container["HostConfig"].get("CapDrop")
    return {"adds": adds or [], "drops": drops or []} if adds or drops else None


def _ports(container: Properties, before: Properties, *, running: bool) -> list[Properties]:
    given: list[Properties] = before.get("ports") or []
    if not given or not (running or before.get("mustRun")):
        return given
    published: Properties = container["NetworkSettings"].get("Ports") or {}
    found = []
    for port, bindings in published.items():
        internal, protocol = port.split("/")
        found += [
            {"internal": int(internal), "external": int(b["HostPort"]), "ip": b["HostIp"], "protocol": protocol}
            for b in bindings or []
        ]
    return found


def _networks(container: Properties) -> list[Properties]:
    networks: Properties = container["NetworkSettings"].get("Networks") or {}
    return [
        {
            "networkName": name,
            "ipAddress": data["IPAddress"],
            "ipPrefixLength": data["IPPrefixLen"],
            "gateway": data["Gateway"],
            "globalIpv6Address": data["GlobalIPv6Address"],
            "globalIpv6PrefixLength": data["GlobalIPv6PrefixLen"],
            "ipv6Gateway": data["IPv6Gateway"],
            "macAddress": data["MacAddress"],
        }
        for name, data in sorted(networks.items())
    ]
