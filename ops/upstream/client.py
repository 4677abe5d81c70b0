"""A client for upstream registries: logs in as each of them asks for, follows their redirects, and gives content by its digest.

https://distribution.github.io/distribution/spec/auth/token/, https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError

from ops.config import HUB, HUB_HOST
from ops.registry.client import ANY_MANIFEST, Login, challenge_of, with_query
from ops.registry.manifests import has_content
from ops.registry.transport import origin, reason_of

_TIMEOUT = Timeout(connect=10.0, read=60.0)
_REDIRECTS, _CHUNK, _MAX_TOKEN_BYTES = 5, 1 << 20, 1 << 20
_ELSEWHERE = {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND, HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT}


class UpstreamError(Exception):
    """An upstream registry does not give what was asked for; the message says which, and why."""


class Upstream:
    """An upstream registry."""

    def __init__(self, name: str, login: Login | None = None) -> None:
        """Make a client.

        Args:
            name: Its host, with a port if it needs one, as images name it: `docker.io`, `quay.io`.
            login: An account there; None for anonymous access.
        """
        self.name = name
        self._login = login
        host = HUB_HOST if name == HUB else name
        self._url = f"{'http' if _is_loopback(host) else 'https'}://{host}"
        self._tokens: dict[str, str] = {}
        self._pools = PoolManager(timeout=_TIMEOUT, retries=False)

    def fetch(self, repository: str, digest: str, target: Path) -> None:
        """Write a blob or manifest to a file, once it was compared with its digest.

        Args:
            repository: A repository there: `library/alpine`.
            digest: What to fetch.
            target: The file; it is removed again if anything fails.

        Raises:
            UpstreamError: The registry does not give it.
            OSError: The file cannot be written.
        """
        try:
            # Most registries give manifests only as such.
            if not any(self._fetched(f"/v2/{repository}/{kind}/{digest}", repository, target) for kind in ("blobs", "manifests")):
                raise UpstreamError(f"{self.name}/{repository} does not have it any more")
            if not has_content(target, digest):
                raise UpstreamError(f"{self.name}/{repository} gave other content than was asked for")
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def _fetched(self, path: str, repository: str, target: Path) -> bool:
        with self._asked(path, repository) as answer:
            if answer.status == HTTPStatus.NOT_FOUND:
                return False
            if answer.status != HTTPStatus.OK:
                raise UpstreamError(f"{self.name} answered {answer.status} to GET {path}")
            with target.open("wb") as file:
                for chunk in answer.stream(_CHUNK, decode_content=False):
                    file.write(chunk)
        return True

    @contextlib.contextmanager
    def _asked(self, path: str, repository: str) -> Iterator[BaseHTTPResponse]:
        """Yield the answer to a request, after a login if the registry wants one."""
        answer = self._follow(path, self._tokens.get(repository, ""))
        try:
            if answer.status == HTTPStatus.UNAUTHORIZED:
                answer.drain_conn()
                self._tokens[repository] = self._authorization(answer.headers.get("WWW-Authenticate", ""), repository)
                answer = self._follow(path, self._tokens[repository])
            yield answer
        except HTTPError as error:
            raise UpstreamError(f"{self.name}: {reason_of(error)}") from error
        finally:
            answer.release_conn()
            answer.close()

    def _follow(self, path: str, authorization: str) -> BaseHTTPResponse:
        """Send a request, and follow where it is sent on to: the account stays with the registry that it is of."""
        url = f"{self._url}{path}"
        for _ in range(_REDIRECTS):
            own = origin(urlsplit(url)) == origin(urlsplit(self._url))
            answer = self._get(
                url, {"Accept": ANY_MANIFEST, **({"Authorization": authorization} if own and authorization else {})}
            )
            if answer.status not in _ELSEWHERE:
                return answer
            answer.drain_conn()
            url = self._secure(urljoin(url, answer.headers.get("Location", "")))
        raise UpstreamError(f"{self.name} sends GET {path} on and on")

    def _authorization(self, challenge: str, repository: str) -> str:
        """Return the header that answers a challenge."""
        scheme, asked = challenge_of(challenge)
        if scheme == "basic" and self._login:
            return self._login.authorization
        if scheme != "bearer" or "realm" not in asked:
            raise UpstreamError(f"{self.name} wants a login, and none is set for it")
        query = {"scope": f"repository:{repository}:pull", **({"service": asked["service"]} if "service" in asked else {})}
        basic = {"Authorization": self._login.authorization} if self._login else {}
        answer = self._get(with_query(self._secure(asked["realm"]), query), basic)
        body = answer.read(_MAX_TOKEN_BYTES)
        if answer.status != HTTPStatus.OK:
            who = f"refuses the account {self._login.name}" if self._login else "gives no token without an account"
            raise UpstreamError(f"{self.name} {who} ({answer.status})")
        try:
            given = json.loads(body)
            return f"Bearer {given.get('token') or given['access_token']}"
        except (ValueError, LookupError, AttributeError):
            raise UpstreamError(f"{self.name} gave no token") from None

    def _get(self, url: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        try:
            return self._pools.request(
                "GET",
                url,
                headers={"User-Agent": "regops", **headers},
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except (HTTPError, OSError) as error:
            raise UpstreamError(f"{self.name}: {reason_of(error)}") from error

    def _secure(self, url: str) -> str:
        """Return a URL that the registry has named, unless accounts or content would be readable on the way there."""
        parts = urlsplit(url)
        if parts.scheme == "https" or (parts.scheme == "http" and self._url.startswith("http:") and _is_loopback(parts.netloc)):
            return url
        raise UpstreamError(f"{self.name} points to {parts.scheme}://{parts.netloc}, which was not followed: it has no TLS")


def _is_loopback(host: str) -> bool:
    """Whether a registry is on this machine, where Docker, too, does without TLS."""
    name = urlsplit(f"//{host}").hostname or ""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(name).is_loopback
    return name == "localhost"
