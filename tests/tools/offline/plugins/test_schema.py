"""The schemas know every property that the installed SDK knows, and no other."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import pulumi_command.local
import pulumi_docker
import pytest
from pulumi_command import remote

from tools.offline.plugins.command.connection import CONNECTION
from tools.offline.plugins.command.copy_to_remote import CopyToRemote
from tools.offline.plugins.command.local_command import LocalCommand
from tools.offline.plugins.command.remote_command import RemoteCommand
from tools.offline.plugins.docker import container_table, image, network, volume
from tools.offline.plugins.schema import Schema
from tools.offline.plugins.session import Session

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of CopyFile, which comes with the first of the others
    _REMOTE_COMMAND = remote.CommandArgs


def _names(arguments: Any, made: Any = None) -> set[str]:
    """Return the property names of an SDK class, as they travel."""
    names = set(inspect.signature(arguments.__init__).parameters) - {"self", "__self__"}
    translated = {_camel(name) for name in names}
    if made is not None:
        translated |= {_camel(name) for name, value in vars(made).items() if isinstance(value, property)}
    return translated


def _camel(name: str) -> str:
    head, *tail = name.strip("_").split("_")
    return head + "".join(word.title() for word in tail)


_CASES = [
    (container_table.SCHEMA, pulumi_docker.ContainerArgs, pulumi_docker.Container),
    (network.SCHEMA, pulumi_docker.NetworkArgs, pulumi_docker.Network),
    (volume.SCHEMA, pulumi_docker.VolumeArgs, pulumi_docker.Volume),
    (image.SCHEMA, pulumi_docker.RemoteImageArgs, pulumi_docker.RemoteImage),
]
_CONTAINER = container_table.SCHEMA
_NESTED = [
    (_CONTAINER["capabilities"].fields, pulumi_docker.ContainerCapabilitiesArgs),
    (_CONTAINER["healthcheck"].fields, pulumi_docker.ContainerHealthcheckArgs),
    *(
        (known.item.fields if (known := schema[name]).item else None, arguments)
        for schema, name, arguments in [
            (_CONTAINER, "mounts", pulumi_docker.ContainerMountArgs),
            (_CONTAINER, "volumes", pulumi_docker.ContainerVolumeArgs),
            (_CONTAINER, "devices", pulumi_docker.ContainerDeviceArgs),
            (_CONTAINER, "networksAdvanced", pulumi_docker.ContainerNetworksAdvancedArgs),
            (_CONTAINER, "ports", pulumi_docker.ContainerPortArgs),
            (_CONTAINER, "hosts", pulumi_docker.ContainerHostArgs),
            (_CONTAINER, "ulimits", pulumi_docker.ContainerUlimitArgs),
            (_CONTAINER, "labels", pulumi_docker.ContainerLabelArgs),
            (network.SCHEMA, "ipamConfigs", pulumi_docker.NetworkIpamConfigArgs),
            (network.SCHEMA, "labels", pulumi_docker.NetworkLabelArgs),
        ]
    ),
]


@pytest.mark.parametrize(("schema", "arguments", "made"), _CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_inputs_and_outputs_are_those_of_the_sdk(schema: Schema, arguments: Any, made: Any) -> None:
    inputs = {name for name, known in schema.items() if not known.output}
    assert _names(arguments) == inputs
    assert _names(arguments, made) - {"id", "urn", "pulumiResourceName", "pulumiResourceType"} == set(schema)


@pytest.mark.parametrize(("fields", "arguments"), _NESTED, ids=lambda value: getattr(value, "__name__", ""))
def test_nested_inputs_are_those_of_the_sdk(fields: Schema | None, arguments: Any) -> None:
    assert set(fields or {}) == _names(arguments)


@pytest.mark.parametrize(
    ("resource", "arguments", "not_covered"),
    [
        (LocalCommand, pulumi_command.local.CommandArgs, {"assetPaths", "archivePaths"}),
        (RemoteCommand, _REMOTE_COMMAND, set()),
        (CopyToRemote, remote.CopyToRemoteArgs, set()),
    ],
)
def test_every_argument_of_a_command_is_accepted_or_said_not_to_be_covered(
    resource: Any, arguments: Any, not_covered: set[str]
) -> None:
    names = _names(arguments)
    faults = resource(Session("")).check("", {**dict.fromkeys(names, object()), "unheard": 1}, {}, "").failures
    reasons = {fault.property: fault.reason for fault in faults}
    assert names - {"source"} <= set(reasons)  # a wrong source is told as an asset
    assert {name for name, reason in reasons.items() if reason.startswith("Unrecognized")} == {"unheard"}
    assert {name for name, reason in reasons.items() if "not covered" in reason} == not_covered


def test_the_properties_of_a_connection_are_those_of_the_sdk() -> None:
    assert set(CONNECTION.types) == _names(remote.ConnectionArgs)
    assert set(CONNECTION.types) - {"proxy"} == _names(remote.ProxyConnectionArgs)
