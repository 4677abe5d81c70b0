"""Session cookies of browsers that have sent the operator's name and password."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request

from ops.config import SESSION_COOKIE, Account

LIFETIME_S = 12 * 3600
_SECURE = "__Host-"  # browsers accept it by TLS only, and only from this very host


@dataclass(frozen=True)
class Sessions:
    """Makes and checks the cookie.

    A browser forgets a name and password once a request that it sent with them is answered 401. That is how the registry asks
    for a token, so without a cookie the UI's first request would sign the browser out. It is only good for the password that
    it was given for.

    Attributes:
        key: Signs the cookies. It is new at each start, which ends all sessions.
        clock: Seconds since the epoch.
    """

    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    clock: Callable[[], float] = time.time

    def cookie(self, request: Request, account: Account) -> str:
        """Return the Set-Cookie value for a browser that has signed on. It ends with the browser, or after `LIFETIME_S`."""
        until = str(int(self.clock()) + LIFETIME_S)
        tls = request.headers.get("x-forwarded-proto") == "https"
        name = f"{_SECURE}{SESSION_COOKIE}" if tls else SESSION_COOKIE
        return f"{name}={until}.{self._signature(until, account)}; Path=/; HttpOnly; SameSite=Lax{'; Secure' if tls else ''}"

    def knows(self, request: Request, account: Account) -> bool:
        """Whether a request comes from a browser that has signed on as this account, with its present password."""
        return any(self._valid(request.cookies.get(name, ""), account) for name in (f"{_SECURE}{SESSION_COOKIE}", SESSION_COOKIE))

    def _valid(self, value: str, account: Account) -> bool:
        until, _, signature = value.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(until, account).encode()):
            return False
        return int(until) > self.clock()

    def _signature(self, until: str, account: Account) -> str:
        return hmac.digest(self.key, f"{until}\0{account.name}\0{account.password_hash}".encode(), hashlib.sha256).hex()
