"""The canary's way: signs in, pushes it, pulls it as anybody, compares, and deletes the one before it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus

from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER, Action
from ops.core.findings import Check
from ops.registry.canary import REPOSITORY, Canary
from ops.registry.client import RegistryClient, digest_of
from ops.registry.transport import InsecureError, MismatchError, RegistryBusyError, RegistryError, UnreachableError
from ops.tasks.doctor.checks.steps import Skipped, Step, take

_AWAY = "see with `docker ps` whether edge, registry and gateway are healthy, and with `docker logs` why not"
_BUSY = f"run it again after maintenance; if nothing is running, remove {READ_ONLY_FOLDER}/{READ_ONLY_FILE} in the stack's folder"
CLOSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
# A canary has some kilobytes.
_LARGEST = 2**20


class CanaryCheck:
    """Examines one registry with one canary."""

    def __init__(
        self,
        account: RegistryClient,
        anybody: RegistryClient,
        *,
        canary: Canary,
        tag: str,
        anonymous: frozenset[Action] | None,
        who: str = "the operator",
    ) -> None:
        """Make a check.

        Args:
            account: Signs in.
            anybody: Does not.
            canary: What is pushed and pulled.
            tag: Under which tag.
            anonymous: What the settings let anybody do with the canary's repository; None where nobody knows them, and where
                the account may be one that deletes nothing.
            who: Whose the account is.
        """
        self._account = account
        self._anybody = anybody
        self._canary = canary
        self._tag = tag
        self._anonymous = anonymous
        self._who = who
        self._before = ""

    def examine(self) -> list[Check]:
        """Take all steps, in order, up to the first that fails."""
        steps: Sequence[Step] = [
            ("answers", lambda: way_to_tokens(self._anybody), "the registry has to ask for tokens; `up` sees to that"),
            ("login", self._login, "run `up`, which gives gateway and host the same password"),
            ("push", self._push, "see with `docker logs` what registry and gateway say, and whether the disk is full"),
            ("closed", self._closed, "run `up`, which puts the gateway's configuration right, and look at what was pushed since"),
            ("pull", self._pull, "see with `docker logs` what registry and gateway say"),
            ("tidy", self._tidy, "see with `docker logs` what the registry says; deleting needs its cache"),
        ]
        return take(steps, _remedy)

    def _login(self) -> str:
        self._account.request("GET", "/v2/", scope="").expect(HTTPStatus.OK)
        return f"{self._who} signs in"

    def _push(self) -> str:
        there = self._account.manifest(REPOSITORY, self._tag)
        self._before = there.headers.get("Docker-Content-Digest", "") if there.status == HTTPStatus.OK else ""
        for blob in self._canary.blobs:
            self._account.push_blob(REPOSITORY, blob)
        self._account.push_manifest(REPOSITORY, self._tag, self._canary.manifest)
        return f"{self._who} pushes {REPOSITORY}:{self._tag}@{self._canary.digest}"

    def _closed(self) -> str:
        if self._anonymous is None:
            raise Skipped("only the server knows what anybody should be able to do")
        if "push" in self._anonymous:
            raise Skipped("the settings let anybody push")
        scope = f"repository:{REPOSITORY}:pull,push"
        answer = self._anybody.request("POST", f"/v2/{REPOSITORY}/blobs/uploads/", scope=scope)
        if answer.status not in CLOSED:
            raise RegistryError(f"anybody may push: {answer.asked} was answered {answer}")
        return "nobody pushes without signing in"

    def _pull(self) -> str:
        if "pull" not in (self._anonymous or ()):
            answer = self._anybody.manifest(REPOSITORY, self._tag)
            if answer.status in CLOSED:
                self._compare(self._account)
                return f"{self._who} pulls it, and gets what was pushed; the settings let nobody pull it without signing in"
            if self._anonymous is not None:
                raise RegistryError(f"the settings let nobody pull without signing in, but {answer.asked} was answered {answer}")
        self._compare(self._anybody)
        return "anybody pulls it, and gets what was pushed"

    def _compare(self, client: RegistryClient) -> None:
        if (digest := pull_whole(client, self._tag)) != self._canary.digest:
            raise MismatchError(f"{self._tag} should be {self._canary.digest}, and is {digest}")

    def _tidy(self) -> str:
        if self._before in {"", self._canary.digest}:
            raise Skipped("there is no other canary before it")
        # Not found: another run has deleted it meanwhile.
        answer = self._account.delete_manifest(REPOSITORY, self._before)
        if self._anonymous is None and answer.status in CLOSED:
            raise Skipped(f"{self._who} may not delete; the canary before it stays: {self._before}")
        answer.expect(HTTPStatus.ACCEPTED, HTTPStatus.NOT_FOUND)
        return f"{self._who} deletes the canary before it, {self._before}"


def way_to_tokens(client: RegistryClient) -> str:
    """Say where a registry sends its clients for tokens.

    Raises:
        RegistryError: It does not, or does not answer.
    """
    return f"the registry answers, and sends its clients to {client.challenge()['realm']} for tokens"


def pull_whole(client: RegistryClient, tag: str) -> str:
    """Pull the canary under a tag, compare all that came with its digests, and return the digest of its manifest.

    Raises:
        MismatchError: Other content came than the digests say.
        RegistryError: It does not come, or is no canary.
    """
    pulled = client.manifest(REPOSITORY, tag).expect(HTTPStatus.OK)
    told = pulled.headers.get("Docker-Content-Digest", "")
    if digest_of(pulled.body) != told:
        raise MismatchError(
            f"{tag} is said to be {told or 'nothing'}, and what came is {digest_of(pulled.body)} ({len(pulled.body)} bytes)"
        )
    for digest, size in _named(tag, pulled.body):
        came = client.blob(REPOSITORY, digest).expect(HTTPStatus.OK).body
        if digest_of(came) != digest:
            raise MismatchError(f"blob {digest} came as {digest_of(came)} ({len(came)} of {size} bytes)")
    return told


def _named(tag: str, manifest: bytes) -> Sequence[tuple[str, int]]:
    """Return digest and size of the blobs that a manifest names."""
    try:
        document = json.loads(manifest)
        blobs = [(str(blob["digest"]), int(blob["size"])) for blob in (document["config"], *document["layers"])]
    except (ValueError, LookupError, TypeError):
        blobs = []
    if not blobs or sum(size for _, size in blobs) > _LARGEST:
        raise RegistryError(f"{REPOSITORY}:{tag} is no canary, but something that somebody else has pushed")
    return blobs


def _remedy(error: RegistryError) -> str:
    """Return the remedy for errors that can come at any step; empty for others."""
    match error:
        case InsecureError():
            return "give --url the registry's own address, with https"
        case RegistryBusyError():
            return _BUSY
        case MismatchError():
            return "empty the cache (`FLUSHDB` in its Redis), then compare disk and backup: what is stored may be damaged"
        case UnreachableError():
            return _way(str(error))
    return ""


def _way(problem: str) -> str:
    """Return the remedy for a registry that nobody reaches."""
    if "name is not known" in problem:
        return "let the registry's name point to the server's address in DNS, and run it again"
    if "certificate" in problem or "TLS" in problem:
        return "see with `docker logs` of the edge why it has no certificate; its name has to point to this server"
    return _AWAY
