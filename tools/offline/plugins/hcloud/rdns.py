"""Reverse DNS: the name that an address leads back to."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any, NamedTuple

from tools.offline.plugins.hcloud.api import ApiError
from tools.offline.plugins.hcloud.framework import FrameworkResource
from tools.offline.plugins.resource import Failure, PluginError
from tools.offline.plugins.schema import Property
from tools.offline.plugins.values import Properties


def _is_address(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return f"Invalid Attribute Value. Attribute ip_address must be a valid ip, got: {value}"
    return ""


SCHEMA = {
    "serverId": Property(kind="int", replaces=True),
    "primaryIpId": Property(kind="int", replaces=True),
    "floatingIpId": Property(kind="int", replaces=True, covered=False),
    "loadBalancerId": Property(kind="int", replaces=True, covered=False),
    "ipAddress": Property(required=True, replaces=True, rule=_is_address),
    "dnsPtr": Property(required=True),
}


class _Owner(NamedTuple):
    """Whose address it is: the first letter of an id, the input, and where the API has it."""

    letter: str
    key: str
    path: str
    one: str


_OWNERS = (_Owner("s", "serverId", "/servers", "server"), _Owner("p", "primaryIpId", "/primary_ips", "primary_ip"))


class Rdns(FrameworkResource):
    """`hcloud:index/rdns:Rdns`."""

    schema = SCHEMA

    def _faults(self, name: str, inputs: Properties) -> Iterator[Failure]:
        if sum(owner.key in inputs for owner in _OWNERS) != 1:
            reason = "Exactly one of these attributes must be configured: [server_id,primary_ip_id]"
            yield Failure(f"Invalid Attribute Combination. {reason}. Examine values at '{name}.serverId'.")

    def _make(self, plan: Properties) -> Properties:
        owner = next(owner for owner in _OWNERS if plan[owner.key] is not None)
        number, address = plan[owner.key], plan["ipAddress"]
        if self._api.find(f"{owner.path}/{number}", owner.one) is None:
            kind = owner.one.replace("_", " ")
            raise PluginError(f"Resource not found: Resource ({kind}) was not found: id={number}")
        self._point(owner, number, address, plan["dnsPtr"])
        return _state(owner, number, address, plan["dnsPtr"])

    def _find(self, identifier: str, _before: Properties) -> Properties | None:
        owner, number, address = _parsed(identifier)
        found = self._api.find(f"{owner.path}/{number}", owner.one)
        name = None if found is None else _names(found).get(ipaddress.ip_address(address))
        return None if name is None else _state(owner, number, address, name)

    def _change(self, identifier: str, _old: Properties, plan: Properties) -> Properties:
        owner, number, address = _parsed(identifier)
        self._point(owner, number, address, plan["dnsPtr"])
        return _state(owner, number, address, plan["dnsPtr"])

    def _remove(self, identifier: str, _state_before: Properties) -> None:
        try:
            self._point(*_parsed(identifier), None)
        except ApiError as error:
            if error.code != "not_found":
                raise

    def _point(self, owner: _Owner, number: int, address: str, name: str | None) -> None:
        self._api.act(f"{owner.path}/{number}/actions/change_dns_ptr", {"ip": address, "dns_ptr": name})


def _parsed(identifier: str) -> tuple[_Owner, int, str]:
    letter, _, rest = identifier.partition("-")
    number, _, address = rest.partition("-")
    owner = next((owner for owner in _OWNERS if owner.letter == letter), None)
    if owner is None or not number.isdecimal() or _is_address(address):
        expected = "$RESOURCE_PREFIX-$RESOURCE_ID-$IP_ADDRESS"
        raise PluginError(f"Invalid ID: Unexpected id '{identifier}', expected '{expected}'")
    return owner, int(number), address


def _names(found: Properties) -> dict[Any, str]:
    """Return the names of all addresses of a Primary IP or a server."""
    public = found.get("public_net")
    if public is None:
        entries = found["dns_ptr"]
    else:
        single, many = public["ipv4"], public["ipv6"]
        entries = ([{"ip": single["ip"], "dns_ptr": single["dns_ptr"]}] if single else []) + (many["dns_ptr"] if many else [])
    return {ipaddress.ip_address(entry["ip"]): entry["dns_ptr"] for entry in entries}


def _state(owner: _Owner, number: int, address: str, name: str) -> Properties:
    return {"id": f"{owner.letter}-{number}-{address}", owner.key: number, "ipAddress": address, "dnsPtr": name}
