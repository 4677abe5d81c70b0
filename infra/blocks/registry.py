"""Settings of the registry and of the accounts that use it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ops.config import Access, Strict

# Services sign in at the registry under their own names: stack_components.gateway.service_accounts.
RESERVED_ACCOUNTS = frozenset({"regbot", "regsync"})


def not_reserved(name: str) -> str:
    """Return a name of an account that no service has.

    Raises:
        ValueError: One does.
    """
    if name in RESERVED_ACCOUNTS:
        raise ValueError(f"is the account of the service {name}; give this one another name")
    return name


class RegistrySettings(Strict):
    """The registry itself. `max_upload_gb` bounds one request, not an image; `keep_data` false lets destroy delete the images."""

    # From `info` on the registry logs the headers of its notification endpoint, a secret among them.
    log_level: Literal["error", "warn"] = "warn"
    max_upload_gb: Annotated[int, Field(ge=1, le=1000)] = 20
    keep_data: bool = True


class AccountSettings(Strict):
    """An account beside the operator's; its password is generated."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$"), AfterValidator(not_reserved)]
    access: Annotated[tuple[Access, ...], Field(min_length=1)]
    catalog: bool = False
