"""A client for upstream registries: what they have, how much they still grant, and content by its digest.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md, https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

from ops.config import HUB, HUB_HOST
from ops.registry.client import ANY_MANIFEST, Login, digest_of
from ops.registry.manifests import has_content, hash_of
from ops.registry.references import MAX_MANIFEST_BYTES
from ops.registry.transport import origin
from ops.registry.tree import DIGEST
from ops.upstream.budget import Budget
from ops.upstream.errors import Cause, UpstreamError
from ops.upstream.line import Line, Reply, named_by
from ops.upstream.logins import REFUSALS, Logins, denied
from ops.upstream.referrers import Referrer, referrers_in

__all__ = ["Budget", "Cause", "Head", "Manifest", "Upstream", "UpstreamError"]

_REDIRECTS = 5
_ELSEWHERE = {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND, HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT}
# How much is asked for at a time, and how often; registries give less if they want to.
_PAGE, _PAGES = 1000, 1000
_NEXT = re.compile(r'<([^>]*)>\s*;[^,<]*\brel="?next\b')
_CATALOG = "registry:catalog:*"
_LENGTH = re.compile("[0-9]{1,18}")


@dataclass(frozen=True)
class Head:
    """What a registry tells of a manifest without giving it.

    Attributes:
        digest: Its digest.
        media_type: What kind of manifest it is.
        size: How many bytes it has; None if the registry does not say.
    """

    digest: str
    media_type: str
    size: int | None


@dataclass(frozen=True)
class Manifest:
    """A manifest.

    Attributes:
        content: Its bytes.
        media_type: What kind of manifest it is.
        digest: Its digest, which it was compared with.
    """

    content: bytes
    media_type: str
    digest: str


class Upstream:
    """An upstream registry; several threads may use it at once. They share its connections, tokens, and what they learn."""

    def __init__(
        self,
        name: str,
        login: Login | None = None,
        *,
        ca: str | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Make a client.

        Args:
            name: Its host, with a port if it needs one, as images name it: `docker.io`, `quay.io`.
            login: An account there; None for anonymous access.
            ca: Certificates (PEM) that vouch for it besides the public ones. With them it has TLS wherever it is.
            pause: Waits for so many seconds.
        """
        self.name = name
        self._login = login
        self._without_lists = set[str]()
        host = HUB_HOST if name == HUB else name
        self._url = f"{'https' if has_tls(host, ca) else 'http'}://{host}"
        self._line = Line(name, tls=self._url.startswith("https:"), ca=ca, pause=pause)
        self._logins = Logins(name, login, lambda url, headers: self._line.ask("GET", self._secure(url, ""), headers))

    @property
    def budget(self) -> Budget | None:
        """How many pulls it grants, as its last answer that said so; None if none did: nothing is limited then."""
        return self._line.budget

    def expect(self, repositories: Iterable[str]) -> None:
        """Name the repositories that will be asked for, so that one token may do for several of them."""
        self._logins.expect([_pull(name) for name in repositories])

    def tags(self, repository: str) -> list[str]:
        """Return all tags of a repository, in the registry's order.

        Raises:
            UpstreamError: The registry does not give them.
        """
        return self._listed(f"/v2/{repository}/tags/list", "tags", _pull(repository))

    def repositories(self) -> list[str]:
        """Return all repositories that the registry lists. Docker Hub and many others list none to anybody.

        Raises:
            UpstreamError: The registry does not give them.
        """
        return self._listed("/v2/_catalog", "repositories", _CATALOG)

    def referrers(self, repository: str, digest: str) -> list[Referrer] | None:
        """Return what the registry lists as referring to a manifest, which is no pull; None if it has no such lists.

        Raises:
            UpstreamError: It does not answer.
        """
        if repository in self._without_lists:
            return None
        path, found = f"/v2/{repository}/referrers/{digest}", list[Referrer]()
        try:
            for reply in self._pages(path, path, _pull(repository)):
                found += referrers_in(reply.body)
        except UpstreamError as error:
            if error.passes:
                raise
        except ValueError:
            pass
        else:
            return found
        self._without_lists.add(repository)
        return None

    def head(self, repository: str, reference: str) -> Head:
        """Return what a tag or digest stands for. It is no pull, unless the registry tells no digest otherwise.

        Raises:
            UpstreamError: The registry does not tell.
        """
        reply = self._manifest("HEAD", repository, reference)
        digest, size = reply.headers.get("Docker-Content-Digest", ""), reply.headers.get("Content-Length", "")
        if not DIGEST.fullmatch(digest):
            found = self.manifest(repository, reference)
            return Head(found.digest, found.media_type, len(found.content))
        return Head(digest, _media_type(reply), int(size) if _LENGTH.fullmatch(size) else None)

    def manifest(self, repository: str, reference: str) -> Manifest:
        """Return the manifest of a tag or digest. It is a pull, which Docker Hub counts.

        Raises:
            UpstreamError: The registry does not give it.
        """
        reply = self._manifest("GET", repository, reference)
        told = reply.headers.get("Docker-Content-Digest", "")
        expected = reference if ":" in reference else told if DIGEST.fullmatch(told) else digest_of(reply.body)
        hashed = hash_of(expected)
        if hashed:
            hashed.update(reply.body)
        if len(reply.body) > MAX_MANIFEST_BYTES or not hashed or hashed.hexdigest() != expected.partition(":")[2]:
            raise self._other_content(repository)
        return Manifest(reply.body, _media_type(reply), expected)

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
                raise UpstreamError(f"{self.name}/{repository} does not have it any more", cause=Cause.MISSING)
            if not has_content(target, digest):
                raise self._other_content(repository)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def _fetched(self, path: str, repository: str, target: Path) -> bool:
        with target.open("wb") as file:
            reply = self._asked("GET", path, _pull(repository), into=file)
        if reply.status == HTTPStatus.NOT_FOUND:
            return False
        if reply.status != HTTPStatus.OK:
            raise self._error(reply, _pull(repository), repository)
        return True

    def _manifest(self, method: str, repository: str, reference: str) -> Reply:
        reply = self._asked(method, f"/v2/{repository}/manifests/{reference}", _pull(repository))
        if reply.status != HTTPStatus.OK:
            raise self._error(reply, _pull(repository), f"{repository}{'@' if ':' in reference else ':'}{reference}")
        return reply

    def _listed(self, path: str, key: str, scope: str) -> list[str]:
        """Return all items of a list that comes in pages."""
        pages = self._pages(f"{path}?n={_PAGE}", path, scope)
        return list(dict.fromkeys(item for reply in pages for item in self._items(reply, key)))

    def _pages(self, first: str, path: str, scope: str) -> Iterator[Reply]:
        """Yield the pages of a list; where pages of the wanted size are refused, those of the path alone."""
        page, seen = first, set[str]()
        while page not in seen and len(seen) < _PAGES:
            seen.add(page)
            reply = self._asked("GET", page, scope)
            if reply.status == HTTPStatus.BAD_REQUEST and page == first != path:
                page = path  # its pages are smaller, and it says so this way
                continue
            if reply.status != HTTPStatus.OK:
                raise self._error(reply, scope, path.removeprefix("/v2/").removesuffix("/tags/list"))
            yield reply
            further = _NEXT.search(reply.headers.get("Link", ""))
            if not further:
                return
            page = self._own(f"{self._url}{page}", further[1])
        raise UpstreamError(f"{self.name}: the list at {path} never ends", cause=Cause.UNUSABLE)

    def _items(self, reply: Reply, key: str) -> list[str]:
        try:
            items: Any = json.loads(reply.body)[key] or []  # distribution writes null for none
            if isinstance(items, list) and all(isinstance(one, str) for one in items):
                return items
        except (ValueError, LookupError, TypeError, RecursionError):
            pass
        raise UpstreamError(f"{self.name} answered GET {reply.asked.partition(' ')[2]} without {key}", cause=Cause.UNUSABLE)

    def _own(self, page: str, further: str) -> str:
        """Return the path of a further page, which only this registry may give."""
        parts = named_by(self.name, further, page)
        if origin(parts) != origin(urlsplit(self._url)):
            message = f"{self.name} points to {parts.scheme}://{parts.netloc} for the next page, which was not followed"
            raise UpstreamError(message, cause=Cause.UNUSABLE)
        return f"{parts.path}?{parts.query}"

    def _asked(self, method: str, path: str, scope: str, into: BinaryIO | None = None) -> Reply:
        """Send a request, and log in if the registry wants that."""
        sent = self._logins.authorization(scope)
        reply = self._follow(method, path, sent, into)
        while reply.status == HTTPStatus.UNAUTHORIZED:
            with self._logins.challenged(reply.headers.get("WWW-Authenticate", ""), scope, sent) as sent:
                reply = self._follow(method, path, sent, into)
                self._logins.settle(reply.status)
            if not self._logins.is_shared(sent):
                break
        return reply

    def _follow(self, method: str, path: str, authorization: str, into: BinaryIO | None) -> Reply:
        """Send a request, and follow where it is sent on to: the account stays with the registry that it is of."""
        url = f"{self._url}{path}"
        for _ in range(_REDIRECTS):
            own = origin(urlsplit(url)) == origin(urlsplit(self._url))
            headers = {"Accept": ANY_MANIFEST, **({"Authorization": authorization} if own and authorization else {})}
            reply = self._line.ask(method, url, headers, into)
            if reply.status not in _ELSEWHERE:
                return reply
            url = self._secure(reply.headers.get("Location", ""), url)
        raise UpstreamError(f"{self.name} sends {method} {path} on and on", cause=Cause.UNUSABLE)

    def _secure(self, url: str, base: str) -> str:
        """Return a URL that the registry has named, unless accounts or content would be readable on the way there."""
        parts = named_by(self.name, url, base)
        if parts.scheme == "https" or (parts.scheme == "http" and self._url.startswith("http:") and _is_loopback(parts.netloc)):
            return urlunsplit(parts)
        message = f"{self.name} points to {parts.scheme}://{parts.netloc}, which was not followed: it has no TLS"
        raise UpstreamError(message, cause=Cause.UNUSABLE)

    def _error(self, reply: Reply, scope: str, what: str) -> UpstreamError:
        """Return what an answer means that is not the one asked for."""
        if reply.status in REFUSALS:
            return denied(self.name, scope, self._login, reply.status)
        if reply.status == HTTPStatus.NOT_FOUND:
            unknown = b"NAME_UNKNOWN" in reply.body or what == _repository(scope)
            missing = f"repository: {_repository(scope)}" if unknown else f"image: {what}"
            return UpstreamError(f"{self.name}: no such {missing}", cause=Cause.MISSING)
        return UpstreamError(f"{self.name} answered {reply.status} to {reply.asked}", cause=Cause.UNUSABLE)

    def _other_content(self, repository: str) -> UpstreamError:
        return UpstreamError(f"{self.name}/{repository} gave other content than was asked for", cause=Cause.UNUSABLE)


def _pull(repository: str) -> str:
    """The scope of what is read from a repository."""
    return f"repository:{repository}:pull"


def _repository(scope: str) -> str:
    return scope.partition(":")[2].rpartition(":")[0]


def _media_type(reply: Reply) -> str:
    return reply.headers.get("Content-Type", "").partition(";")[0].strip()


def _is_loopback(host: str) -> bool:
    """Whether a registry is on this machine, where Docker, too, does without TLS."""
    name = urlsplit(f"//{host}").hostname or ""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(name).is_loopback
    return name == "localhost"


def has_tls(registry: str, ca: str | None = None) -> bool:
    """Whether a registry is asked with TLS: all are, but those on this machine for which no certificate vouches."""
    return bool(ca) or not _is_loopback(registry)
