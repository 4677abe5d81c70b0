"""Firewalls: rules, and the servers that they hold for."""

from __future__ import annotations

import ipaddress
from typing import Any

from tools.offline.plugins.hcloud.api import ApiError
from tools.offline.plugins.hcloud.legacy import TRIES, LegacyResource
from tools.offline.plugins.hcloud.requests import given
from tools.offline.plugins.schema import STRING, Property, Rule
from tools.offline.plugins.values import Properties


def _network(value: str) -> str:
    """Rule: a network as the API writes it.

    The official plugin takes other spellings, single addresses too, but loses such a rule in the API when the firewall is
    updated (1.39.1: a rule with `1.2.3.4` is gone after a change of the labels); so the stand-in refuses them.
    """
    address, _, bits = value.partition("/")
    try:
        network = ipaddress.ip_network(value if bits else f"{address}", strict=False)
    except ValueError:
        return f"invalid CIDR address: {value}"
    if ipaddress.ip_address(address) != network.network_address:
        return f"{value} is not the start of the cidr block {network}"
    return "" if value == str(network) else f"`{value}` is not covered by the stand-in plugin; write {network}"


def _one_of(name: str, *values: str) -> Rule:
    return lambda value: "" if value in values else f"{value} is not a valid {name}"


_NETWORKS = Property(kind="set", item=Property(rule=_network))
_RULE = Property(
    kind="object",
    fields={
        "direction": Property(required=True, rule=_one_of("direction", "in", "out")),
        "protocol": Property(required=True, rule=_one_of("protocol", "icmp", "tcp", "udp", "esp", "gre")),
        "port": STRING,
        "sourceIps": _NETWORKS,
        "destinationIps": _NETWORKS,
        "description": STRING,
    },
)
_APPLY_TO = Property(
    kind="object", fields={"labelSelector": Property(computed=True), "server": Property(kind="int", computed=True)}
)
SCHEMA = {
    "name": Property(required=True, named=True),
    "labels": Property(kind="map", computed=True),
    "rules": Property(kind="set", item=_RULE),
    "applyTos": Property(kind="set", item=_APPLY_TO, computed=True),
}
_RULE_NAMES = {
    "direction": "direction",
    "protocol": "protocol",
    "port": "port",
    "source_ips": "sourceIps",
    "destination_ips": "destinationIps",
    "description": "description",
}
_IN_USE = ("conflict", "resource_in_use")


class Firewall(LegacyResource):
    """`hcloud:index/firewall:Firewall`."""

    schema = SCHEMA

    def _post(self, wanted: Properties) -> tuple[str, Properties]:
        body = given(wanted, name="name", labels="labels")
        if wanted.get("rules"):
            body["rules"] = _rules_to_api(wanted["rules"])
        if wanted.get("applyTos"):
            body["apply_to"] = [_target(item) for item in wanted["applyTos"]]
        answer = self._api.ask("POST", "/firewalls", body)
        # Other than most: the official plugin knows the firewall only when it applies everywhere.
        self._api.settle(*answer.get("actions", ()))
        return str(answer["firewall"]["id"]), {}

    def _find(self, identifier: str, _before: Properties) -> Properties | None:
        firewall = self._api.find(f"/firewalls/{identifier}", "firewall")
        return None if firewall is None else _state(firewall)

    def _found(self, identifier: str, before: Properties) -> Properties:
        found = super()._found(identifier, before)
        return found if before["rules"] else {**found, "rules": []}

    def _change(self, identifier: str, old: Properties, new: Properties, changed: set[str]) -> None:
        path = f"/firewalls/{identifier}"
        self._api.ask("GET", path)
        if "name" in changed:
            self._api.ask("PUT", path, {"name": new["name"]})
        # A fault of the official plugin that is not to be hidden: the last rule cannot be taken away, only replaced. It then
        # takes it that there are none (see `_found`), until the next refresh.
        if "rules" in changed and new["rules"]:
            self._api.act(f"{path}/actions/set_rules", {"rules": _rules_to_api(new["rules"])})
        if "labels" in changed:
            self._api.ask("PUT", path, {"labels": new["labels"] or {}})
        if "applyTos" in changed:
            before, after = ([_target(item) for item in state["applyTos"] or []] for state in (old, new))
            self._sync(path, [item for item in before if item not in after], [item for item in after if item not in before])

    def _sync(self, path: str, gone: list[Properties], added: list[Properties]) -> None:
        if gone:
            try:
                self._api.act(f"{path}/actions/remove_from_resources", {"remove_from": gone})
            except ApiError as error:
                if error.code != "firewall_resource_not_found":
                    raise
        if added:
            self._api.act(f"{path}/actions/apply_to_resources", {"apply_to": added})

    def _remove(self, identifier: str, _state_before: Properties) -> None:
        path = f"/firewalls/{identifier}"
        # One that is gone already is an error: the official plugin crashes.
        applied = [_resource(item) for item in self._api.ask("GET", path)["firewall"]["applied_to"]]
        if applied:
            self._sync(path, applied, [])
        self._api.persist(lambda: self._api.ask("DELETE", path), 2 * TRIES, stop=lambda error: error.code not in _IN_USE)


def _rules_to_api(rules: list[Properties]) -> list[Properties]:
    return [given(rule, **_RULE_NAMES) for rule in rules]


def _target(item: Properties) -> Properties:
    """Return what a firewall applies to as a request has it."""
    return label_target(item["labelSelector"]) if item.get("labelSelector") else server_target(item["server"])


def server_target(server: int) -> Properties:
    """Return a server as what a firewall applies to."""
    return {"type": "server", "server": {"id": server}}


def label_target(selector: str) -> Properties:
    """Return all servers with a label as what a firewall applies to."""
    return {"type": "label_selector", "label_selector": {"selector": selector}}


def _resource(item: Properties) -> Properties:
    kind = item["type"]
    return server_target(item["server"]["id"]) if kind == "server" else label_target(item["label_selector"]["selector"])


def _state(firewall: Properties) -> Properties:
    return {
        "id": str(firewall["id"]),
        "name": firewall["name"],
        "labels": firewall["labels"],
        "rules": [{here: rule.get(there) or _none(here) for there, here in _RULE_NAMES.items()} for rule in firewall["rules"]],
        "applyTos": [
            {"labelSelector": "", "server": item["server"]["id"]}
            if item["type"] == "server"
            else {"labelSelector": item["label_selector"]["selector"], "server": 0}
            for item in firewall["applied_to"]
        ],
    }


def _none(name: str) -> Any:
    return [] if name.endswith("Ips") else ""
