"""What a firewall applies to, as a resource of its own."""

from __future__ import annotations

from collections.abc import Iterator

from tools.offline.plugins.hcloud.api import ApiError
from tools.offline.plugins.hcloud.firewall import label_target, server_target
from tools.offline.plugins.hcloud.legacy import LegacyResource
from tools.offline.plugins.resource import Failure, PluginError
from tools.offline.plugins.schema import STRINGS, Property
from tools.offline.plugins.values import Properties

SCHEMA = {
    "firewallId": Property(kind="int", required=True, replaces=True),
    "serverIds": Property(kind="set", item=Property(kind="int")),
    "labelSelectors": STRINGS,
}


class FirewallAttachment(LegacyResource):
    """`hcloud:index/firewallAttachment:FirewallAttachment`."""

    schema = SCHEMA

    def _faults(self, _name: str, _inputs: Properties) -> Iterator[Failure]:
        return iter(())

    def _post(self, wanted: Properties) -> tuple[str, Properties]:
        body = {"apply_to": _targets(wanted)}
        if not body["apply_to"]:
            raise PluginError("no resources referenced")
        try:
            self._api.act(f"/firewalls/{wanted['firewallId']}/actions/apply_to_resources", body)
        except ApiError as error:
            if error.code != "firewall_already_applied":
                raise
        return str(wanted["firewallId"]), {}

    def _find(self, identifier: str, _before: Properties) -> Properties | None:
        firewall = self._api.find(f"/firewalls/{identifier}", "firewall")
        return None if firewall is None else _state(firewall)

    def _change(self, identifier: str, _old: Properties, new: Properties, _changed: set[str]) -> None:
        path = f"/firewalls/{identifier}"
        before, after = _targets(_state(self._api.ask("GET", path)["firewall"])), _targets(new)
        gone = [item for item in before if item not in after]
        added = [item for item in after if item not in before]
        # Asked also when there is nothing to do, which the API may refuse, as with the official plugin.
        self._api.act(f"{path}/actions/remove_from_resources", {"remove_from": gone})
        self._api.act(f"{path}/actions/apply_to_resources", {"apply_to": added})

    def _remove(self, identifier: str, state: Properties) -> None:
        self._api.act(f"/firewalls/{identifier}/actions/remove_from_resources", {"remove_from": _targets(state)})


def _targets(value: Properties) -> list[Properties]:
    servers = [server_target(server) for server in sorted(value.get("serverIds") or ())]
    return servers + [label_target(selector) for selector in sorted(value.get("labelSelectors") or ())]


def _state(firewall: Properties) -> Properties:
    applied = firewall["applied_to"]
    return {
        "id": str(firewall["id"]),
        "firewallId": firewall["id"],
        "serverIds": [item["server"]["id"] for item in applied if item["type"] == "server"],
        "labelSelectors": [item["label_selector"]["selector"] for item in applied if item["type"] == "label_selector"],
    }
