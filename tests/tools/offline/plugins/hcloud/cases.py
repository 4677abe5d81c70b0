"""What the official hcloud plugin was asked, and what the stand-in is asked again; ids are those of `World.reset`."""

from __future__ import annotations

from collections.abc import Sequence

from tests.tools.offline.plugins.hcloud.world import (
    ADDRESS,
    ADDRESSES,
    BOX,
    GROUP,
    KEY,
    OTHER_ADDRESS,
    OTHER_KEY,
    OTHER_WALL,
    SERVER,
    THIRD_KEY,
    VOLUME,
    WALL,
)
from tests.tools.offline.plugins.official.cases import Base, Inputs
from tools.offline.plugins.values import UNKNOWN


def _token(name: str) -> str:
    return f"hcloud:index/{name[0].lower()}{name[1:]}:{name}"


SSH_KEY, PRIMARY_IP, FIREWALL, ATTACHMENT, PLACEMENT_GROUP, SERVER_KIND = map(
    _token, ("SshKey", "PrimaryIp", "Firewall", "FirewallAttachment", "PlacementGroup", "Server")
)
VOLUME_KIND, VOLUME_ATTACHMENT, RDNS, RRSET, BOX_KIND, SUBACCOUNT = map(
    _token, ("Volume", "VolumeAttachment", "Rdns", "ZoneRrset", "StorageBox", "StorageBoxSubaccount")
)
PASSWORD, OTHER_PASSWORD = "Some-Passw0rd!", "An0ther-Passw0rd!"
_LABELS = {"a": "b"}
_SSH: Inputs = {"direction": "in", "protocol": "tcp", "port": "22", "sourceIps": ["::/0", "0.0.0.0/0"]}
_PING: Inputs = {"direction": "in", "protocol": "icmp", "sourceIps": ["192.0.2.1/32"], "description": "ping"}
_NET: Inputs = {"ipv4": ADDRESS, "ipv4Enabled": True, "ipv6Enabled": False}
_BOX: Inputs = {"name": "n", "location": "fsn1", "password": PASSWORD, "storageBoxType": "bx11"}
_PLAN = {"maxSnapshots": 5, "minute": 1, "hour": 2}
_ACCOUNT: Inputs = {"homeDirectory": "a", "password": PASSWORD, "storageBoxId": BOX}
_RECORDS: Inputs = {"zone": "example.org", "name": "@", "type": "A", "records": [{"value": "192.0.2.1"}]}
_LIFTED = {"deleteProtection": None, "rebuildProtection": None}

CHECKS: Sequence[tuple[str, Inputs]] = [
    (SSH_KEY, {}),
    (SSH_KEY, {"publicKey": "k"}),
    (SSH_KEY, {"publicKey": "k", "labels": {"ö": "x"}}),
    (SSH_KEY, {"publicKey": "k", "labels": {"a": "ö"}}),
    (SSH_KEY, {"publicKey": UNKNOWN, "name": UNKNOWN}),
    (PRIMARY_IP, {"type": "ipv4"}),
    (PRIMARY_IP, {"type": "ipv4", "location": "fsn1"}),
    (PRIMARY_IP, {"type": "ipv4", "location": "fsn1", "assigneeType": "server"}),
    (PRIMARY_IP, {"type": "ipv4", "assigneeId": 1}),
    (PRIMARY_IP, {"type": "ipv4", "location": "fsn1", "autoDelete": "true"}),
    (FIREWALL, {}),
    (FIREWALL, {"rules": [{"direction": "up", "protocol": "tcp"}]}),
    (FIREWALL, {"rules": [{"direction": "in", "protocol": "x"}]}),
    (FIREWALL, {"rules": [{"direction": "in", "protocol": "tcp", "sourceIps": ["192.0.2.1/8"]}]}),
    (FIREWALL, {"rules": [{"direction": "in", "protocol": "tcp", "sourceIps": ["zz"]}]}),
    (FIREWALL, {"rules": [{"direction": "in", "protocol": "tcp", "port": 80, "sourceIps": ["192.0.2.1/32", UNKNOWN]}]}),
    (FIREWALL, {"labels": {"ö": "a"}}),
    (ATTACHMENT, {"firewallId": "1"}),
    (ATTACHMENT, {}),
    (PLACEMENT_GROUP, {"type": "x"}),
    (PLACEMENT_GROUP, {"type": "spread"}),
    (SERVER_KIND, {}),
    (SERVER_KIND, {"serverType": "cx23", "image": "debian-13"}),
    (SERVER_KIND, {"serverType": "cx23", "image": ""}),
    (SERVER_KIND, {"serverType": "cx23", "sshKeys": [""]}),
    (SERVER_KIND, {"serverType": "cx23", "publicNets": [{"ipv4": "12"}], "deleteProtection": True, "userData": "u"}),
    (SERVER_KIND, {"serverType": "cx23", "publicNets": [{"ipv4": UNKNOWN, "ipv6Enabled": False}], "sshKeys": [UNKNOWN]}),
    (SERVER_KIND, {"serverType": "cx23", "unheard": 1}),
    (VOLUME_KIND, {}),
    (VOLUME_KIND, {"size": 10}),
    (VOLUME_ATTACHMENT, {"serverId": 1, "volumeId": "2"}),
    (RDNS, {"dnsPtr": "a", "ipAddress": "192.0.2.1"}),
    (RDNS, {"dnsPtr": "a", "ipAddress": "192.0.2.1", "serverId": 1, "primaryIpId": 2}),
    (RDNS, {"dnsPtr": "a", "ipAddress": "x", "serverId": 1}),
    (RRSET, {"zone": "z", "type": "A", "records": []}),
    (RRSET, {"zone": "z", "type": "A", "name": "@", "records": [{"value": "192.0.2.1"}]}),
    (RRSET, {"zone": "z", "type": "A", "name": "@", "ttl": "x", "records": [{"value": "192.0.2.1"}]}),
    (BOX_KIND, {}),
    (BOX_KIND, _BOX),
    (BOX_KIND, {**_BOX, "snapshotPlan": {"maxSnapshots": "x", "minute": 1, "hour": 2}}),
    (BOX_KIND, {**_BOX, "snapshotPlan": {"minute": 1, "hour": 2}}),
    (SUBACCOUNT, {**_ACCOUNT, "storageBoxId": "ab"}),
    (SUBACCOUNT, _ACCOUNT),
]

