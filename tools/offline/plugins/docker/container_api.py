"""How single values of a container are written in the Docker API, and read back from it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from tools.offline.plugins.docker.duration import format_duration, parse_duration
from tools.offline.plugins.docker.engine import labels_from_api, labels_to_api
from tools.offline.plugins.resource import PluginError
from tools.offline.plugins.values import Properties

_MEGABYTE = 1024 * 1024
_NANO = 10**9


class Codec(NamedTuple):
    """A pair of conversions; both take values that are not empty."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _megabytes_to_api(value: int) -> int:
    return value * _MEGABYTE if value > 0 else value


def _megabytes_from_api(value: int) -> int:
    return value // _MEGABYTE if value > 0 else value


def _cpus_to_api(value: str) -> int:
    try:
        nanos = Fraction(value) * _NANO
    except (ValueError, ZeroDivisionError):
        raise PluginError(f"Error setting cpus: failed to parse {value} as a rational number") from None
    if nanos.denominator != 1:
        raise PluginError("Error setting cpus: value is too precise")
    return nanos.numerator


def _cpus_from_api(value: int) -> str:
    return f"{(Decimal(value) / _NANO).normalize():f}"


_HEALTHCHECK_TIMES = {
    "interval": "Interval",
    "timeout": "Timeout",
    "startPeriod": "StartPeriod",
    "startInterval": "StartInterval",
}


def _healthcheck_to_api(value: Properties) -> Properties:
    times = {there: parse_duration(value.get(here) or "0s") for here, there in _HEALTHCHECK_TIMES.items()}
    return {"Test": value.get("tests") or [], "Retries": value.get("retries") or 0, **times}


def _healthcheck_from_api(value: Properties) -> Properties:
    times = {here: format_duration(value.get(there) or 0) for here, there in _HEALTHCHECK_TIMES.items()}
    return {"tests": value.get("Test") or [], "retries": value.get("Retries") or 0, **times}


def _mounts_to_api(value: list[Properties]) -> list[Properties]:
    return [
        {"Type": m["type"], "Target": m["target"], "Source": m.get("source") or "", "ReadOnly": bool(m.get("readOnly"))}
        for m in value
    ]


def _mounts_from_api(value: list[Properties]) -> list[Properties]:
    return [
        {"type": m["Type"], "target": m["Target"], "source": m.get("Source") or "", "readOnly": bool(m.get("ReadOnly"))}
        for m in value
    ]


def _hosts_to_api(value: list[Properties]) -> list[str]:
    return [f"{entry['host']}:{entry['ip']}" for entry in value]


def _hosts_from_api(value: list[str]) -> list[Properties]:
    return [dict(zip(("host", "ip"), entry.split(":", 1), strict=True)) for entry in value]


def _ulimits_to_api(value: list[Properties]) -> list[Properties]:
    return [{"Name": limit["name"], "Soft": limit["soft"], "Hard": limit["hard"]} for limit in value]


def _ulimits_from_api(value: list[Properties]) -> list[Properties]:
    return [{"name": limit["Name"], "soft": limit["Soft"], "hard": limit["Hard"]} for limit in value]


def _devices_to_api(value: list[Properties]) -> list[Properties]:
    return [
        {
            "PathOnHost": device["hostPath"],
            "PathInContainer": device.get("containerPath") or device["hostPath"],
            "CgroupPermissions": device["permissions"],
        }
        for device in value
    ]


def _devices_from_api(value: list[Properties]) -> list[Properties]:
    return [
        {
            "hostPath": device["PathOnHost"],
            "containerPath": "" if device["PathInContainer"] == device["PathOnHost"] else device["PathInContainer"],
            "permissions": device["CgroupPermissions"],
        }
        for device in value
    ]


AS_IS = Codec(_same, _same)
MEGABYTES = Codec(_megabytes_to_api, _megabytes_from_api)
CPUS = Codec(_cpus_to_api, _cpus_from_api)
HEALTHCHECK = Codec(_healthcheck_to_api, _healthcheck_from_api)
LABELS = Codec(labels_to_api, labels_from_api)
MOUNTS = Codec(_mounts_to_api, _mounts_from_api)
HOSTS = Codec(_hosts_to_api, _hosts_from_api)
ULIMITS = Codec(_ulimits_to_api, _ulimits_from_api)
DEVICES = Codec(_devices_to_api, _devices_from_api)
