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


def not_everybody(why: str) -> AfterValidator:
    """Return a validator that refuses a network of all addresses, and says why."""

    def validate(network: str) -> str:
        if ipaddress.ip_network(network).prefixlen == 0:
            raise ValueError(why)
        return network

    return AfterValidator(validate)


def loopback(network: str) -> bool:
    """Whether a network is this host itself."""
    return ipaddress.ip_network(network).is_loopback
