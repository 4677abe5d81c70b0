"""The check of the certificate: whether the one clients get is valid for long enough."""

from __future__ import annotations

from datetime import UTC, datetime

from ops.core.findings import FAILED, OK, SKIPPED, WARNING, Check
from ops.registry.transport import Endpoint, UnreachableError

_REMEDY = "`docker logs` of the edge says why it was not renewed"
# The edge renews when a third of the lifetime is left, so with short-lived certificates less than a day left is normal.
_LEAST_SHARE = 0.2


def certificate(endpoint: Endpoint) -> Check:
    """Check a registry's certificate.

    Args:
        endpoint: Where clients reach it.
    """
    if endpoint.url.startswith("http:"):
        return Check("certificate", SKIPPED, "no TLS: only clients on this machine reach it")
    try:
        begins, ends = endpoint.certificate_times()
    except UnreachableError as error:
        return Check("certificate", FAILED, str(error), _REMEDY, error.exit_code)
    left, whole = ends - datetime.now(UTC), ends - begins
    detail = f"valid until {ends:%Y-%m-%d %H:%M} UTC"
    if left / whole < _LEAST_SHARE:
        return Check("certificate", WARNING, detail, _REMEDY)
    return Check("certificate", OK, detail)
