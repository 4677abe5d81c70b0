"""Reads what the gateway needs from a request: credentials, the client's address, and a body of limited size."""

from __future__ import annotations

import base64
import binascii

from starlette.requests import Request

from ops.gateway.throttle import client_key


class MalformedCredentialsError(Exception):
    """The Authorization header is not valid HTTP Basic authentication."""


def basic_credentials(request: Request) -> tuple[str, str] | None:
    """Return name and password; None if there are none, or if both are empty, which some clients send for "not signed in".

    Raises:
        MalformedCredentialsError: There is an Authorization header that cannot be read.
    """
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, encoded = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise MalformedCredentialsError("only Basic authentication is supported")
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):  # also for what is not UTF-8, and for characters outside ASCII
        raise MalformedCredentialsError("the Basic credentials are not base64 of UTF-8 text") from None
    name, colon, password = text.partition(":")
    if not colon:
        raise MalformedCredentialsError("the Basic credentials have no colon")
    return (name, password) if name or password else None


def client_of(request: Request) -> str:
    """Return the key under which this client's failures are counted.

    The client's address is the last hop in X-Forwarded-For, which the edge writes; only the edge can reach the gateway
    from outside. The hops before the last one are the client's own claim.
    """
    hops = ",".join(request.headers.getlist("x-forwarded-for"))
    peer = request.client.host if request.client else ""
    for address in (hops.rpartition(",")[2].strip(), peer):
        try:
            return client_key(address)
        except ValueError:
            continue
    return "unknown"


async def body_up_to(request: Request, limit: int) -> bytes | None:
    """Return the body, or None if it has more than `limit` bytes; it is then read to its end, but not kept.

    Raises:
        starlette.requests.ClientDisconnect: The client went away before the end.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        else:
            chunks.clear()
    return b"".join(chunks) if size <= limit else None
