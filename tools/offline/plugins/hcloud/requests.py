"""What requests of several resources have in common."""

from __future__ import annotations

from tools.offline.plugins.hcloud.api import Api, ApiError
from tools.offline.plugins.schema import is_empty
from tools.offline.plugins.values import Properties


def given(wanted: Properties, **names: str) -> Properties:
    """Return what a request says of the inputs that are not empty: the API's name for each, and the input's."""
    return {there: wanted[here] for there, here in names.items() if not is_empty(wanted.get(here))}


def changed_fields(old: Properties, new: Properties, **names: str) -> Properties:
    """Return what a request says of the properties that changed: the API's name for each, and the property's."""
    return {there: new[here] for there, here in names.items() if old.get(here) != new.get(here)}


def datacenter_of(found: Properties) -> str | None:
    """Return what an API that still tells data centres tells.

    See https://docs.hetzner.cloud/changelog#2025-12-16-phasing-out-datacenters.
    """
    datacenter: Properties = found.get("datacenter") or {}
    return datacenter.get("name")


def delete_quietly(api: Api, path: str) -> None:
    """Delete something and wait until it is gone; it may be gone already.

    Raises:
        ApiError: It cannot be deleted.
    """
    try:
        api.settle(api.ask("DELETE", path).get("action"))
    except ApiError as error:
        if error.code != "not_found":
            raise
