"""Which public addresses a server has: changed while it is off."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

from tools.offline.plugins.hcloud.api import Api
from tools.offline.plugins.hcloud.legacy import TRIES
from tools.offline.plugins.resource import PluginError
from tools.offline.plugins.schema import is_empty
from tools.offline.plugins.values import Properties

_VERSIONS = ("ipv4", "ipv6")


def public_net_to_api(nets: list[Properties]) -> Properties:
    """Return what a request for a server says of its public addresses."""
    body = {"enable_ipv4": False, "enable_ipv6": False}
    for net in nets:
        for version in _VERSIONS:
            # An address that is given switches its version on.
            body[f"enable_{version}"] = bool(net.get(f"{version}Enabled", True)) or bool(net.get(version))
            if net.get(version):
                body[version] = net[version]
    return body


def change_public_net(api: Api, server: Properties, old: list[Properties], new: list[Properties]) -> None:
    """Give a server other public addresses, the way of the official plugin: power off, change, power on.

    Raises:
        PluginError: The API refuses, or the wanted addresses contradict themselves.
    """
    before, after = _of(old), _of(new)
    api.act(f"/servers/{server['id']}/actions/poweroff")
    for version in _VERSIONS:
        current = _current(server, version)
        if new:
            _decide(api, server, version, before, after)
        elif current and before[version]:
            if current != before[version]:
                raise PluginError(
                    f"Assigned IP{version[2:]} changed between plan and apply, please check and generate a new plan"
                )
            api.act(f"/primary_ips/{current}/actions/unassign")
            _make(api, server["id"], version)
    power_on(api, server["id"])


def power_on(api: Api, server: int) -> None:
    """Switch a server on; what still runs on it may hold that up.

    Raises:
        ApiError: It stays off.
    """
    api.persist(lambda: api.act(f"/servers/{server}/actions/poweron"), TRIES)


def _of(nets: list[Properties]) -> Properties:
    """Return the one block that a program has."""
    given = {key: value for net in nets for key, value in net.items() if not (is_empty(value) and value is not False)}
    return {"ipv4Enabled": True, "ipv6Enabled": True, "ipv4": 0, "ipv6": 0, **given}


def _decide(api: Api, server: Properties, version: str, before: Properties, after: Properties) -> None:
    identifier, current = server["id"], _current(server, version)
    enabled, wanted = after[f"{version}Enabled"], after[version]
    had, had_enabled = before[version], before[f"{version}Enabled"]
    if not enabled and wanted:
        power_on(api, identifier)
        raise PluginError(f"this operation is not allowed: ipv4_enabled = false | ipv4 = {wanted}")
    with _powered_on_after_failure(api, identifier):
        if current and (wanted or not enabled):
            api.act(f"/primary_ips/{current}/actions/unassign")
            if not had:
                api.ask("DELETE", f"/primary_ips/{current}")
        if wanted:
            body = {"assignee_id": identifier, "assignee_type": "server"}
            api.act(f"/primary_ips/{wanted}/actions/assign", body)
        elif enabled:
            if had_enabled and had:
                api.act(f"/primary_ips/{had}/actions/unassign")
            if had_enabled == bool(had):
                _make(api, identifier, version)


def _current(server: Properties, version: str) -> int:
    return (server["public_net"][version] or {}).get("id") or 0


def _make(api: Api, server: int, version: str) -> None:
    name = f"primary_ip-{random.randint(1_000_000, 9_999_999)}"  # noqa: S311  # a name, no secret
    body = {"name": name, "type": version, "assignee_id": server, "assignee_type": "server", "auto_delete": True}
    api.settle(api.ask("POST", "/primary_ips", body).get("action"))


@contextlib.contextmanager
def _powered_on_after_failure(api: Api, server: int) -> Iterator[None]:
    try:
        yield
    except PluginError:
        power_on(api, server)
        raise
