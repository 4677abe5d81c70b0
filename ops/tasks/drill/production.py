"""What the registry that runs serves now, as its clients see it."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from ops.config import ConfigError
from ops.registry.client import ANY_MANIFEST, RegistryClient
from ops.registry.transport import Endpoint
from ops.stack.registry import operator_login
from ops.stack.stack import Stack
from ops.tasks.drill.plan import Candidate

_CLOSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class Production:
    """The registry that runs."""

    def __init__(self, stack: Stack) -> None:
        """Make a client of it, with the stack's own account if it can be read."""
        try:
            login = operator_login(stack)
        except ConfigError:
            login = None
        self._client = RegistryClient(Endpoint(stack.config.url, stack.config.ca, stack.config.resolve), login)

    def compare(self, tried: Sequence[Candidate]) -> tuple[list[str], list[str]]:
        """Return which tags point to something else by now, and which are gone.

        Raises:
            RegistryError: It does not answer.
        """
        moved, gone = list[str](), list[str]()
        for one in tried:
            now = self._digest(one.repository, one.tag)
            if now is None:
                gone.append(str(one))
            elif now != one.digest:
                moved.append(str(one))
        return moved, gone

    def _digest(self, repository: str, tag: str) -> str | None:
        target, headers = f"/v2/{repository}/manifests/{tag}", {"Accept": ANY_MANIFEST}
        answer = self._client.request("HEAD", target, headers=headers)
        if answer.status in _CLOSED:
            answer = self._client.request("HEAD", target, headers=headers, scope=f"repository:{repository}:pull")
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        return answer.expect(HTTPStatus.OK).headers.get("Docker-Content-Digest", "")
