"""What each client is asked to do with a registry that is up, and what it is seen to do: a word or two for docs/clients.md."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from secrets import token_hex

import httpx

from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER
from ops.core.process import Completed
from tests.engine.clients import LIMIT_S, Client
from tests.engine.stacks import TestStack
from tests.engine.test_edge import eventually

IMAGE, PLATFORMS, CHART = "contract/image:1", "contract/platforms:1", "contract/chart:1"
NONE = "none"
_MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"
_MANIFESTS += ", application/vnd.docker.distribution.manifest.v2+json"
_REASON = "we move house until Monday"
_REFUSED = ("unauthorized", "denied", "authentication required", "insufficient_scope", "authorization failed")
# Longer than a client needs to begin its push on a machine that is not busy. On a busy one less is seen, and nothing is wrong.
_WHILE_S = 1.5


@dataclass
class Case:
    """A client, as somebody who has not signed in, as the operator, and as an account that may push below `team/`.

    Attributes:
        name: The client.
        stack: What it works with.
        new: Makes one that has not signed in, in an empty folder.
        folder: Where it may keep things.
    """

    name: str
    stack: TestStack
    new: Callable[[Path], Client]
    folder: Path

    @cached_property
    def anonymous(self) -> Client:
        """It, not signed in."""
        return self._new("anonymous")

    @cached_property
    def operator(self) -> Client:
        """It, signed in as the operator."""
        return self._signed_in(self.stack.outputs["registry_user"], self.stack.outputs["registry_pass"])

    @cached_property
    def robot(self) -> Client:
        """It, signed in as an account that may push below `team/` and delete nothing."""
        return self._signed_in("ci", self.stack.outputs["accounts"]["ci"])

    @property
    def read_only_file(self) -> Path:
        """The file of read-only mode."""
        return self.stack.root / READ_ONLY_FOLDER / READ_ONLY_FILE

    def name_of(self, what: str, top: str = "contract") -> str:
        """Return the name of an image that nobody else uses."""
        label = "".join(letter if letter.isalnum() else "-" for letter in self.name).strip("-")
        return f"{top}/{what}/{label}:1"

    def mistaken(self) -> Client:
        """Return it after it was given a wrong login, which most clients notice themselves.

        Each client names another account: those that fail at one too often have to wait.
        """
        client = self._new("mistaken")
        client.login(f"nobody-{token_hex(4)}", "wrong-password")
        return client

    def digest(self, image: str) -> str:
        """Return the digest of a tag, as anybody may ask for it; empty if it is not there."""
        name, _, tag = image.rpartition(":")
        outputs = self.stack.outputs
        query = {"service": outputs["registry"], "scope": f"repository:{name}:pull"}
        token = httpx.get(f"{outputs['registry_url']}/auth/token", params=query).json()["token"]
        headers = {"Authorization": f"Bearer {token}", "Accept": _MANIFESTS}
        answer = httpx.head(f"{outputs['registry_url']}/v2/{name}/manifests/{tag}", headers=headers)
        return answer.headers["Docker-Content-Digest"] if answer.status_code == 200 else ""

    def mounted(self, image: str) -> bool:
        """Return whether layers of an image that was pushed were mounted from another repository."""
        name, _, _ = image.rpartition(":")
        log = self.stack.root / "logs" / "edge" / "access.log"
        assert eventually(lambda: f"/v2/{name}/manifests/" in log.read_text())
        seen = [json.loads(line) for line in log.read_text().splitlines() if f"/v2/{name}/blobs/uploads/" in line]
        return any("mount=" in one["request"]["uri"] and one["status"] == 201 for one in seen)

    def _signed_in(self, user: str, password: str) -> Client:
        client = self._new(user)
        done = client.login(user, password)
        assert done.returncode == 0, done
        return client

    def _new(self, whose: str) -> Client:
        folder = self.folder / f"{whose}-{token_hex(2)}"
        folder.mkdir(parents=True)
        return self.new(folder)


def _done(completed: Completed | None) -> str:
    if completed is None:
        return NONE
    assert completed.returncode == 0, completed
    return "yes"


def _refused(completed: Completed | None) -> str:
    if completed is None:
        return NONE
    said = (completed.stdout + completed.stderr).lower()
    assert completed.returncode != 0, completed
    return "refused" if any(word in said for word in _REFUSED) else f"refused: {said.splitlines()[-1]}"


def pulls(case: Case) -> str:
    return _done(case.anonymous.pull(CHART if case.anonymous.charts_only else IMAGE))


def pulls_platforms(case: Case) -> str:
    return NONE if case.anonymous.charts_only else _done(case.anonymous.pull(PLATFORMS))


def pushes_anonymously(case: Case) -> str:
    image = case.name_of("anonymous")
    seen = _refused(case.anonymous.push(image))
    assert not case.digest(image)
    return seen


def pushes_with_a_wrong_login(case: Case) -> str:
    return _refused(case.mistaken().push(case.name_of("mistaken")))


def pushes(case: Case) -> str:
    image = case.name_of("pushed")
    seen = _done(case.operator.push(image))
    assert case.digest(image)
    return seen


def pushes_where_it_may_not(case: Case) -> str:
    assert case.robot.push(case.name_of("pushed", "team")).returncode == 0
    return _refused(case.robot.push(case.name_of("pushed", "other")))


def pushes_twice(case: Case) -> str:
    also = case.name_of("again")
    assert _done(case.operator.push(case.name_of("first"), also)) == "yes"
    return "mounts them" if case.mounted(also) else "sends them"


def pushes_during_maintenance(case: Case) -> str:
    pushed = list[Completed]()
    client = case.operator
    push = threading.Thread(target=lambda: pushed.append(client.push(case.name_of("held"))))
    case.read_only_file.write_text(f"{int(time.time() + LIMIT_S):010d}")
    try:
        push.start()
        push.join(_WHILE_S)
        assert push.is_alive(), pushed
    finally:
        case.read_only_file.unlink()
        push.join()
    assert _done(pushed[0]) == "yes"
    return "waits"


def pushes_in_read_only_mode(case: Case) -> str:
    image = case.name_of("read-only")
    case.read_only_file.write_text(_REASON)
    try:
        pushed = case.operator.push(image)
    finally:
        case.read_only_file.unlink()
    assert pushed.returncode != 0, pushed
    assert not case.digest(image)
    return "refused, says why" if _REASON in pushed.stdout + pushed.stderr else "refused"


def deletes_what_it_may_not(case: Case) -> str:
    if type(case.robot).delete is Client.delete:
        return NONE
    image = case.name_of("kept", "team")
    assert case.robot.push(image).returncode == 0
    before = case.digest(image)
    seen = _refused(case.robot.delete(image))
    after = case.digest(image)
    return seen if after == before else "refused, but overwrites it"


def deletes(case: Case) -> str:
    if type(case.operator).delete is Client.delete:
        return NONE
    image = case.name_of("deleted")
    assert case.operator.push(image).returncode == 0
    seen = _done(case.operator.delete(image))
    assert not case.digest(image)
    return seen


def lists_anonymously(case: Case) -> str:
    return _refused(case.anonymous.repositories())


def lists(case: Case) -> str:
    listed = case.operator.repositories()
    assert listed is None or IMAGE.partition(":")[0] in listed.stdout.split()
    return _done(listed)


def attaches(case: Case) -> str:
    image = case.name_of("subject")
    if type(case.operator).attach is Client.attach:
        return NONE
    assert case.operator.push(image).returncode == 0
    assert _done(case.operator.attach(image)) == "yes"
    found = case.anonymous.attached(image)
    assert found is not None
    assert "application/vnd.example.statement" in found.stdout, found
    fallback = case.digest(image).replace(":", "-")
    return "by a tag" if case.digest(f"{image.partition(':')[0]}:{fallback}") else "by the registry"


@dataclass(frozen=True)
class Asked:
    """Something that clients are asked to do.

    Attributes:
        title: What the page calls it.
        of: Asks a client, and returns what it was seen to do; raises AssertionError for what no client may see.
    """

    title: str
    of: Callable[[Case], str]


ASKED = (
    Asked("pull, not signed in", pulls),
    Asked("pull of an image of two platforms", pulls_platforms),
    Asked("push, not signed in", pushes_anonymously),
    Asked("push with a wrong login", pushes_with_a_wrong_login),
    Asked("push", pushes),
    Asked("push to where the account may not", pushes_where_it_may_not),
    Asked("push of layers that another repository has", pushes_twice),
    Asked("push during maintenance", pushes_during_maintenance),
    Asked("push in read-only mode", pushes_in_read_only_mode),
    Asked("delete a tag", deletes),
    Asked("delete a tag, with the right to push only", deletes_what_it_may_not),
    Asked("list the repositories", lists),
    Asked("list the repositories, not signed in", lists_anonymously),
    Asked("attach an artifact, and find it", attaches),
)
