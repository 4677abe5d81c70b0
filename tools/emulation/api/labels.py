"""Labels of resources, and the selectors that match them: https://docs.hetzner.cloud/reference/cloud#label-selector ."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator

from tools.emulation.api.errors import invalid

_NAME = r"[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?"
_DNS_LABEL = r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_KEY = rf"({_DNS_LABEL}(\.{_DNS_LABEL})*/)?{_NAME}"
_VALUE = rf"({_NAME})?"
_TERM = re.compile(
    rf"(?P<absent>!)\s*(?P<without>{_KEY})"
    rf"|(?P<key>{_KEY})(?:\s*(?P<operator>==|=|!=)\s*(?P<value>{_VALUE})|\s+(?P<member>in|notin)\s*\((?P<values>[^()]*)\))?"
)
_RESERVED = "hetzner.cloud/"


def _check(labels: dict[str, str]) -> dict[str, str]:
    for key, value in labels.items():
        if not re.fullmatch(_KEY, key) or key.startswith(_RESERVED):
            raise ValueError(f"label key {key!r} is not correctly formatted")
        if not re.fullmatch(_VALUE, value):
            raise ValueError(f"label value {value!r} is not correctly formatted")
    return labels


Labels = Annotated[dict[str, str], AfterValidator(_check)]


def matches(selector: str, labels: Mapping[str, str]) -> bool:
    """Return whether labels match a selector.

    Raises:
        ApiError: It is not a valid selector.
    """
    # Commas inside the parentheses of `in (…)` separate values, not terms.
    found = [_holds(term.strip(), labels) for term in re.split(r",(?![^(]*\))", selector)]
    return all(found)  # after all were looked at: a faulty one is found wherever it stands


def _holds(term: str, labels: Mapping[str, str]) -> bool:
    found = _TERM.fullmatch(term)
    if not found:
        raise invalid("label_selector", f"{term!r} is not a valid selector")
    if found["absent"]:
        return found["without"] not in labels
    value = labels.get(found["key"])
    if found["operator"]:
        return (value == found["value"]) is not (found["operator"] == "!=")
    if found["member"]:
        values = [item.strip() for item in found["values"].split(",")]
        return (value in values) is (found["member"] == "in")
    return value is not None
