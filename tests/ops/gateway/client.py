"""A gateway in this process, and what asks it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet

from ops.config import GatewayConfig
from ops.credentials.keys import public_jwks
from ops.gateway.app import Gateway
from tests.ops.gateway.gateway_rig import SERVICE, SIGNING_KEY, query


class Client:
    """Sends requests to a gateway in this process."""

    def __init__(self, gateway: Gateway, config: GatewayConfig) -> None:
        self.gateway = gateway
        self.config = config
        self._app = gateway.app()

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request."""

        async def one() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, client=("172.18.0.5", 1234))
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
                return await client.request(method, path, **options)

        return asyncio.run(one())

    def token(self, *scopes: str, service: str | None = SERVICE, **options: Any) -> httpx.Response:
        """Ask for a token."""
        parameters = [("scope", scope) for scope in scopes] + ([("service", service)] if service is not None else [])
        return self.send("GET", "/auth/token", params=parameters, **options)

    def access(self, *scopes: str, **options: Any) -> tuple[str, dict[str, list[str]]]:
        """Ask for a token; return its subject and what it grants."""
        response = self.token(*scopes, **options)
        assert response.status_code == 200, response.text
        keys = KeySet.import_key_set(json.loads(public_jwks(SIGNING_KEY)))
        claims = jwt.decode(response.json()["token"], keys, algorithms=["ES256"]).claims
        return claims["sub"], {entry["name"]: entry["actions"] for entry in claims["access"]}

    def stored(self, sql: str) -> list[Any]:
        """Read the events database."""
        return query(self.config.events_db, sql)
