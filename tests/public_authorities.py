"""Makes httpx read the public authorities once for each process.

`httpx.get` reads all of them each time, also where there is no TLS: 31 ms of a core, where a request needs one.
"""

from __future__ import annotations

import os
import ssl
from functools import cache
from typing import Any

from httpx import create_ssl_context
from httpx._transports import default


def keep_public_authorities() -> None:
    """Keep them for clients that ask for no others."""
    vars(default)["create_ssl_context"] = _context


def _context(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
    if verify is True and cert is None and trust_env:
        return _public(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    return create_ssl_context(verify, cert, trust_env)


@cache
def _public(*_environment: str | None) -> ssl.SSLContext:
    return create_ssl_context()
