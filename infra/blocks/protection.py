"""Settings of protection: who is banned, and who never is."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator

from infra.blocks.addresses import Network
from ops.config import Strict


def _not_everybody(network: str) -> str:
    if ipaddress.ip_network(network).prefixlen == 0:
        raise ValueError("is the whole Internet; to ban nobody, set protection.enabled to false")
    return network


class ProtectionSettings(Strict):
    """CrowdSec reads the edge's access log and bans scanners.

    Attributes:
        enabled: Whether it runs.
        allow: Networks that are never banned, such as those of build machines that push many new tags at once.
        community: Whether signals are shared with CrowdSec, and in return the community's blocklist is used.
    """

    enabled: bool = True
    allow: tuple[Annotated[Network, AfterValidator(_not_everybody)], ...] = ()
    community: bool = False
