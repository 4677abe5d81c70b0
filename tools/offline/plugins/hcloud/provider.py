"""The hcloud plugin: its configuration, and which resources it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tools.offline.plugins.docker.duration import duration_rule
from tools.offline.plugins.hcloud.api import Api, token_of
from tools.offline.plugins.hcloud.firewall import Firewall
from tools.offline.plugins.hcloud.firewall_attachment import FirewallAttachment
from tools.offline.plugins.hcloud.placement_group import PlacementGroup
from tools.offline.plugins.hcloud.primary_ip import PrimaryIp
from tools.offline.plugins.hcloud.rdns import Rdns
from tools.offline.plugins.hcloud.server import Server
from tools.offline.plugins.hcloud.ssh_key import SshKey
from tools.offline.plugins.hcloud.storage_box import StorageBox
from tools.offline.plugins.hcloud.storage_box_subaccount import StorageBoxSubaccount
from tools.offline.plugins.hcloud.volume import Volume
from tools.offline.plugins.hcloud.volume_attachment import VolumeAttachment
from tools.offline.plugins.hcloud.zone_rrset import ZoneRrset
from tools.offline.plugins.plugin import Package, run
from tools.offline.plugins.resource import Checked, Failure, Resource
from tools.offline.plugins.session import Session
from tools.offline.plugins.values import UNKNOWN, Properties, Secret

_TOKEN_LENGTH = 64
_KEYS = ("token", "endpoint", "endpointHetzner", "pollInterval", "pollFunction")
_POLL_FUNCTIONS = ("constant", "exponential")


def check_config(inputs: Properties) -> Checked:
    """Validate the provider's inputs."""
    checked = dict(inputs)
    if isinstance(inputs.get("token"), str):
        checked["token"] = Secret(inputs["token"])
    return Checked(checked, [Failure(reason) for reason in _faults(inputs)])


def _faults(inputs: Properties) -> Iterator[str]:
    for key in inputs:
        if key not in _KEYS and key != "version" and not key.startswith("__"):
            yield f"`hcloud:{key}` is not a valid configuration key for the hcloud provider."
    token = token_of(inputs)
    if not token:
        yield (
            "Missing Hetzner Cloud API token: While configuring the provider, the Hetzner Cloud API token was not found in the "
            "HCLOUD_TOKEN environment variable or provider configuration block token attribute."
        )
    elif token is not UNKNOWN and len(token) != _TOKEN_LENGTH:
        yield _bad("token", f"entered token is invalid (must be exactly {_TOKEN_LENGTH} characters long)")
    interval, function = inputs.get("pollInterval"), inputs.get("pollFunction")
    if isinstance(interval, str) and interval and (reason := duration_rule(interval)):
        yield _bad("pollInterval", reason)
    if isinstance(function, str) and function not in _POLL_FUNCTIONS:
        yield _bad("pollFunction", f'expected poll_function to be one of ["constant" "exponential"], got {function}')


def _bad(key: str, reason: str) -> str:
    return f"could not validate provider configuration: {reason}. Check `pulumi config get hcloud:{key}`."


def _resources(session: Session) -> Mapping[str, Resource]:
    api = Api(session)
    return {
        "hcloud:index/firewall:Firewall": Firewall(api),
        "hcloud:index/firewallAttachment:FirewallAttachment": FirewallAttachment(api),
        "hcloud:index/placementGroup:PlacementGroup": PlacementGroup(api),
        "hcloud:index/primaryIp:PrimaryIp": PrimaryIp(api),
        "hcloud:index/rdns:Rdns": Rdns(api),
        "hcloud:index/server:Server": Server(api),
        "hcloud:index/sshKey:SshKey": SshKey(api),
        "hcloud:index/storageBox:StorageBox": StorageBox(api),
        "hcloud:index/storageBoxSubaccount:StorageBoxSubaccount": StorageBoxSubaccount(api),
        "hcloud:index/volume:Volume": Volume(api),
        "hcloud:index/volumeAttachment:VolumeAttachment": VolumeAttachment(api),
        "hcloud:index/zoneRrset:ZoneRrset": ZoneRrset(api),
    }


PACKAGE = Package("hcloud", accepts_secrets=False, check_config=check_config, resources=_resources)


def main() -> None:
    """Serve the plugin."""
    run(PACKAGE)
