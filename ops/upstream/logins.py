"""How an upstream registry is logged in to: a token for some repositories at a time, and never twice with what it has refused."""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus

from ops.registry.client import SENDABLE, Login, challenge_of, with_query
from ops.upstream.errors import Cause, UpstreamError
from ops.upstream.line import Reply

# How long a token is valid if its service does not say: https://distribution.github.io/distribution/spec/auth/token/
_TOKEN_LIFETIME_S = 60
_TOKEN_MARGIN_S = 10
# For how many repositories one token is asked for: it is sent in a header, whose length servers limit.
_AT_A_TIME = 16
# After so many repositories for which such a token was no good, the registry is taken to give none.
_DOUBTS = 3
REFUSALS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


class Logins:
    """What is sent to an upstream registry as `Authorization`; several threads may use it at once."""

    def __init__(self, name: str, login: Login | None, ask: Callable[[str, Mapping[str, str]], Reply]) -> None:
        """Begin without any login.

        Args:
            name: What messages call the registry.
            login: An account there; None for anonymous access.
            ask: Sends a GET to where tokens are given.
        """
        self._name, self._login, self._ask = name, login, ask
        self._challenge: tuple[str, Mapping[str, str]] | None = None
        self._tokens: dict[str, tuple[str, float]] = {}
        self._locks: defaultdict[tuple[str, ...], threading.Lock] = defaultdict(threading.Lock)
        self._together: dict[str, tuple[str, ...]] = {}
        self._shared: set[str] = set()
        self._doubts = 0
        self._alone = threading.RLock()
        self._accepted = login is None
        self._refusal: UpstreamError | None = None

    def expect(self, scopes: Sequence[str]) -> None:
        """Name what will be needed: one token is asked for several of them, where the registry gives such."""
        for begin in range(0, len(scopes), _AT_A_TIME):
            group = tuple(scopes[begin : begin + _AT_A_TIME])
            self._together.update((scope, group) for scope in group)

    def authorization(self, scope: str) -> str:
        """Return what to send for a scope at first; empty as long as the registry has not asked for a login.

        Raises:
            UpstreamError: It has refused the account before, or gives no token.
        """
        self._not_refused()
        if self._challenge is None or not self._accepted:
            return ""
        return self._answer(scope, refused="")

    @contextlib.contextmanager
    def challenged(self, header: str, scope: str, refused: str) -> Iterator[str]:
        """Yield what to send after a 401. Until the account was accepted once, all others wait: a wrong one is tried once.

        Args:
            header: The `WWW-Authenticate` of the answer.
            scope: What the request needs.
            refused: What was sent with it.

        Raises:
            UpstreamError: It gives no token, or wants a login and there is none.
        """
        with contextlib.nullcontext() if self._accepted else self._alone:
            self._not_refused()
            self._challenge = challenge_of(header)
            yield self._answer(scope, refused)

    def settle(self, status: int) -> None:
        """Note whether a registry without tokens has accepted the account; call it within `challenged`.

        Raises:
            UpstreamError: It has not.
        """
        if self._accepted:
            return
        if status == HTTPStatus.UNAUTHORIZED:
            raise self._refused(status)
        self._accepted = True

    def _not_refused(self) -> None:
        if self._refusal:
            raise self._refusal.again()

    def _refused(self, status: int) -> UpstreamError:
        name = self._login.name if self._login else ""
        self._refusal = UpstreamError(f"{self._name} refuses the account {name} ({status})", cause=Cause.REFUSED)
        return self._refusal.again()

    def _answer(self, scope: str, refused: str) -> str:
        scheme, asked = self._challenge or ("", {})
        if scheme == "basic" and self._login:
            return self._login.authorization
        if scheme != "bearer" or "realm" not in asked:
            raise UpstreamError(f"{self._name} wants a login, and none is set for it", cause=Cause.REFUSED)
        with self._locks[self._group_of(scope)]:
            token, good_until = self._tokens.get(scope, ("", 0.0))
            if token and token == refused:
                self._alone_from_now(scope)
            if time.monotonic() > good_until or token == refused:
                self._renew(asked, scope)
            return self._tokens[scope][0]

    def is_shared(self, sent: str) -> bool:
        """Whether what was sent is a token for several repositories: if it is refused, one for this alone may not be."""
        return sent in self._shared

    def _group_of(self, scope: str) -> tuple[str, ...]:
        return self._together.get(scope, (scope,)) if self._doubts < _DOUBTS else (scope,)

    def _alone_from_now(self, scope: str) -> None:
        """Ask for a token of its own: the one for several repositories was no good for this one."""
        if len(self._together.pop(scope, ())) > 1:
            self._doubts += 1
            if self._doubts == _DOUBTS:
                for other in self._together:
                    self._tokens.pop(other, None)  # most of them would be refused, too

    def _renew(self, asked: Mapping[str, str], scope: str) -> None:
        group, started = self._group_of(scope), time.monotonic()
        try:
            token, lifetime_s = self._token(asked, group)
        except UpstreamError as error:
            if len(group) == 1 or error.passes or self._refusal:
                raise
            self._alone_from_now(scope)
            group = (scope,)
            token, lifetime_s = self._token(asked, group)
        if len(group) > 1:
            self._shared.add(token)
        for one in group:
            self._tokens[one] = token, started + lifetime_s - _TOKEN_MARGIN_S

    def _token(self, asked: Mapping[str, str], scopes: Sequence[str]) -> tuple[str, float]:
        """Get a token; return it as it is sent, and for how many seconds it is valid."""
        reply = self._from_service(asked, {"scope": scopes})
        if reply.status in REFUSALS:
            raise self._why_refused(reply, asked, scopes[0])
        try:
            given = json.loads(reply.body) if reply.status == HTTPStatus.OK else {}
            token, lifetime_s = given.get("token") or given["access_token"], float(given.get("expires_in") or _TOKEN_LIFETIME_S)
            if not SENDABLE.fullmatch(token) or not math.isfinite(lifetime_s):
                raise ValueError("no token that can be sent")
        except (ValueError, LookupError, AttributeError, TypeError, OverflowError, RecursionError):
            raise UpstreamError(f"{self._name} gave no token ({reply.status} to {reply.asked})", cause=Cause.UNUSABLE) from None
        self._accepted = True
        return f"Bearer {token}", lifetime_s

    def _from_service(self, asked: Mapping[str, str], query: Mapping[str, Sequence[str]]) -> Reply:
        service = {"service": asked["service"]} if "service" in asked else {}
        basic = {"Authorization": self._login.authorization} if self._login else {}
        return self._ask(with_query(asked["realm"], {**query, **service}), basic)

    def _why_refused(self, reply: Reply, asked: Mapping[str, str], scope: str) -> UpstreamError:
        """Tell a wrong account from one that may not pull a repository: GHCR gives no token for what does not exist."""
        if self._login and not self._accepted:
            # What `docker login` sends: no repository stands between the account and its answer.
            if reply.status == HTTPStatus.UNAUTHORIZED or self._from_service(asked, {}).status in REFUSALS:
                return self._refused(reply.status)
            self._accepted = True
        return denied(self._name, scope, self._login, reply.status)


def denied(name: str, scope: str, login: Login | None, status: int) -> UpstreamError:
    """Return the error of a repository that is not given. Many registries answer alike for one that does not exist."""
    kind, _, rest = scope.partition(":")
    if kind != "repository":
        return UpstreamError(
            f"{name} does not list its repositories to {login.name if login else 'everybody'} ({status})", cause=Cause.REFUSED
        )
    why = f"{login.name} may not pull it" if login else "needs a login"
    return UpstreamError(f"{name}: {rest.rpartition(':')[0]} does not exist, or {why} ({status})", cause=Cause.REFUSED)