BASES: Sequence[Base] = [
    Base(
        SSH_KEY,
        {"publicKey": OTHER_KEY, "name": "n"},
        [{}, {"name": "m"}, {"name": UNKNOWN}, {"publicKey": THIRD_KEY}, {"labels": _LABELS}, {"labels": {}}],
    ),
    Base(
        PRIMARY_IP,
        {"type": "ipv4", "location": "fsn1", "name": "n", "autoDelete": False, "deleteProtection": True},
        [
            {},
            {"name": "m"},
            {"type": "ipv6"},
            {"location": "nbg1"},
            {"deleteProtection": None},
            {"deleteProtection": False},
            {"autoDelete": True},
            {"labels": _LABELS},
            {"assigneeType": "server"},
        ],
    ),
    Base(
        PRIMARY_IP,
        {"type": "ipv6", "location": "fsn1", "name": "n", "labels": _LABELS},
        [{}, {"labels": None}, {"labels": {"a": "c"}}],
    ),
    Base(
        FIREWALL,
        {"name": "n", "rules": [_SSH, _PING]},
        [
            {},
            {"name": "m"},
            {"rules": [_PING, {**_SSH, "sourceIps": ["0.0.0.0/0", "::/0"]}]},
            {"rules": [{**_SSH, "port": "443"}, _PING]},
            {"rules": [_SSH]},
            {"rules": None},
            {"labels": _LABELS},
            {"applyTos": [{"server": SERVER}]},
        ],
    ),
    Base(
        FIREWALL,
        {"rules": [_SSH], "labels": _LABELS, "applyTos": [{"labelSelector": "a=b"}]},
        [{}, {"labels": None}, {"name": "m"}],
    ),
    Base(ATTACHMENT, {"firewallId": WALL, "serverIds": [SERVER]}, [{}, {"firewallId": OTHER_WALL}]),
    Base(PLACEMENT_GROUP, {"type": "spread", "name": "n"}, [{}, {"name": "m"}, {"labels": _LABELS}]),
    Base(
        SERVER_KIND,
        {
            "name": "n",
            "serverType": "cx23",
            "image": "debian-13",
            "location": "fsn1",
            "sshKeys": [str(KEY)],
            "userData": "#cloud-config\n",
            "publicNets": [_NET],
            "firewallIds": [WALL],
            "deleteProtection": True,
            "rebuildProtection": True,
            "labels": _LABELS,
        },
        [
            {},
            {"name": "m"},
            {"serverType": "cx33"},
            {"serverType": "cx33", "keepDisk": True},
            {"keepDisk": True},
            {"image": "debian-12"},
            {"image": None},
            {"location": "nbg1"},
            {"location": None},
            {"sshKeys": ["key"]},
            {"sshKeys": None},
            {"sshKeys": [str(KEY), "b"]},
            {"userData": "x"},
            {"userData": "#cloud-config"},
            {"userData": None},
            {"userData": UNKNOWN},
            {"firewallIds": [WALL, OTHER_WALL]},
            {"firewallIds": [OTHER_WALL]},
            {"firewallIds": []},
            {"firewallIds": None},
            _LIFTED,
            {"labels": None},
            {"labels": {"a": "c"}},
            {"backups": True},
            {"placementGroupId": GROUP},
            {"publicNets": [{**_NET, "ipv4": OTHER_ADDRESS}]},
            {"publicNets": [{**_NET, "ipv6Enabled": True}]},
            {"publicNets": [{**_NET, "ipv4Enabled": False}]},
            {"publicNets": None},
            {"publicNets": [{"ipv4": UNKNOWN, "ipv6Enabled": False}]},
            {"shutdownBeforeDeletion": True},
        ],
    ),
    Base(
        SERVER_KIND,
        {"serverType": "cx23", "image": "23", "shutdownBeforeDeletion": True, "placementGroupId": GROUP, "backups": True},
        [
            {},
            {"image": "debian-13"},
            {"userData": "x"},
            {"sshKeys": [str(KEY)]},
            {"name": "m"},
            {"placementGroupId": None},
            {"backups": False},
        ],
    ),
    Base(
        VOLUME_KIND,
        {"name": "n", "size": 10, "location": "fsn1", "format": "ext4"},
        [
            {},
            {"name": "m"},
            {"size": 20},
            {"format": "xfs"},
            {"location": "nbg1"},
            {"serverId": SERVER},
            {"deleteProtection": True},
            {"automount": True},
            {"labels": _LABELS},
        ],
    ),
    Base(VOLUME_KIND, {"size": 10, "serverId": SERVER, "labels": _LABELS}, [{}, {"serverId": None}, {"labels": None}]),
    Base(
        VOLUME_ATTACHMENT, {"volumeId": VOLUME, "serverId": SERVER}, [{}, {"serverId": 5}, {"volumeId": 5}, {"automount": True}]
    ),
    Base(
        RDNS,
        {"dnsPtr": "a.example.org", "ipAddress": ADDRESSES[0], "primaryIpId": ADDRESS},
        [{}, {"dnsPtr": "b.example.org"}, {"ipAddress": "192.0.2.2"}, {"primaryIpId": None, "serverId": SERVER}],
    ),
    Base(
        RRSET,
        _RECORDS,
        [
            {},
            {"records": [{"value": "192.0.2.2"}]},
            {"records": [{"value": "192.0.2.1", "comment": "c"}]},
            {"records": [{"value": "192.0.2.2"}, {"value": "192.0.2.1"}]},
            {"ttl": 300},
            {"changeProtection": True},
            {"labels": _LABELS},
            {"name": "www"},
            {"type": "AAAA"},
            {"zone": "x"},
        ],
    ),
    Base(
        RRSET,
        {**_RECORDS, "ttl": 60, "changeProtection": True, "records": [{"value": "192.0.2.1", "comment": "c"}]},
        [{}, {"changeProtection": False, "ttl": None}, {"changeProtection": None}],
    ),
    Base(
        BOX_KIND,
        {
            **_BOX,
            "accessSettings": {"sshEnabled": True, "reachableExternally": True},
            "snapshotPlan": _PLAN,
            "sshKeys": [OTHER_KEY],
            "deleteProtection": True,
        },
        [
            {},
            {"name": "m"},
            {"password": OTHER_PASSWORD},
            {"password": UNKNOWN},
            {"storageBoxType": "bx21"},
            {"location": "hel1"},
            {"sshKeys": [THIRD_KEY]},
            {"sshKeys": [THIRD_KEY, OTHER_KEY]},
            {"sshKeys": None},
            {"accessSettings": {"sshEnabled": True}},
            {"accessSettings": None},
            {"snapshotPlan": None},
            {"snapshotPlan": {**_PLAN, "maxSnapshots": 6}},
            {"snapshotPlan": {**_PLAN, "dayOfWeek": 0}},
            {"snapshotPlan": {**_PLAN, "dayOfMonth": 3}},
            {"deleteProtection": None},
            {"labels": _LABELS},
        ],
    ),
    Base(BOX_KIND, _BOX, [{}, {"snapshotPlan": _PLAN}, {"deleteProtection": True}, {"sshKeys": []}, {"accessSettings": {}}]),
    Base(
        SUBACCOUNT,
        {**_ACCOUNT, "accessSettings": {"sshEnabled": True}},
        [
            {},
            {"homeDirectory": "b"},
            {"password": OTHER_PASSWORD},
            {"storageBoxId": 5},
            {"accessSettings": {"sshEnabled": True, "readonly": True}},
            {"accessSettings": None},
            {"description": "d"},
            {"labels": _LABELS},
            {"name": "m"},
        ],
    ),
]
