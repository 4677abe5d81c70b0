"""The check of the certificate: whether the one clients get is valid for long enough."""

from __future__ import annotations

from datetime import UTC, datetime

from ops.config import container_name
from ops.core.findings import FAILED, OK, SKIPPED, WARNING, Check
from ops.registry.transport import Endpoint, UnreachableError

# The edge renews when a third of the lifetime is left, so with short-lived certificates less than a day left is normal.
_LEAST_SHARE = 0.2


def certificate(endpoint: Endpoint, stack: str = "") -> Check:
    """Check a registry's certificate.

    Args:
        endpoint: Where clients reach it.
        stack: The name of the stack that it is checked on, if that is known.
    """
    remedy = f"`docker logs {container_name(stack, 'edge')}` says why it was not renewed"
    if endpoint.url.startswith("http:"):
        return Check("certificate", SKIPPED, "no TLS: only clients on this machine reach it")
    try:
        begins, ends = endpoint.certificate_times()
    except UnreachableError as error:
        return Check("certificate", FAILED, str(error), remedy, error.exit_code)
    left, whole = ends - datetime.now(UTC), ends - begins
    detail = f"valid until {ends:%Y-%m-%d %H:%M} UTC"
    if left / whole < _LEAST_SHARE:
        return Check("certificate", WARNING, detail, remedy)
    return Check("certificate", OK, detail)
