"""Networks."""

from __future__ import annotations

from tools.offline.plugins.docker.engine import labels_from_api, labels_to_api
from tools.offline.plugins.docker.immutable import Immutable
from tools.offline.plugins.docker.removal import remove_when_free
from tools.offline.plugins.schema import STRING, Property
from tools.offline.plugins.state import plain, preview_state
from tools.offline.plugins.values import Properties

_LABEL = Property(kind="object", fields={"label": Property(required=True), "value": Property(required=True)})
LABELS = Property(kind="set", item=_LABEL, replaces=True)
_IPAM_CONFIG = Property(
    kind="object",
    fields={"subnet": STRING, "ipRange": STRING, "gateway": STRING, "auxAddress": Property(kind="map")},
)
SCHEMA = {
    "name": Property(required=True, named=True, replaces=True),
    "driver": Property(replaces=True, computed=True),
    "options": Property(kind="map", replaces=True, computed=True),
    "internal": Property(kind="bool", replaces=True, computed=True),
    "attachable": Property(kind="bool", replaces=True),
    "ingress": Property(kind="bool", replaces=True),
    "ipv6": Property(kind="bool", replaces=True),
    "ipamDriver": Property(replaces=True, default="default"),
    "ipamOptions": Property(kind="map", replaces=True),
    "ipamConfigs": Property(kind="set", item=_IPAM_CONFIG, replaces=True, computed=True),
    "labels": LABELS,
    "scope": Property(output=True),
}
_IPAM = {"subnet": "Subnet", "ipRange": "IPRange", "gateway": "Gateway", "auxAddress": "AuxiliaryAddresses"}


class Network(Immutable):
    """`docker:index/network:Network`."""

    schema = SCHEMA

    def create(self, _urn: str, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """See Resource."""
        if preview:
            return "", preview_state(SCHEMA, inputs)
        wanted = plain(inputs)
        ipam = [
            {there: config[here] for here, there in _IPAM.items() if config.get(here)}
            for config in wanted.get("ipamConfigs") or []
        ]
        failure = "Unable to create network"
        made = self._engine.do(
            failure,
            lambda api: api.create_network(
                wanted["name"],
                driver=wanted.get("driver"),
                options=wanted.get("options"),
                internal=bool(wanted.get("internal")),
                attachable=wanted.get("attachable"),
                ingress=wanted.get("ingress"),
                enable_ipv6=bool(wanted.get("ipv6")),
                ipam={"Driver": wanted["ipamDriver"], "Config": ipam, "Options": wanted.get("ipamOptions")},
                labels=labels_to_api(wanted.get("labels") or []),
                # Docker allows two networks of one name otherwise.
                check_duplicate=True,
            ),
        )
        network = self._engine.do(failure, lambda api: api.inspect_network(made["Id"]))
        return made["Id"], _state(network)

    def _find(self, identifier: str) -> Properties | None:
        network = self._engine.find("Unable to read network", lambda api: api.inspect_network(identifier))
        return None if network is None else _state(network)

    def delete(self, _urn: str, identifier: str, _state_before: Properties) -> None:
        """See Resource."""
        remove_when_free(
            self._engine,
            f"Unable to remove network {identifier}",
            "has active endpoints",
            lambda api: api.remove_network(identifier),
        )


def _state(network: Properties) -> Properties:
    ipam = network["IPAM"]
    return {
        "id": network["Id"],
        "name": network["Name"],
        "driver": network["Driver"],
        "options": network["Options"] or {},
        "internal": network["Internal"],
        "attachable": network["Attachable"],
        "ingress": network["Ingress"],
        "ipv6": network["EnableIPv6"],
        "ipamDriver": ipam["Driver"],
        "ipamOptions": ipam["Options"],
        "ipamConfigs": [
            {here: config.get(there) or ("" if here != "auxAddress" else None) for here, there in _IPAM.items()}
            for config in ipam["Config"] or []
        ],
        "labels": labels_from_api(network["Labels"] or {}),
        "scope": network["Scope"],
    }
