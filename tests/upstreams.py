"""An upstream registry as they are on the Internet: a real one behind a front that limits, wants logins, hangs and cuts.

The front is a stand-in for what Docker Hub, GHCR or quay.io put before theirs; the content is the real registry's.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from urllib3 import HTTPConnectionPool

from ops.upstream.budget import Budget
from tests.loopback_server import Answer, serving

PULLS_USED_UP = (
    "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"  # Docker Hub's words
)
_MANIFEST = re.compile(r"/v2/.+/manifests/[^/]+")
_CATALOG = "/v2/_catalog"
_TAGS = re.compile(r"/v2/(.+)/tags/list")
_REFERRERS = re.compile(r"/v2/(.+)/referrers/(sha256:[0-9a-f]{64})")
_REPOSITORY = re.compile(r"/v2/(.+)/(?:manifests|blobs|tags|referrers)/[^/]+")
_PASSED_ON = ("content-type", "docker-content-digest", "location", "etag", "link")
_LONGEST_S = 300.0


@dataclass
class Front:
    """Stands before a real registry that is open to everybody. Everything may be changed while it runs.

    Attributes:
        upstream: The registry's URL.
        latency_s: How long each request takes at least.
        token: Whether it wants tokens, which it gives itself.
        basic: Whether it wants the account with each request.
        login: The only account that it takes; None if it has none, and gives tokens to everybody.
        anonymous: Whether it gives tokens without an account although it has one.
        private: Repositories that it denies to everybody, as Docker Hub does those that do not exist.
        untold: Repositories for which it gives no tokens, as GHCR does.
        account_status: What it answers to a wrong account.
        token_life_s: How long its tokens are valid.
        scopes: For how many repositories one of them is given at most; the further ones that are asked for are left out.
        one_scope: Whether it refuses to be asked for more than that.
        budget: What it grants: each GET of a manifest is a pull; none for everything.
        busy: How many of the next requests are answered 429, shortly, as they came too fast.
        busy_tokens: How many of the next requests for tokens are.
        retry_after: What it says then.
        failing: How many of the next requests are answered 503.
        resets: How many of the next requests get no answer at all.
        hang: Beginnings of paths that are never answered; "/" for all.
        cut_after: After how many bytes the body of each longer answer ends.
        page: How many tags or repositories it lists at a time; all of them for None.
        links_to: The host that it says has the next page; empty to name a path only.
        digests: Whether it tells digests of manifests.
        referrers: Whether it lists referrers: what the tags name that the real registry keeps them in, which has no such lists.
        requests: Method and path, with its query, of each request, in their order.
        logins: The names that asked for tokens with a password, or came with one, in their order.
        connections: How many connections were opened.
        busiest: How many requests were under way at once, at most.
    """

    upstream: str
    latency_s: float = 0.0
    token: bool = False
    basic: bool = False
    login: tuple[str, str] | None = None
    anonymous: bool = False
    private: set[str] = field(default_factory=set)
    untold: set[str] = field(default_factory=set)
    account_status: int = 401
    token_life_s: int = 300
    scopes: int = 1
    one_scope: bool = False
    budget: Budget | None = None
    busy: int = 0
    busy_tokens: int = 0
    retry_after: str = ""
    failing: int = 0
    resets: int = 0
    hang: set[str] = field(default_factory=set)
    cut_after: int | None = None
    page: int | None = None
    links_to: str = ""
    digests: bool = True
    referrers: bool = False
    requests: list[tuple[str, str]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    connections: int = 0
    busiest: int = 0
    port: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._tokens: dict[str, tuple[Sequence[str], float]] = {}
        self._under_way = 0
        parts = urlsplit(self.upstream)
        self._registry = HTTPConnectionPool(parts.hostname or "", parts.port, maxsize=64)

    @property
    def address(self) -> str:
        """Its host and port, as images name it."""
        return f"127.0.0.1:{self.port}"

    def counted(self, method: str, kind: str) -> int:
        """Return how many requests there were of a method, with a text in their path."""
        return sum(one == method and kind in path for one, path in self.requests)

    @property
    def pulls(self) -> int:
        """How many manifests were asked for with GET."""
        return sum(method == "GET" and bool(_MANIFEST.fullmatch(path)) for method, path in self.requests)

    @contextlib.contextmanager
    def running(self) -> Iterator[Front]:
        """Run it on loopback."""
        with serving(self._answer, port=self.port, connected=self._connected) as self.port:
            try:
                yield self
            finally:
                self._closing.set()
                self._registry.close()

    def forget_tokens(self) -> None:
        """Take none of the tokens any more that were given."""
        self._tokens.clear()

    def _connected(self) -> None:
        with self._lock:
            self.connections += 1

    def _answer(self, method: str, target: str, headers: Mapping[str, str]) -> Answer | None:
        """Count a request, take its time, and answer it."""
        with self._lock:
            self.requests.append((method, target))
            self._under_way += 1
            self.busiest = max(self.busiest, self._under_way)
            reset, self.resets = self.resets > 0, max(0, self.resets - 1)
        try:
            if any(target.startswith(start) for start in self.hang):
                self._closing.wait(_LONGEST_S)
                return None
            if self.latency_s:
                time.sleep(self.latency_s)
            return None if reset else self._cut(self._decided(method, target, headers))
        finally:
            with self._lock:
                self._under_way -= 1

    def _cut(self, answer: Answer) -> Answer:
        status, headers, body = answer
        if self.cut_after is None or len(body) <= self.cut_after:
            return answer
        return status, {**headers, "Content-Length": str(len(body))}, body[: self.cut_after]

    def _decided(self, method: str, target: str, headers: Mapping[str, str]) -> Answer:
        path = urlsplit(target).path
        if path == "/token":
            return self._token(target, headers)
        for refusal in (self._busy(), self._unknown(target, headers)):
            if refusal:
                return refusal
        told = self._pulled(method, path)
        if self.budget and told and method == "GET" and self.budget.remaining < 0:
            self.budget = Budget(self.budget.limit, 0, self.budget.window_s)
            return 429, told, _errors("TOOMANYREQUESTS", PULLS_USED_UP)
        if path == _CATALOG and self.page is not None:
            last = parse_qs(urlsplit(target).query).get("last", [""])[0]
            target = f"{_CATALOG}?n={self.page}{f'&last={last}' if last else ''}"
        if listed := _TAGS.fullmatch(path):
            return self._tags(target, listed[1])
        if self.referrers and (asked := _REFERRERS.fullmatch(path)):
            return self._listed_referrers(asked[1], asked[2])
        return self._passed_on(method, target, headers, told)

    def _listed_referrers(self, repository: str, digest: str) -> Answer:
        path, kind = f"/v2/{repository}/manifests/{digest.replace(':', '-', 1)}", "application/vnd.oci.image.index.v1+json"
        status, _, body = self._passed_on("GET", path, {"Accept": kind}, {})
        none = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": []}).encode()
        return 200, {"Content-Type": kind}, body if status == 200 else none

    def _busy(self) -> Answer | None:
        with self._lock:
            if self.failing:
                self.failing -= 1
                return 503, {}, b"away"
            if self.busy:
                self.busy -= 1
                return 429, self._later(), b"Too Many Requests\n"
        return None

    def _later(self) -> dict[str, str]:
        return {"Retry-After": self.retry_after} if self.retry_after else {}

    def _unknown(self, target: str, headers: Mapping[str, str]) -> Answer | None:
        """Refuse who may not see what is asked for."""
        given = headers.get("Authorization", "")
        repository = _repository_of(target)
        if self.basic:
            if given:
                self._signed_in(given)
            if given != _basic(self.login):
                return (
                    self.account_status if given else 401,
                    {"WWW-Authenticate": 'Basic realm="front"'},
                    _errors("UNAUTHORIZED", ""),
                )
        if self.token:
            scopes, good_until = self._tokens.get(given, ((), 0.0))
            wanted = f"repository:{repository}:pull" if repository else "registry:catalog:*"
            if wanted not in scopes or time.monotonic() > good_until or repository in self.private:
                challenge = f'Bearer realm="http://{self.address}/token",service="front",scope="{wanted}"'
                if given:
                    challenge += ',error="insufficient_scope"'
                return 401, {"WWW-Authenticate": challenge}, _errors("UNAUTHORIZED", "authentication required")
        elif repository in self.private:
            return 403, {}, _errors("DENIED", "requested access to the resource is denied")
        return None

    def _signed_in(self, authorization: str) -> None:
        name = base64.b64decode(authorization.partition(" ")[2]).decode().partition(":")[0]
        with self._lock:
            self.logins.append(name)

    def _token(self, target: str, headers: Mapping[str, str]) -> Answer:
        with self._lock:
            if self.busy_tokens:
                self.busy_tokens -= 1
                return 429, self._later(), b""
        given = headers.get("Authorization", "")
        if given:
            self._signed_in(given)
        if self.login and given != _basic(self.login) and (given or not self.anonymous):
            return self.account_status if given else 401, {}, _errors("DENIED", "denied")
        scopes = parse_qs(urlsplit(target).query).get("scope", [""])
        names = {scope.removeprefix("repository:").removesuffix(":pull") for scope in scopes}
        if names & self.untold or (self.one_scope and len(scopes) > self.scopes):
            return 403, {}, _errors("DENIED", "requested access to the resource is denied")
        token = secrets.token_hex(8)
        self._tokens[f"Bearer {token}"] = scopes[: self.scopes], time.monotonic() + self.token_life_s
        return 200, {"Content-Type": "application/json"}, json.dumps({"token": token, "expires_in": self.token_life_s}).encode()

    def _pulled(self, method: str, path: str) -> dict[str, str]:
        """Count a pull down; return the headers that tell it. What is left may be -1: that pull was one too many."""
        if not self.budget or not _MANIFEST.fullmatch(path):
            return {}
        with self._lock:
            left = self.budget.remaining - (method == "GET")
            self.budget = Budget(self.budget.limit, left, self.budget.window_s)
        window = f";w={self.budget.window_s}"
        return {"ratelimit-limit": f"{self.budget.limit}{window}", "ratelimit-remaining": f"{max(0, left)}{window}"}

    def _tags(self, target: str, repository: str) -> Answer:
        """List tags a page at a time, whatever is asked for, as registries with many tags do."""
        if self.page is None:
            return self._passed_on("GET", target, {}, {})
        status, headers, body = self._passed_on("GET", urlsplit(target).path, {}, {})
        if status != 200:
            return status, headers, body
        tags, last = json.loads(body)["tags"] or [], parse_qs(urlsplit(target).query).get("last", [""])[0]
        rest = [tag for tag in sorted(tags) if tag > last]
        shown = rest[: self.page]
        if len(rest) > len(shown):
            link = f"/v2/{repository}/tags/list?n={self.page}&last={shown[-1]}"
            headers["Link"] = f'<{f"http://{self.links_to}" if self.links_to else ""}{link}>; rel="next"'
        return status, headers, json.dumps({"name": repository, "tags": shown}).encode()

    def _passed_on(self, method: str, target: str, headers: Mapping[str, str], told: dict[str, str]) -> Answer:
        accepted = {name: value for name, value in headers.items() if name.lower() in {"accept", "range"}}
        reply = self._registry.request(method, target, headers=accepted, redirect=False, retries=False)
        given = {name: value for name, value in reply.headers.items() if name.lower() in _PASSED_ON}
        if not self.digests:
            given.pop("Docker-Content-Digest", None)
        if method == "HEAD":
            given["Content-Length"] = reply.headers.get("Content-Length", "0")
        return reply.status, {**given, **told}, reply.data


def _repository_of(target: str) -> str:
    found = _REPOSITORY.fullmatch(urlsplit(target).path)
    return found[1] if found else ""


def _basic(login: tuple[str, str] | None) -> str:
    return "Basic " + base64.b64encode(":".join(login or ("", "")).encode()).decode()


def _errors(code: str, message: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()
