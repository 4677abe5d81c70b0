"""The check with a canary image: signs in, pushes it, pulls it anonymously, compares, and deletes the previous one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus

from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER, Action, container_name
from ops.core.findings import Check
from ops.registry.canary import REPOSITORY, Canary
from ops.registry.client import RegistryClient, digest_of
from ops.registry.transport import (
    DowngradeError,
    InsecureError,
    MismatchError,
    RegistryBusyError,
    RegistryError,
    ThrottledError,
    UnreachableError,
)
from ops.tasks.doctor.checks.steps import Skipped, Step, run_steps

_AWAY = "`regops status` shows whether edge, registry and gateway are healthy, and what to do if one is not"
_BUSY = f"run it again after maintenance; if nothing is running, remove {READ_ONLY_FOLDER}/{READ_ONLY_FILE} in the stack's folder"
# These hold wherever the doctor runs.
BEHIND_PROXY = (
    "a proxy in front of the edge ends TLS: set registry_host to the name that clients use and edge.trusted_proxies to the "
    "proxy's address, then run `up`"
)
THROTTLED = "run it again then; `regops status` on the registry's server says which account fails, and from which address"
# Errors that can happen at any step; of two kinds that fit, the first.
_OF_ANY_STEP = (
    (DowngradeError, BEHIND_PROXY),
    (InsecureError, "pass the registry's own https address with --url"),
    (RegistryBusyError, _BUSY),
    (ThrottledError, THROTTLED),
)
CLOSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
# A canary is a few kilobytes.
_LARGEST = 2**20


class CanaryCheck:
    """Checks one registry with one canary."""

    def __init__(
        self,
        account: RegistryClient,
        anybody: RegistryClient,
        *,
        canary: Canary,
        tag: str,
        anonymous: frozenset[Action] | None,
        who: str = "the operator",
        stack: str = "",
    ) -> None:
        """Prepare the check.

        Args:
            account: A client that signs in.
            anybody: A client that does not.
            canary: The image to push and pull.
            tag: Its tag.
            anonymous: What the settings let anonymous clients do with the canary's repository; None where the settings are
                unknown, and where the account may lack the right to delete.
            who: Whose account it is.
            stack: The name of the stack that it is checked on, if that is known.
        """
        self._account = account
        self._anybody = anybody
        self._canary = canary
        self._tag = tag
        self._anonymous = anonymous
        self._who, self._stack = who, stack
        self._before = ""

    def run(self) -> list[Check]:
        """Run all steps in order, up to the first that fails."""
        logs = {service: f"`docker logs {container_name(self._stack, service)}`" for service in ("cache", "gateway", "registry")}
        either = f"{logs['registry']} and {logs['gateway']} say why"
        steps: Sequence[Step] = [
            (
                "answers",
                lambda: token_service(self._anybody),
                "the registry must tell clients where to get tokens; `up` configures that",
            ),
            ("login", self._login, "run `up`; it gives gateway and host the same password"),
            ("push", self._push, f"{either}; `regops status` whether the disk is full"),
            ("closed", self._closed, "run `up` to restore the gateway's configuration, then check what was pushed meanwhile"),
            ("pull", self._pull, either),
            ("cleanup", self._cleanup, f"{logs['registry']} and {logs['cache']} say why; deleting needs the cache"),
        ]
        return run_steps(steps, lambda error: _remedy(error, self._stack))

    def _login(self) -> str:
        self._account.request("GET", "/v2/", scope="").expect(HTTPStatus.OK)
        return f"{self._who} signed in"

    def _push(self) -> str:
        there = self._account.manifest(REPOSITORY, self._tag)
        self._before = there.headers.get("Docker-Content-Digest", "") if there.status == HTTPStatus.OK else ""
        for blob in self._canary.blobs:
            self._account.push_blob(REPOSITORY, blob)
        self._account.push_manifest(REPOSITORY, self._tag, self._canary.manifest)
        return f"{self._who} pushed {REPOSITORY}:{self._tag}@{self._canary.digest}"

    def _closed(self) -> str:
        if self._anonymous is None:
            raise Skipped("only the server knows what anonymous clients may do")
        if "push" in self._anonymous:
            raise Skipped("the settings let anyone push")
        scope = f"repository:{REPOSITORY}:pull,push"
        answer = self._anybody.request("POST", f"/v2/{REPOSITORY}/blobs/uploads/", scope=scope)
        if answer.status not in CLOSED:
            raise RegistryError(f"anyone can push without signing in: {answer.asked} was answered {answer}")
        return "nobody can push without signing in"

    def _pull(self) -> str:
        if "pull" not in (self._anonymous or ()):
            answer = self._anybody.manifest(REPOSITORY, self._tag)
            if answer.status in CLOSED:
                self._compare(self._account)
                return f"{self._who} pulled it, and it is what was pushed; the settings allow no anonymous pulls"
            if self._anonymous is not None:
                raise RegistryError(f"the settings allow no anonymous pulls, but {answer.asked} was answered {answer}")
        self._compare(self._anybody)
        return "anyone can pull it, and it is what was pushed"

    def _compare(self, client: RegistryClient) -> None:
        if (digest := pull_and_verify(client, self._tag)) != self._canary.digest:
            raise MismatchError(f"{self._tag} should be {self._canary.digest}, but is {digest}")

    def _cleanup(self) -> str:
        if self._before in {"", self._canary.digest}:
            raise Skipped("there is no older canary")
        # Not found: another run has already deleted it.
        answer = self._account.delete_manifest(REPOSITORY, self._before)
        if self._anonymous is None and answer.status in CLOSED:
            raise Skipped(f"{self._who} may not delete, so the older canary stays: {self._before}")
        answer.expect(HTTPStatus.ACCEPTED, HTTPStatus.NOT_FOUND)
        return f"{self._who} deleted the older canary, {self._before}"


def token_service(client: RegistryClient) -> str:
    """Say where a registry sends its clients for tokens.

    Raises:
        RegistryError: It does not, or it does not answer.
    """
    return f"the registry answers, and sends clients to {client.challenge()['realm']} for tokens"


def pull_and_verify(client: RegistryClient, tag: str) -> str:
    """Pull the canary of a tag, verify all digests, and return the digest of its manifest.

    Raises:
        MismatchError: The content does not match the digests.
        RegistryError: It cannot be pulled, or is not a canary.
    """
    pulled = client.manifest(REPOSITORY, tag).expect(HTTPStatus.OK)
    told = pulled.headers.get("Docker-Content-Digest", "")
    if digest_of(pulled.body) != told:
        raise MismatchError(
            f"{tag} should be {told or 'nothing'}, but the content is {digest_of(pulled.body)} ({len(pulled.body)} bytes)"
        )
    for digest, size in _blobs(tag, pulled.body):
        came = client.blob(REPOSITORY, digest).expect(HTTPStatus.OK).body
        if digest_of(came) != digest:
            raise MismatchError(f"blob {digest} arrived as {digest_of(came)} ({len(came)} of {size} bytes)")
    return told


def _blobs(tag: str, manifest: bytes) -> Sequence[tuple[str, int]]:
    """Return digest and size of the blobs that a manifest references."""
    try:
        document = json.loads(manifest)
        blobs = [(str(blob["digest"]), int(blob["size"])) for blob in (document["config"], *document["layers"])]
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
        blobs = []
    if not blobs or sum(size for _, size in blobs) > _LARGEST:
        raise RegistryError(f"{REPOSITORY}:{tag} is not a canary: something else was pushed there")
    return blobs


def _remedy(error: RegistryError, stack: str) -> str:
    """Return the remedy for errors that can happen at any step; empty for others."""
    if isinstance(error, MismatchError):
        cache = container_name(stack, "cache")
        return f"`docker restart {cache}` empties the cache; if it stays, stored data is damaged: compare it with a backup"
    known = next((remedy for kind, remedy in _OF_ANY_STEP if isinstance(error, kind)), "")
    return _unreachable(str(error), stack) if isinstance(error, UnreachableError) else known


def _unreachable(problem: str, stack: str) -> str:
    """Return the remedy for a registry that cannot be reached."""
    if "name is not known" in problem:
        return "point the registry's name to the server's address in DNS, then run it again"
    if "certificate" in problem or "TLS" in problem:
        return f"`docker logs {container_name(stack, 'edge')}` says why it has no certificate; its name must point to this server"
    return _AWAY
