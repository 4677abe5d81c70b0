"""Types of settings that are addresses or networks."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator


def _ipv4(address: str) -> str:
    return str(ipaddress.IPv4Address(address))


def _network(text: str) -> str:
    return str(ipaddress.ip_network(text))


IPv4 = Annotated[str, AfterValidator(_ipv4)]
Network = Annotated[str, AfterValidator(_network)]
