"""Settings of sign-on: who may see the pages of the operators."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from ops.config import Strict

# It must be valid in the file that oauth2-proxy reads, and as the subject of a token. oauth2-proxy compares in lower case.
Email = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*@[A-Za-z0-9][A-Za-z0-9.-]*$", max_length=128), AfterValidator(str.lower)
]


def _encrypted(issuer: str) -> str:
    """Refuse plain HTTP across a network, where others could read the answers and the client's secret."""
    url = urlsplit(issuer)
    host = url.hostname or ""
    try:
        inside = ipaddress.ip_address(host).is_private
    except ValueError:
        inside = "." not in host
    if url.scheme == "http" and not inside:
        raise ValueError("should begin with https://, unless the provider is on this host or its private network")
    return issuer


class SignOnSettings(Strict):
    """Sign-on with an identity provider (OpenID Connect). Without one, pages ask for the operator's name and password.

    Attributes:
        issuer: The provider's URL, as in its tokens. It needs the secrets oidc_client_id and oidc_client_secret.
        emails: Who may sign on.
        operators: Those of them who may also delete; the others can only browse and pull.
    """

    issuer: Annotated[str, Field(pattern=r"^https?://[^\s/]+\S*$"), AfterValidator(_encrypted)] | None = None
    emails: tuple[Email, ...] = ()
    operators: tuple[Email, ...] = ()

    @model_validator(mode="after")
    def _somebody_may(self) -> SignOnSettings:
        if self.issuer and not self.emails:
            raise ValueError("emails is empty; with an issuer, list who may sign on")
        if not self.issuer and (self.emails or self.operators):
            raise ValueError("issuer is missing; emails and operators need an identity provider")
        if unknown := sorted(set(self.operators) - set(self.emails)):
            raise ValueError(f"{', '.join(unknown)} in operators may not sign on; add them to emails")
        return self
