"""Settings of sign-on: who may see the pages of the operators."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from ops.config import Strict

Email = Annotated[str, Field(pattern=r"^[^@\s,]+@[^@\s,]+$")]


class SignOnSettings(Strict):
    """Sign-on with an identity provider (OpenID Connect); without one it is the operator's name and password.

    Attributes:
        issuer: The provider's address, as its tokens name it. The secrets oidc_client_id and oidc_client_secret go with it.
        emails: Who may sign on.
        operators: Those of them who may delete; the others look and pull.
    """

    issuer: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
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
