"""A small client for the registry's HTTP API: tokens, blobs, manifests."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlencode
from urllib.request import parse_http_list, parse_keqv_list

from ops.config import READ_ONLY_BY_HAND
from ops.core.answers import UNEXPECTED
from ops.registry.transport import Answer, Endpoint, RegistryBusyError, RegistryError, ThrottledError, UnreachableError

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
# What a client names that takes any kind of image. Of a type that is not accepted, the registry says that it does not exist.
ANY_MANIFEST = ", ".join(
    [
        MANIFEST_TYPE,
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
)
_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 24 * 3600.0
# What a token may be made of that is sent in a header.
SENDABLE = re.compile("[!-~]+")
# How long a token is valid if its service does not say: https://distribution.github.io/distribution/spec/auth/token/
_TOKEN_LIFETIME_S = 60
_TOKEN_MARGIN_S = 15
_LATER = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}


@dataclass(frozen=True)
class Login:
    """An account's name and password."""

    name: str
    password: str = field(repr=False)

    @property
    def authorization(self) -> str:
        """The header that logs it in: RFC 7617."""
        return "Basic " + base64.b64encode(f"{self.name}:{self.password}".encode()).decode()


def digest_of(content: bytes) -> str:
    """Return the digest of content as the registry writes it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def challenge_of(header: str) -> tuple[str, Mapping[str, str]]:
    """Return the scheme in lower case and the parameters of a `WWW-Authenticate` header, which is RFC 9110, section 11.6.1."""
    scheme, _, parameters = header.partition(" ")
    return scheme.lower(), parse_keqv_list([item for item in parse_http_list(parameters) if "=" in item])


def with_query(url: str, parameters: Mapping[str, str | Sequence[str]]) -> str:
    """Return a URL with further parameters: it may have some already. One with several values is named several times."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters, doseq=True)}"


