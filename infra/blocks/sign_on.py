"""Settings of sign-on: who may see the pages of the operators."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from ops.config import Strict

# What oauth2-proxy reads from a file, and what can be the subject of a token. It compares addresses in lower case.
Email = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*@[A-Za-z0-9][A-Za-z0-9.-]*$", max_length=128), AfterValidator(str.lower)
]


def _encrypted(issuer: str) -> str:
    """Refuse an address whose answers, and the client's secret, anybody on the way could read."""
    url = urlsplit(issuer)
    host = url.hostname or ""
    try:
        inside = ipaddress.ip_address(host).is_private
    except ValueError:
        inside = "." not in host
    if url.scheme == "http" and not inside:
        raise ValueError("should begin with https:// where it is not on this host or network")
    return issuer


class SignOnSettings(Strict):
    """Sign-on with an identity provider (OpenID Connect); without one it is the operator's name and password.

    Attributes:
        issuer: The provider's address, as its tokens name it. The secrets oidc_client_id and oidc_client_secret go with it.
        emails: Who may sign on.
        operators: Those of them who may delete; the others look and pull.
    """

    issuer: Annotated[str, Field(pattern=r"^https?://[^\s/]+\S*$"), AfterValidator(_encrypted)] | None = None
    emails: tuple[Email, ...] = ()
    operators: tuple[Email, ...] = ()

    @model_validator(mode="after")
    def _somebody_may(self) -> SignOnSettings:
        if self.issuer and not self.emails:
            raise ValueError("emails is empty: with an issuer, name those who may sign on")
        if not self.issuer and (self.emails or self.operators):
            raise ValueError("issuer is missing: without an identity provider there are no e-mail addresses to go by")
        if unknown := sorted(set(self.operators) - set(self.emails)):
            raise ValueError(f"operators names {', '.join(unknown)}, who may not sign on; add them to emails")
        return self
