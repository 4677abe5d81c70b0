"""Somebody outside who pulls and pushes all the time, and sees for how long neither works while a stack is changed."""

from __future__ import annotations

import contextlib
import itertools
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from ops.registry.client import MANIFEST_TYPE, Login, RegistryClient, digest_of
from ops.registry.transport import Endpoint, RegistryError

_PAUSE_S = 0.1
_ATTEMPT_S = 30.0


@dataclass(frozen=True)
class Attempt:
    """One pull or push: when it ended, how long it took, and why it failed."""

    ended: float
    seconds: float
    error: str = ""


@dataclass
class Watch:
    """What a client has met.

    Attributes:
        attempts: Of pulls and pushes, in their order.
    """

    attempts: dict[str, list[Attempt]] = field(default_factory=lambda: {"pull": [], "push": []})

    def gap(self, kind: str) -> float:
        """Return for how many seconds at most nothing worked, beyond what one attempt and its pause usually take."""
        ends = [one.ended for one in self.attempts[kind] if not one.error]
        between = sorted(later - earlier for earlier, later in itertools.pairwise(ends))
        return between[-1] - between[len(between) // 2] if between else float("inf")

    def errors(self, kind: str) -> list[str]:
        """Return why attempts have failed."""
        return [one.error for one in self.attempts[kind] if one.error]

    def met(self) -> dict[str, list[str]]:
        """Return what has failed, by kind, if anything has."""
        return {kind: errors for kind in self.attempts if (errors := self.errors(kind))}


@contextlib.contextmanager
def watched(outputs: dict[str, Any]) -> Iterator[Watch]:
    """Pull and push without a break while inside, each time with new connections and a new token.

    Args:
        outputs: Of the stack.
    """
    login = Login(outputs["registry_user"], outputs["registry_pass"])
    image = f"watched/{secrets.token_hex(3)}"
    watch, over = Watch(), threading.Event()

    def client(name: Login | None) -> RegistryClient:
        return RegistryClient(Endpoint(outputs["registry_url"]), name)

    def push() -> None:
        pusher = client(login)
        layer = secrets.token_bytes(1000)
        config = b"{}"
        for blob in (layer, config):
            pusher.push_blob(image, blob)
        pusher.push_manifest(image, "v1", _manifest(config, layer))

    def pull() -> None:
        puller = client(None)
        manifest = puller.manifest(image, "v1").expect(HTTPStatus.OK).body
        for layer in json.loads(manifest)["layers"]:
            puller.blob(image, layer["digest"]).expect(HTTPStatus.OK)

    push()
    threads = [
        threading.Thread(target=_again_and_again, args=(watch.attempts[kind], action, over))
        for kind, action in (("push", push), ("pull", pull))
    ]
    for thread in threads:
        thread.start()
    try:
        time.sleep(10 * _PAUSE_S)  # how long an attempt usually takes
        yield watch
        time.sleep(10 * _PAUSE_S)
    finally:
        over.set()
        for thread in threads:
            thread.join(_ATTEMPT_S)


def _again_and_again(attempts: list[Attempt], action: Callable[[], None], over: threading.Event) -> None:
    while not over.wait(_PAUSE_S):
        began = time.monotonic()
        error = ""
        try:
            action()
        except (RegistryError, OSError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        attempts.append(Attempt(time.monotonic(), time.monotonic() - began, error))


def _manifest(config: bytes, layer: bytes) -> bytes:
    def described(kind: str, content: bytes) -> dict[str, object]:
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest_of(content), "size": len(content)}

    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": described("config.v1+json", config),
        "layers": [described("layer.v1.tar+gzip", layer)],
    }
    return json.dumps(document).encode()