class RegistryClient:
    """Talks to a registry as an account or anonymously; several threads may use it at once."""

    def __init__(
        self, endpoint: Endpoint, login: Login | None = None, *, until: float = 0.0, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        """Make a client.

        Args:
            endpoint: The registry.
            login: Name and password; None for anonymous access.
            until: Until when to keep trying if the registry is away, by `time.monotonic`.
            tell: Called once with each reason for waiting.
        """
        self._endpoint = endpoint
        self._login = login
        self._until = until
        self._tell = tell
        self._told: set[str] = set()
        self._challenge: Mapping[str, str] = {}
        self._tokens: dict[str, tuple[str, float]] = {}

    def request(
        self,
        method: str,
        target: str,
        *,
        scope: str | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request, with a token if a scope is given.

        Raises:
            UnreachableError: The registry is away for too long.
            RegistryBusyError: It is busy for too long.
            ThrottledError: It lets this address wait for too long.
            RegistryError: It gives no token.
        """
        token = {} if scope is None else {"Authorization": f"Bearer {self._token(scope)}"}
        return self._patiently(method, target, {**(headers or {}), **token}, content)

    def challenge(self) -> Mapping[str, str]:
        """Return where to get tokens, as `/v2/` says: `realm` and `service`.

        Raises:
            RegistryError: It does not say.
        """
        if not self._challenge:
            answer = self._patiently("GET", "/v2/", {}, None).expect(HTTPStatus.UNAUTHORIZED)
            scheme, found = challenge_of(answer.headers.get("WWW-Authenticate", ""))
            if scheme != "bearer" or not {"realm", "service"} <= found.keys():
                raise RegistryError("GET /v2/ does not say where to get tokens")
            self._challenge = found
        return self._challenge

    def push_blob(self, repository: str, content: bytes) -> None:
        """Upload a blob, even if the registry has it: it is written and checked again."""
        scope = f"repository:{repository}:pull,push"
        started = self.request("POST", f"/v2/{repository}/blobs/uploads/", scope=scope).expect(HTTPStatus.ACCEPTED)
        target = with_query(started.headers.get("Location", ""), {"digest": digest_of(content)})
        headers = {"Content-Type": "application/octet-stream"}
        self.request("PUT", target, scope=scope, content=content, headers=headers).expect(HTTPStatus.CREATED)

    def push_manifest(self, repository: str, tag: str, manifest: bytes) -> None:
        """Push an image's manifest with a tag."""
        scope, headers = f"repository:{repository}:pull,push", {"Content-Type": MANIFEST_TYPE}
        path = f"/v2/{repository}/manifests/{tag}"
        self.request("PUT", path, scope=scope, content=manifest, headers=headers).expect(HTTPStatus.CREATED)

    def manifest(self, repository: str, reference: str, accept: str = MANIFEST_TYPE) -> Answer:
        """Get a manifest by tag or digest, if it is of an accepted type."""
        scope, headers = f"repository:{repository}:pull", {"Accept": accept}
        return self.request("GET", f"/v2/{repository}/manifests/{reference}", scope=scope, headers=headers)

    def look(self, repository: str, reference: str) -> Answer:
        """Ask whether a manifest of any type is there, by tag or digest; its digest is in the answer's headers."""
        scope, headers = f"repository:{repository}:pull", {"Accept": ANY_MANIFEST}
        return self.request("HEAD", f"/v2/{repository}/manifests/{reference}", scope=scope, headers=headers)

    def blob(self, repository: str, digest: str) -> Answer:
        """Get a blob."""
        return self.request("GET", f"/v2/{repository}/blobs/{digest}", scope=f"repository:{repository}:pull")

    def delete_manifest(self, repository: str, digest: str) -> Answer:
        """Delete a manifest and the tags that point to it."""
        scope = f"repository:{repository}:pull,delete"
        return self.request("DELETE", f"/v2/{repository}/manifests/{digest}", scope=scope)

    def delete_tag(self, repository: str, tag: str) -> Answer:
        """Delete one tag; the manifest and its other tags stay."""
        return self.delete_manifest(repository, tag)

    def _token(self, scope: str) -> str:
        token, good_until = self._tokens.get(scope, ("", 0.0))
        if time.monotonic() > good_until:
            asked = time.monotonic()
            challenge = self.challenge()
            query = {"service": challenge["service"], **({"scope": scope} if scope else {})}
            answer = self._patiently("GET", with_query(challenge["realm"], query), self._basic(), None).expect(HTTPStatus.OK)
            try:
                body = json.loads(answer.body)
                token, lifetime_s = body["token"], float(body.get("expires_in", _TOKEN_LIFETIME_S))
                if not SENDABLE.fullmatch(token) or not math.isfinite(lifetime_s):
                    raise ValueError("no token that can be sent")
            except UNEXPECTED:
                raise RegistryError(f"{answer.asked} was answered without a token") from None
            self._tokens[scope] = (token, asked + lifetime_s - _TOKEN_MARGIN_S)
        return token

    def _basic(self) -> Mapping[str, str]:
        return {"Authorization": self._login.authorization} if self._login else {}

    def _patiently(self, method: str, target: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        while True:
            problem: RegistryError
            pause_s = _PAUSE_S
            try:
                answer = self._endpoint.ask(method, target, headers=headers, content=content)
                if answer.status == HTTPStatus.METHOD_NOT_ALLOWED and answer.error[1].startswith(READ_ONLY_BY_HAND):
                    raise RegistryBusyError(f"{answer.asked} was answered {answer}")  # nobody knows how long that lasts
                if answer.status not in _LATER:
                    return answer
                wanted = answer.headers.get("Retry-After", "")
                if wanted.isdecimal():  # otherwise it is a date, which nobody sends
                    pause_s = max(_PAUSE_S, min(float(wanted), _LONGEST_PAUSE_S))
                if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
                    what = "failed logins" if headers.get("Authorization", "").startswith("Basic ") else "requests"
                    problem = ThrottledError(
                        f"too many {what} from here, until {_after(pause_s)}: {answer.asked} was answered {answer}"
                    )
                else:
                    problem = (RegistryBusyError if wanted else UnreachableError)(f"{answer.asked} was answered {answer}")
            except UnreachableError as error:
                problem = error
            if time.monotonic() + pause_s > self._until:
                raise problem
            if str(problem) not in self._told:
                self._told.add(str(problem))
                self._tell(str(problem))
            time.sleep(pause_s)


def _after(seconds: float) -> str:
    """Return when so many seconds will have passed, for people."""
    return f"{datetime.now(UTC) + timedelta(seconds=seconds):%H:%M:%S} UTC"
