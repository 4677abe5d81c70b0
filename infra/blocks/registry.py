"""Settings of the registry and of the accounts that use it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ops.config import Access, Strict

# Services sign in at the registry under their own names: stack_components.gateway.service_accounts.
RESERVED_ACCOUNTS = frozenset({"regbot", "regsync", "retention"})


def not_reserved(name: str) -> str:
    """Return the name of an account, if no service has it.

    Raises:
        ValueError: A service has it.
    """
    if name in RESERVED_ACCOUNTS:
        raise ValueError(f"is the account of {name}, a part of this program; choose another name")
    return name


HostName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$")]

# Where the base layers of Windows are, by the addresses in today's images and in older ones. Others may not distribute them:
# https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#non-distributable-layers
_MICROSOFT = ("mcr.microsoft.com", "go.microsoft.com")


class RegistrySettings(Strict):
    """The registry.

    Attributes:
        log_level: How much it logs.
        max_upload_gb: Largest request, which is a layer, not an image.
        keep_data: Whether `destroy` leaves the images in place.
        foreign_layer_hosts: Hosts from which clients may be told to get layers that are not stored here: the base layers of
            Windows images, which only Microsoft may distribute. A manifest that names another host is refused.
    """

    # At `info` and below the registry logs the headers of its notification endpoint, which hold a secret.
    log_level: Literal["error", "warn"] = "warn"
    max_upload_gb: Annotated[int, Field(ge=1, le=1000)] = 20
    keep_data: bool = True
    foreign_layer_hosts: tuple[HostName, ...] = _MICROSOFT


class AccountSettings(Strict):
    """An account besides the operator's; its password is generated.

    Attributes:
        name: What it logs in with.
        access: What it may do.
        catalog: Whether it may list all repositories.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$"), AfterValidator(not_reserved)]
    access: Annotated[tuple[Access, ...], Field(min_length=1)]
    catalog: bool = False
