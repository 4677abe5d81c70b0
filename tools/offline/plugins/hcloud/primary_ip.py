"""Primary IPs: addresses that outlive their server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tools.offline.plugins.hcloud.api import ApiError
from tools.offline.plugins.hcloud.framework import FrameworkResource
from tools.offline.plugins.hcloud.legacy import TRIES
from tools.offline.plugins.hcloud.requests import changed_fields, datacenter_of
from tools.offline.plugins.resource import Failure
from tools.offline.plugins.schema import Property
from tools.offline.plugins.values import Properties

SCHEMA = {
    "name": Property(required=True, named=True),
    "type": Property(required=True, replaces=True),
    "location": Property(replaces=True, computed=True),
    "datacenter": Property(replaces=True, computed=True, covered=False),
    "assigneeId": Property(kind="int", computed=True),
    "assigneeType": Property(computed=True),
    "autoDelete": Property(kind="bool", default=False),
    "labels": Property(kind="map", default={}),
    "deleteProtection": Property(kind="bool", default=False),
    "ipAddress": Property(output=True),
    "ipNetwork": Property(output=True),
}


class PrimaryIp(FrameworkResource):
    """`hcloud:index/primaryIp:PrimaryIp`."""

    schema = SCHEMA
    volatile = frozenset({"assigneeId", "assigneeType"})

    def _faults(self, name: str, inputs: Properties) -> Iterator[Failure]:
        yield from super()._faults(name, inputs)
        if ("location" in inputs) == ("assigneeId" in inputs):
            reason = "Exactly one of these attributes must be configured: [location,datacenter,assignee_id]"
            yield Failure(f"Invalid Attribute Combination. {reason}. Examine values at '{name}.location'.")
        if "assigneeId" in inputs and "assigneeType" not in inputs:
            reason = "These attributes must be configured together: [assignee_id,assignee_type]"
            yield Failure(f"Invalid Attribute Combination. {reason}. Examine values at '{name}.assigneeId'.")

    def _make(self, plan: Properties) -> Properties:
        place = (
            {"location": plan["location"]}
            if plan["location"]
            else {"assignee_id": plan["assigneeId"], "assignee_type": plan["assigneeType"]}
        )
        body = {"name": plan["name"], "type": plan["type"], "labels": plan["labels"], "auto_delete": plan["autoDelete"], **place}
        answer = self._api.ask("POST", "/primary_ips", body)
        self._api.settle(answer.get("action"))
        path = f"/primary_ips/{answer['primary_ip']['id']}"
        if plan["deleteProtection"]:
            self._api.act(f"{path}/actions/change_protection", {"delete": True})
        return _state(self._api.ask("GET", path)["primary_ip"])

    def _find(self, identifier: str, _before: Properties) -> Properties | None:
        found = self._api.find(f"/primary_ips/{identifier}", "primary_ip")
        return None if found is None else _state(found)

    def _change(self, identifier: str, old: Properties, plan: Properties) -> Properties:
        path = f"/primary_ips/{identifier}"
        if plan["deleteProtection"] != old.get("deleteProtection"):
            self._api.act(f"{path}/actions/change_protection", {"delete": plan["deleteProtection"]})
        assigned = ("assigneeId", "assigneeType")
        if any(plan[name] != old.get(name) for name in assigned):
            if old.get("assigneeId"):
                self._api.act(f"{path}/actions/unassign")
            if plan["assigneeId"]:
                body = {"assignee_id": plan["assigneeId"], "assignee_type": plan["assigneeType"]}
                self._api.act(f"{path}/actions/assign", body)
        body = changed_fields(old, plan, name="name", labels="labels", auto_delete="autoDelete")
        return _state(self._api.ask("PUT", path, body)["primary_ip"])

    def _remove(self, identifier: str, state: Properties) -> None:
        if state.get("assigneeId"):
            self._unassign(int(identifier), state)

        def delete() -> None:
            with _passing("not_found"):
                self._api.ask("DELETE", f"/primary_ips/{identifier}")

        self._api.persist(delete, 2 * TRIES, stop=lambda error: error.code == "protected")

    def _unassign(self, identifier: int, state: Properties) -> None:
        unassign = f"/primary_ips/{identifier}/actions/unassign"
        if state.get("assigneeType") != "server":
            with contextlib.suppress(ApiError):
                self._api.act(unassign)
            return
        with contextlib.suppress(ApiError):
            path = f"/servers/{state['assigneeId']}"
            public = self._api.ask("GET", path)["server"]["public_net"]
            if identifier not in [(public[version] or {}).get("id") for version in ("ipv4", "ipv6")]:
                return
            for action in (f"{path}/actions/poweroff", unassign, f"{path}/actions/poweron"):
                # As with the official plugin none of these has to succeed: the deletion tells.
                with contextlib.suppress(ApiError):
                    self._api.act(action)


@contextlib.contextmanager
def _passing(code: str) -> Iterator[None]:
    try:
        yield
    except ApiError as error:
        if error.code != code:
            raise


def _state(found: Properties) -> Properties:
    state = {
        "id": str(found["id"]),
        "name": found["name"],
        "type": found["type"],
        "ipAddress": found["ip"].partition("/")[0],
        "location": found["location"]["name"],
        "assigneeId": found["assignee_id"] or 0,
        "assigneeType": found["assignee_type"],
        "labels": found["labels"],
        "deleteProtection": found["protection"]["delete"],
        "autoDelete": found["auto_delete"],
    }
    if datacenter := datacenter_of(found):
        state["datacenter"] = datacenter
    return {**state, "ipNetwork": found["ip"]} if found["type"] == "ipv6" else state
