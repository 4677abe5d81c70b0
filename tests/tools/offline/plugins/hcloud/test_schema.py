"""The schemas know every property that the installed SDK knows, and no other."""

from __future__ import annotations

from typing import Any

import pulumi_hcloud as sdk
import pytest

from tests.tools.offline.plugins.test_schema import _names as names
from tools.offline.plugins.hcloud import (
    firewall,
    firewall_attachment,
    placement_group,
    primary_ip,
    rdns,
    server_table,
    ssh_key,
    storage_box,
    storage_box_subaccount,
    volume,
    volume_attachment,
    zone_rrset,
)
from tools.offline.plugins.schema import Property, Schema

_CASES = [
    (firewall.SCHEMA, sdk.FirewallArgs, sdk.Firewall),
    (firewall_attachment.SCHEMA, sdk.FirewallAttachmentArgs, sdk.FirewallAttachment),
    (placement_group.SCHEMA, sdk.PlacementGroupArgs, sdk.PlacementGroup),
    (primary_ip.SCHEMA, sdk.PrimaryIpArgs, sdk.PrimaryIp),
    (rdns.SCHEMA, sdk.RdnsArgs, sdk.Rdns),
    (server_table.SCHEMA, sdk.ServerArgs, sdk.Server),
    (ssh_key.SCHEMA, sdk.SshKeyArgs, sdk.SshKey),
    (storage_box.SCHEMA, sdk.StorageBoxArgs, sdk.StorageBox),
    (storage_box_subaccount.SCHEMA, sdk.StorageBoxSubaccountArgs, sdk.StorageBoxSubaccount),
    (volume.SCHEMA, sdk.VolumeArgs, sdk.Volume),
    (volume_attachment.SCHEMA, sdk.VolumeAttachmentArgs, sdk.VolumeAttachment),
    (zone_rrset.SCHEMA, sdk.ZoneRrsetArgs, sdk.ZoneRrset),
]
_NESTED = [
    (firewall.SCHEMA["rules"], sdk.FirewallRuleArgs),
    (firewall.SCHEMA["applyTos"], sdk.FirewallApplyToArgs),
    (server_table.SCHEMA["publicNets"], sdk.ServerPublicNetArgs),
    (storage_box.SCHEMA["accessSettings"], sdk.StorageBoxAccessSettingsArgs),
    (storage_box.SCHEMA["snapshotPlan"], sdk.StorageBoxSnapshotPlanArgs),
    (storage_box_subaccount.SCHEMA["accessSettings"], sdk.StorageBoxSubaccountAccessSettingsArgs),
    (zone_rrset.SCHEMA["records"], sdk.ZoneRrsetRecordArgs),
]


@pytest.mark.parametrize(("schema", "arguments", "made"), _CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_inputs_and_outputs_are_those_of_the_sdk(schema: Schema, arguments: Any, made: Any) -> None:
    assert names(arguments) == {name for name, known in schema.items() if not known.output}
    assert names(arguments, made) - {"id", "urn", "pulumiResourceName", "pulumiResourceType"} == set(schema)


@pytest.mark.parametrize(("known", "arguments"), _NESTED, ids=lambda value: getattr(value, "__name__", ""))
def test_nested_inputs_are_those_of_the_sdk(known: Property, arguments: Any) -> None:
    assert set((known.item or known).fields or {}) == names(arguments)
