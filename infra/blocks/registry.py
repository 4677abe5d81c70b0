"""Settings of the registry and of the accounts that use it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ops.config import Access, Strict

# Services sign in at the registry under their own names: stack_components.gateway.service_accounts.
RESERVED_ACCOUNTS = frozenset({"regbot", "regsync"})


def not_reserved(name: str) -> str:
    """Return the name of an account, if no service has it.

    Raises:
        ValueError: A service has it.
    """
    if name in RESERVED_ACCOUNTS:
        raise ValueError(f"is the account of the service {name}; choose another name")
    return name


class RegistrySettings(Strict):
    """The registry. `max_upload_gb` limits one request, not an image; with `keep_data: false`, destroy deletes the images."""

    # At `info` and below the registry logs the headers of its notification endpoint, which hold a secret.
    log_level: Literal["error", "warn"] = "warn"
    max_upload_gb: Annotated[int, Field(ge=1, le=1000)] = 20
    keep_data: bool = True


class AccountSettings(Strict):
    """An account besides the operator's; its password is generated."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$"), AfterValidator(not_reserved)]
    access: Annotated[tuple[Access, ...], Field(min_length=1)]
    catalog: bool = False
