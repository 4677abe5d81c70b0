"""Issues the registry's tokens: signed JSON Web Tokens of the token specification.

https://distribution.github.io/distribution/spec/auth/jwt/
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from joserfc import jwt
from joserfc.jwk import ECKey

from ops.gateway.scope import TokenScope

_ALGORITHM = "ES256"


@dataclass(frozen=True)
class TokenIssuer:
    """Signs tokens.

    Attributes:
        key: The private key, with its `kid`.
        issuer: `iss` of the tokens.
        service: `aud` of the tokens.
        lifetime_s: How many seconds a token is valid for.
        clock: Seconds since the epoch.
    """

    key: ECKey
    issuer: str
    service: str
    lifetime_s: int
    clock: Callable[[], float] = time.time

    def issue(self, subject: str, access: Iterable[TokenScope]) -> dict[str, object]:
        """Return the body of a token response; `subject` is the account's name, empty for anonymous clients."""
        now = int(self.clock())
        claims = {
            "iss": self.issuer,
            "sub": subject,
            "aud": self.service,
            "exp": now + self.lifetime_s,
            "nbf": now,
            "iat": now,
            "jti": secrets.token_urlsafe(16),
            "access": [scope.claim() for scope in access],
        }
        header = {"alg": _ALGORITHM, "typ": "JWT", "kid": self.key.kid}
        token = jwt.encode(header, claims, self.key, algorithms=[_ALGORITHM])
        return {
            "token": token,
            "access_token": token,  # the same by its OAuth2 name: clients read either one
            "expires_in": self.lifetime_s,
            "issued_at": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
