"""The properties of a server."""

from __future__ import annotations

from tools.offline.plugins.schema import STRING, Property, must_be


def _named(value: str) -> str:
    reason = '"image" must have more than 0 characters. Have you set the name instead of an ID?'
    return "" if value else reason


def _key(value: str) -> str:
    return "" if value else "Invalid ssh key passed. You need to pass a string with at least 1 character"


_OFF = Property(kind="bool", default=False)
_ID = Property(kind="int", computed=True)
_ENABLED = Property(kind="bool", default=True)
PUBLIC_NET = Property(kind="object", fields={"ipv4Enabled": _ENABLED, "ipv6Enabled": _ENABLED, "ipv4": _ID, "ipv6": _ID})
SCHEMA = {
    "name": Property(required=True, named=True),
    "serverType": Property(required=True),
    "image": Property(replaces=True, computed=True, rule=_named),
    "location": Property(replaces=True, computed=True),
    "datacenter": Property(replaces=True, computed=True, covered=False),
    "userData": Property(replaces=True),
    "sshKeys": Property(kind="list", item=Property(rule=_key), replaces=True),
    "keepDisk": _OFF,
    "allowDeprecatedImages": Property(kind="bool"),
    "backups": _OFF,
    "iso": Property(covered=False),
    "rescue": Property(covered=False),
    "labels": Property(kind="map"),
    "publicNets": Property(kind="set", item=PUBLIC_NET),
    "networks": Property(kind="set", item=STRING, covered=False),
    "ignoreRemoteFirewallIds": Property(kind="bool", default=False, rule=must_be(False)),
    "firewallIds": Property(kind="set", item=Property(kind="int"), computed=True),
    "placementGroupId": Property(kind="int"),
    "deleteProtection": _OFF,
    "rebuildProtection": _OFF,
    "shutdownBeforeDeletion": _OFF,
    "backupWindow": Property(output=True),
    "ipv4Address": Property(output=True),
    "ipv6Address": Property(output=True),
    "ipv6Network": Property(output=True),
    "status": Property(output=True),
    "primaryDiskSize": Property(kind="int", output=True),
}
KEPT = (
    "userData",
    "sshKeys",
    "keepDisk",
    "allowDeprecatedImages",
    "publicNets",
    "ignoreRemoteFirewallIds",
    "shutdownBeforeDeletion",
)
"""What the API does not tell: it stays as it was wanted."""
