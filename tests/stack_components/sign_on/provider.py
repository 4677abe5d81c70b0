"""A MOCK of an identity provider: OpenID Connect's code flow with PKCE, in which everybody is who the test says at once."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

from tests.stack_components.edge.caddy import serving

CLIENT_ID, CLIENT_SECRET = "the-client-id", 'the "client\\secret'


@dataclass
class MockProvider:
    """What the provider knows.

    Attributes:
        claims: What it says of whoever signs on.
        redirect_urls: The only addresses that it sends codes to.
        codes: Those it has given, with what they were asked for with.
    """

    claims: dict[str, Any] = field(default_factory=dict)
    redirect_urls: set[str] = field(default_factory=set)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    issuer: str = ""
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", parameters={"kid": "mock", "use": "sig"}))

    def discovery(self) -> dict[str, Any]:
        """Return https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata ."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Return where the browser goes to with its code."""
        assert asked["client_id"] == CLIENT_ID
        assert asked["redirect_uri"] in self.redirect_urls
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        code = secrets.token_urlsafe(24)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, given: dict[str, str], authorization: str) -> dict[str, Any]:
        """Return the tokens for a code."""
        client = (given.get("client_id"), given.get("client_secret"))
        if authorization:
            client = tuple(base64.b64decode(authorization.removeprefix("Basic ")).decode().split(":", 1))  # type: ignore[assignment]
        assert client in {(CLIENT_ID, CLIENT_SECRET), tuple(urlencode({"": text})[1:] for text in (CLIENT_ID, CLIENT_SECRET))}
        asked = self.codes[given["code"]]
        challenge = base64.urlsafe_b64encode(hashlib.sha256(given["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        assert (challenge, given["redirect_uri"]) == (asked["code_challenge"], asked["redirect_uri"])
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "sub": "subject-1", "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        id_token = jwt.encode({"alg": "ES256", "kid": "mock"}, claims | self.claims, self.key)
        return {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "expires_in": 300, "id_token": id_token}


@contextlib.contextmanager
def mock_provider() -> Iterator[MockProvider]:
    """Run the MOCK on a free port of 127.0.0.1."""
    provider = MockProvider()

    class Handler(BaseHTTPRequestHandler):
        """The provider's pages."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            match url.path:
                case "/.well-known/openid-configuration":
                    self._answer(provider.discovery())
                case "/keys":
                    self._answer({"keys": [provider.key.as_dict(private=False)]})
                case "/authorize":
                    self.send_response(302)
                    self.send_header("Location", provider.authorize(dict(parse_qsl(url.query))))
                    self.send_header("Content-Length", "0")
                    self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(provider.token(dict(parse_qsl(body)), self.headers.get("Authorization", "")))

        def _answer(self, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with serving(Handler) as server:
        provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
        yield provider
