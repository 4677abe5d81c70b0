"""Servers: created, read, changed in place where the official plugin does, and deleted."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from tools.offline.plugins.hcloud.api import ApiError
from tools.offline.plugins.hcloud.firewall import server_target
from tools.offline.plugins.hcloud.legacy import TRIES, LegacyResource
from tools.offline.plugins.hcloud.requests import datacenter_of, given
from tools.offline.plugins.hcloud.server_net import change_public_net, public_net_to_api
from tools.offline.plugins.hcloud.server_table import KEPT, SCHEMA
from tools.offline.plugins.resource import PluginError
from tools.offline.plugins.values import Properties


class Server(LegacyResource):
    """`hcloud:index/server:Server`."""

    schema = SCHEMA

    def _normal(self, inputs: Properties) -> Properties:
        user_data = inputs.get("userData")
        return {**inputs, "userData": _hash(user_data)} if isinstance(user_data, str) else inputs

    def _post(self, wanted: Properties) -> tuple[str, Properties]:
        body = given(wanted, name="name", server_type="serverType", location="location", user_data="userData", labels="labels")
        body["image"] = self._image(wanted)
        if wanted.get("sshKeys"):
            body["ssh_keys"] = [self._key(key) for key in wanted["sshKeys"]]
        if wanted.get("firewallIds"):
            body["firewalls"] = [{"firewall": firewall} for firewall in wanted["firewallIds"]]
        if wanted.get("placementGroupId"):
            body["placement_group"] = self._group(wanted["placementGroupId"])
        if wanted.get("publicNets"):
            body["public_net"] = public_net_to_api(wanted["publicNets"])
        answer = self._api.ask("POST", "/servers", body)
        return str(answer["server"]["id"]), answer

    def _complete(self, identifier: str, wanted: Properties, answer: Properties) -> None:
        self._api.settle(answer["action"], *answer["next_actions"])
        path = f"/servers/{identifier}/actions"
        if wanted.get("backups"):
            self._api.act(f"{path}/enable_backup")
        if wanted.get("deleteProtection") or wanted.get("rebuildProtection"):
            self._api.act(f"{path}/change_protection", _protection(wanted))

    def _find(self, identifier: str, before: Properties) -> Properties | None:
        server = self._api.find(f"/servers/{identifier}", "server") if identifier.isdecimal() else None
        if server is None:
            # Like the official plugin: an id may be a name, which an import makes use of.
            named = self._api.ask("GET", f"/servers?name={identifier}")["servers"]
            server = named[0] if named else None
        return None if server is None else _state(server, before)

    def _change(self, identifier: str, old: Properties, new: Properties, changed: set[str]) -> None:
        path = f"/servers/{identifier}"
        server = self._api.ask("GET", path)["server"]
        for name in ("name", "labels"):
            if name in changed:
                self._api.ask("PUT", path, {name: new[name] or {}})
        if "serverType" in changed:
            if server["status"] == "running":
                self._api.act(f"{path}/actions/poweroff")
            body = {"server_type": new["serverType"], "upgrade_disk": not new["keepDisk"]}
            self._api.act(f"{path}/actions/change_type", body)
        if "backups" in changed and bool(server["backup_window"]) != bool(new["backups"]):
            self._api.act(f"{path}/actions/{'enable' if new['backups'] else 'disable'}_backup")
        if "firewallIds" in changed:
            self._change_firewalls(server, new["firewallIds"] or [])
        if "publicNets" in changed:
            change_public_net(self._api, server, old["publicNets"] or [], new["publicNets"] or [])
        if "placementGroupId" in changed:
            self._change_group(server, new["placementGroupId"])
        if changed & {"deleteProtection", "rebuildProtection"}:
            self._api.act(f"{path}/actions/change_protection", _protection(new))

    def _remove(self, identifier: str, state: Properties) -> None:
        path = f"/servers/{identifier}"
        if state.get("shutdownBeforeDeletion"):
            self._api.act(f"{path}/actions/shutdown")
            self._wait_until_off(path)
        self._api.settle(self._api.ask("DELETE", path)["action"])

    def _wait_until_off(self, path: str) -> None:
        running = "server has not shut down yet"

        def look() -> None:
            if self._api.ask("GET", path)["server"]["status"] != "off":
                raise ApiError(running)

        try:
            self._api.persist(look, TRIES, stop=lambda error: str(error) != running)
        except ApiError:
            # As with the official plugin: then it is deleted all the same.
            return

    def _change_firewalls(self, server: Properties, wanted: list[int]) -> None:
        target = [server_target(server["id"])]
        there = [firewall["id"] for firewall in server["public_net"]["firewalls"]]
        for firewall in there:
            if firewall not in wanted:
                self._api.act(f"/firewalls/{firewall}/actions/remove_from_resources", {"remove_from": target})
        for firewall in wanted:
            if firewall not in there:
                self._api.act(f"/firewalls/{firewall}/actions/apply_to_resources", {"apply_to": target})

    def _change_group(self, server: Properties, wanted: int) -> None:
        path = f"/servers/{server['id']}/actions"
        if server["placement_group"]:
            if server["status"] != "off":
                raise PluginError(
                    "removing a running server from a placement group is currently not supported in the provider. You can "
                    "shutdown the server yourself, apply the changes again and then start the server manually as a workaround"
                )
            self._api.act(f"{path}/remove_from_placement_group")
        if wanted:
            self._api.act(f"{path}/add_to_placement_group", {"placement_group": self._group(wanted)})

    def _image(self, wanted: Properties) -> int:
        kind = wanted["serverType"]
        types = self._api.ask("GET", f"/server_types?name={kind}")["server_types"]
        if not types:
            raise PluginError(f"server type {kind} not found")
        architecture, image = types[0]["architecture"], wanted.get("image") or ""
        found = self._api.find(f"/images/{image}", "image") if image.isdecimal() else None
        if found is None:
            query = f"architecture={architecture}&include_deprecated=true&name={image}"
            named = self._api.ask("GET", f"/images?{query}")["images"] if image else []
            found = named[0] if named else None
        if found is None:
            raise PluginError(f"image {image} for architecture {architecture} not found")
        return int(found["id"])

    def _key(self, key: str) -> int:
        found = self._api.find(f"/ssh_keys/{key}", "ssh_key") if key.isdecimal() else None
        if found is None:
            named = self._api.ask("GET", f"/ssh_keys?name={key}")["ssh_keys"]
            if not named:
                raise PluginError(f"SSH key not found: {key}")
            found = named[0]
        return int(found["id"])

    def _group(self, group: int) -> int:
        if self._api.find(f"/placement_groups/{group}", "placement_group") is None:
            raise PluginError(f"placement group not found: {group}")
        return group


def _hash(user_data: str) -> str:
    """Return what the state has of user data; the API never tells it again."""
    return base64.b64encode(hashlib.sha1(user_data.encode(), usedforsecurity=False).digest()).decode()


def _protection(wanted: Properties) -> Properties:
    return {"delete": bool(wanted.get("deleteProtection")), "rebuild": bool(wanted.get("rebuildProtection"))}


def _state(server: Properties, before: Properties) -> Properties:
    public, protection, image = server["public_net"], server["protection"], server["image"]
    network = public["ipv6"]["ip"] if public["ipv6"] else None
    return {
        **{name: before.get(name) for name in KEPT},
        "id": str(server["id"]),
        "name": server["name"],
        "serverType": server["server_type"]["name"],
        "image": _image_of(image, before) if image else before.get("image"),
        "location": server["location"]["name"],
        "datacenter": datacenter_of(server) or before.get("datacenter"),
        "labels": server["labels"],
        "backups": bool(server["backup_window"]),
        "backupWindow": server["backup_window"] or "",
        "firewallIds": [firewall["id"] for firewall in public["firewalls"]],
        "placementGroupId": server["placement_group"]["id"] if server["placement_group"] else 0,
        "deleteProtection": protection["delete"],
        "rebuildProtection": protection["rebuild"],
        "status": server["status"],
        "primaryDiskSize": server["primary_disk_size"],
        "ipv4Address": public["ipv4"]["ip"] if public["ipv4"] else "",
        "ipv6Address": f"{network.partition('/')[0]}1" if network else "",
        # So does the official plugin print a network that there is none of.
        "ipv6Network": network or "<nil>",
    }


def _image_of(image: Properties, before: Properties) -> Any:
    """Return the image as a program has it: its name, unless it was asked for by its id."""
    by_id = str(image["id"])
    return image["name"] if image["name"] and by_id != before.get("image") else by_id
