"""Reads tags and digests through the registry's API, over several connections: what gets no answer is unknown.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#content-discovery
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TypeVar

from ops.registry.client import ANY_MANIFEST, RegistryClient
from ops.registry.transport import Answer, RegistryError, UnreachableError
from ops.tasks.changes.model import IGNORED, Scan, Unknown

# 32 took longer: they wait for each other in the registry.
CONNECTIONS = 8
_TAGS_PER_PAGE = 1000
# More than a million names, a hundred at a time.
_PAGES = 20_000
_NEXT = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_T = TypeVar("_T")


def scan_of_registry(client: RegistryClient) -> Scan:
    """Ask for all repositories, tags and digests.

    Args:
        client: The registry, as an account that may list repositories. Give it a `PooledEndpoint`, and some patience.

    Raises:
        RegistryError: Nothing can be read: it is down, or does not let this account list its repositories.
    """
    return _Asker(client).scan()


class _Asker:
    def __init__(self, client: RegistryClient) -> None:
        self._client = client
        self._tokens = True
        self._failures = 0  # unanswered requests in a row; threads may miscount it slightly

    def scan(self) -> Scan:
        challenged = self._client.request("GET", "/v2/").expect(HTTPStatus.OK, HTTPStatus.UNAUTHORIZED)
        self._tokens = challenged.status == HTTPStatus.UNAUTHORIZED
        names: set[str] = set()
        missing = None
        try:
            for page in self._pages("/v2/_catalog", "registry:catalog:*", "repositories"):
                names.update(page)
        except RegistryError as error:
            if not names:
                raise
            missing = Unknown(str(error))
        repositories = sorted(names - IGNORED)
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            listed = dict(zip(repositories, threads.map(self._tags, repositories), strict=True))
            pairs = [(name, tag) for name, tags in listed.items() if not isinstance(tags, Unknown) for tag in tags]
            digests = dict(zip(pairs, threads.map(self._digest, pairs), strict=True))
        return Scan(
            {
                name: tags if isinstance(tags, Unknown) else {tag: digests[name, tag] for tag in tags}
                for name, tags in listed.items()
            },
            missing,
        )

    def _tags(self, repository: str) -> list[str] | Unknown:
        def ask() -> list[str]:
            pages = self._pages(f"/v2/{repository}/tags/list?n={_TAGS_PER_PAGE}", f"repository:{repository}:pull", "tags")
            return sorted({tag for page in pages for tag in page})

        return self._seen(ask)

    def _digest(self, pair: tuple[str, str]) -> str | Unknown:
        repository, tag = pair
        return self._seen(lambda: self._head(repository, tag))

    def _head(self, repository: str, tag: str) -> str:
        target = f"/v2/{repository}/manifests/{tag}"
        answer = self._request("HEAD", target, f"repository:{repository}:pull", {"Accept": ANY_MANIFEST})
        # Not even a 404 proves removal, since the tag was listed: its manifest may be lost, or the next list will lack the tag.
        digest = answer.expect(HTTPStatus.OK).headers.get("Docker-Content-Digest", "")
        if not _DIGEST.fullmatch(digest):
            raise RegistryError(f"{answer.asked} was answered without a digest")
        return digest

    def _seen(self, ask: Callable[[], _T]) -> _T | Unknown:
        """Return the answer, or why there is none. A registry that has stopped answering is not asked for all the rest."""
        if self._failures >= CONNECTIONS:
            return Unknown("not asked: the registry had stopped answering")
        try:
            found = ask()
        except RegistryError as error:
            self._failures = self._failures + 1 if isinstance(error, UnreachableError) else 0
            return Unknown(str(error))
        self._failures = 0
        return found

    def _pages(self, target: str, scope: str, key: str) -> Iterator[list[str]]:
        """Yield the pages of a list: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags."""
        asked = set[str]()
        while target not in asked and len(asked) < _PAGES:
            asked.add(target)
            answer = self._request("GET", target, scope, {})
            if answer.status == HTTPStatus.NOT_FOUND and answer.error[0] == "NAME_UNKNOWN":
                return  # a repository whose last tag was removed
            answer.expect(HTTPStatus.OK)
            yield _names(answer, key)
            following = _NEXT.search(answer.headers.get("Link", ""))
            if not following:
                return
            target = following[1]
        raise RegistryError(f"{answer.asked}: its pages never end")

    def _request(self, method: str, target: str, scope: str, headers: Mapping[str, str]) -> Answer:
        return self._client.request(method, target, scope=scope if self._tokens else None, headers=headers)


def _names(answer: Answer, key: str) -> list[str]:
    try:
        names = json.loads(answer.body)[key] or []  # null: older registries answer that when the last tag is gone
        if all(isinstance(name, str) for name in names):
            return list(names)
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    raise RegistryError(f"{answer.asked} was answered without a list of {key}")
