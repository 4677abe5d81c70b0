"""Networks: nothing of them can be changed in place."""

from __future__ import annotations

from offline.plugins.check import DEFAULTS, check
from offline.plugins.diff import diff
from offline.plugins.docker.engine import DockerEngine, labels_from_api, labels_to_api
from offline.plugins.docker.removal import remove_when_free
from offline.plugins.resource import Checked, Difference, Found, name_of
from offline.plugins.schema import STRING, Property
from offline.plugins.state import inputs_after_read, plain, planned, preview_state
from offline.plugins.values import Properties

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


class Network:
    """`docker:index/network:Network`."""

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine

    def check(self, urn: str, inputs: Properties, olds: Properties, proposed_name: str) -> Checked:
        """See Resource."""
        return check(SCHEMA, name_of(urn), inputs, olds, proposed_name)

    def diff(self, state: Properties, _old_inputs: Properties, inputs: Properties) -> Difference:
        """See Resource."""
        return diff(SCHEMA, state, inputs, delete_first=has_fixed_name(inputs))

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

    def read(self, identifier: str, _state_before: Properties, inputs: Properties) -> Found | None:
        """See Resource."""
        network = self._engine.find("Unable to read network", lambda api: api.inspect_network(identifier))
        if network is None:
            return None
        found = _state(network)
        return Found(identifier, found, inputs_after_read(SCHEMA, inputs, found))

    def update(self, _urn: str, identifier: str, state: Properties, inputs: Properties, *, preview: bool) -> Properties:  # noqa: ARG002
        """See Resource."""
        return planned(SCHEMA, state, inputs) | {"id": identifier}

    def delete(self, _urn: str, identifier: str, _state_before: Properties) -> None:
        """See Resource."""
        remove_when_free(
            self._engine,
            f"Unable to remove network {identifier}",
            "has active endpoints",
            lambda api: api.remove_network(identifier),
        )


def has_fixed_name(inputs: Properties) -> bool:
    """Return whether the program chose the physical name: then the old resource has to go before the new one can come."""
    return "name" not in inputs.get(DEFAULTS, [])


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
