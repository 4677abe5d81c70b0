"""The canary's way: signs in, pushes it, pulls it as anybody, compares, and deletes the one before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus

from ops.canary import REPOSITORY, Canary
from ops.config import Action
from ops.findings import FAILED, OK, SKIPPED, Check
from ops.registry_client import RegistryClient, digest_of
from ops.registry_endpoint import BusyError, InsecureError, MismatchError, RegistryError, UnreachableError

_AWAY = "see with `docker ps` whether edge, registry and gateway are healthy, and with `docker logs` why not"
_BUSY = "run it again when the maintenance is over; if none is running, remove the file gate/read-only below the root"


class Skipped(Exception):  # noqa: N818  # no error
    """A step has nothing to check; the message says why."""


class CanaryCheck:
    """Examines one registry with one canary."""

    def __init__(
        self, operator: RegistryClient, anybody: RegistryClient, *, canary: Canary, tag: str, anonymous: frozenset[Action]
    ) -> None:
        """Make a check.

        Args:
            operator: Signs in.
            anybody: Does not.
            canary: What is pushed and pulled.
            tag: Under which tag.
            anonymous: What the settings let anybody do with the canary's repository.
        """
        self._operator = operator
        self._anybody = anybody
        self._canary = canary
        self._tag = tag
        self._anonymous = anonymous
        self._before = ""

    def examine(self) -> list[Check]:
        """Take all steps, in order, up to the first that fails."""
        steps: Sequence[tuple[str, Callable[[], str], str]] = [
            ("answers", self._answers, "the registry has to ask for tokens; run `up`, which puts its configuration right"),
            ("login", self._login, "run `up`, which gives gateway and host the same password"),
            ("push", self._push, "see with `docker logs` what registry and gateway say, and whether the disk is full"),
            ("closed", self._closed, "run `up`, which puts the gateway's configuration right, and look at what was pushed since"),
            ("pull", self._pull, "see with `docker logs` what registry and gateway say"),
            ("tidy", self._tidy, "see with `docker logs` what the registry says; deleting needs its cache"),
        ]
        checks: list[Check] = []
        for name, step, remedy in steps:
            if any(check.state == FAILED for check in checks):
                checks.append(Check(name, SKIPPED, "not tried"))
                continue
            try:
                checks.append(Check(name, OK, step()))
            except Skipped as reason:
                checks.append(Check(name, SKIPPED, str(reason)))
            except RegistryError as error:
                checks.append(Check(name, FAILED, str(error), _remedy(error) or remedy, error.exit_code))
        return checks

    def _answers(self) -> str:
        challenge = self._anybody.challenge()
        return f"the registry answers, and sends its clients to {challenge['realm']} for tokens"

    def _login(self) -> str:
        self._operator.request("GET", "/v2/", scope="").expect(HTTPStatus.OK)
        return "the operator signs in"

    def _push(self) -> str:
        there = self._operator.manifest(REPOSITORY, self._tag)
        self._before = there.headers.get("Docker-Content-Digest", "") if there.status == HTTPStatus.OK else ""
        for blob in self._canary.blobs:
            self._operator.push_blob(REPOSITORY, blob)
        self._operator.push_manifest(REPOSITORY, self._tag, self._canary.manifest)
        return f"the operator pushes {REPOSITORY}:{self._tag}@{self._canary.digest}"

    def _closed(self) -> str:
        if "push" in self._anonymous:
            raise Skipped("the settings let anybody push")
        scope = f"repository:{REPOSITORY}:pull,push"
        answer = self._anybody.request("POST", f"/v2/{REPOSITORY}/blobs/uploads/", scope=scope)
        if answer.status not in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise RegistryError(f"anybody may push: {answer.asked} was answered {answer}")
        return "nobody pushes without signing in"

    def _pull(self) -> str:
        if "pull" in self._anonymous:
            self._compare(self._anybody)
            return "anybody pulls it, and gets what was pushed"
        answer = self._anybody.manifest(REPOSITORY, self._tag)
        if answer.status not in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise RegistryError(f"the settings let nobody pull without signing in, but {answer.asked} was answered {answer}")
        self._compare(self._operator)
        return "the operator pulls it, and gets what was pushed; the settings let nobody pull it without signing in"

    def _compare(self, client: RegistryClient) -> None:
        pulled = client.manifest(REPOSITORY, self._tag).expect(HTTPStatus.OK)
        told = pulled.headers.get("Docker-Content-Digest", "")
        if not digest_of(pulled.body) == told == self._canary.digest:
            raise MismatchError(
                f"{self._tag} should be {self._canary.digest}; it is said to be {told or 'nothing'}, "
                f"and what came is {digest_of(pulled.body)} ({len(pulled.body)} bytes)"
            )
        for blob in self._canary.blobs:
            came = client.blob(REPOSITORY, digest_of(blob)).expect(HTTPStatus.OK).body
            if came != blob:
                raise MismatchError(f"blob {digest_of(blob)} came as {digest_of(came)} ({len(came)} of {len(blob)} bytes)")

    def _tidy(self) -> str:
        if self._before in {"", self._canary.digest}:
            raise Skipped("there is no other canary before it")
        # Not found: another run has deleted it meanwhile.
        self._operator.delete_manifest(REPOSITORY, self._before).expect(HTTPStatus.ACCEPTED, HTTPStatus.NOT_FOUND)
        return f"the operator deletes the canary before it, {self._before}"


def _remedy(error: RegistryError) -> str:
    """Return the remedy for errors that can come at any step; empty for others."""
    match error:
        case InsecureError():
            return "give --url the registry's own address, with https"
        case BusyError():
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
