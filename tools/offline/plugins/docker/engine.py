"""The Docker engine that the plugin talks to: connected when first needed, its errors in the words of the official plugin."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cached_property
from threading import Lock
from typing import Any, TypeVar

from tools.offline.plugins.docker.ssh import SshRelay
from tools.offline.plugins.resource import Checked, Failure, PluginError
from tools.offline.plugins.session import Session
from tools.offline.plugins.values import Properties

_DEFAULT_HOST = "unix:///var/run/docker.sock"
_LIMIT_S = 20 * 60
_NOT_FOUND = 404
# It connects when it has to, whether it is told to check the engine first or not.
_COVERED = ("host", "sshOpts", "disableDockerDaemonCheck")
_INTERNAL = ("version", "__")
_Answer = TypeVar("_Answer")


class DockerError(PluginError):
    """The Docker engine refused or could not be reached; `missing` says that what was asked for does not exist."""

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


def check_config(inputs: Properties) -> Checked:
    """Validate the provider's inputs: of the official ones those that say where the engine is are covered."""
    failures = [
        Failure(f"`docker:{key}` is not covered by the stand-in for the docker plugin, only {', '.join(_COVERED)} are")
        for key, value in inputs.items()
        if key not in _COVERED and not key.startswith(_INTERNAL) and value not in (None, "", [])
    ]
    return Checked(inputs, failures)


class DockerEngine:
    """One Docker engine, shared by all resources of a provider."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = Lock()

    @property
    def host(self) -> str:
        """Where it is: the provider's `host`, else DOCKER_HOST, else the default socket."""
        return str(self._session.config.get("host") or os.environ.get("DOCKER_HOST") or _DEFAULT_HOST)

    @property
    def cancelled(self) -> bool:
        """Whether the run was cancelled: waits end early."""
        return self._session.cancelled.is_set()

    def do(self, failure: str, work: Callable[[Any], _Answer]) -> _Answer:
        """Ask the engine something; `work` gets the library's APIClient.

        Raises:
            DockerError: Begins with `failure`, or names the host when nothing answers there.
        """
        # The library takes longer to import than a preview without changes takes to run without it.
        from docker.errors import APIError, DockerException  # noqa: PLC0415
        from requests.exceptions import RequestException  # noqa: PLC0415

        try:
            with self._lock:
                client = self._client
            return work(client)
        except APIError as error:
            said = error.explanation or str(error)
            raise DockerError(
                f"{failure}: Error response from daemon: {said}", missing=error.status_code == _NOT_FOUND
            ) from error
        except (DockerException, RequestException) as error:
            reason = (self._relay.complaint if self._relay else "") or _cause(error)
            raise DockerError(f"cannot reach the Docker engine at {self.host}; is it running? ({reason})") from error

    @cached_property
    def _client(self) -> Any:
        from docker import APIClient  # noqa: PLC0415

        return APIClient(base_url=self._relay.address if self._relay else self.host, version="auto", timeout=_LIMIT_S)

    @cached_property
    def _relay(self) -> SshRelay | None:
        options = self._session.config.get("sshOpts") or []
        # The SDK hands lists of a provider over as JSON.
        words = json.loads(options) if isinstance(options, str) else options
        if not self.host.startswith("ssh:"):
            return None
        relay = SshRelay(self.host, words)
        self._session.at_end(relay.close)
        return relay

    def find(self, failure: str, work: Callable[[Any], _Answer]) -> _Answer | None:
        """Ask the engine for something that may not exist; None when it does not.

        Raises:
            DockerError: Any other error.
        """
        try:
            return self.do(failure, work)
        except DockerError as error:
            if error.missing:
                return None
            raise


def labels_to_api(labels: list[dict[str, str]]) -> dict[str, str]:
    """Return labels as the Docker API has them."""
    return {item["label"]: item["value"] for item in labels}


def labels_from_api(labels: dict[str, str]) -> list[dict[str, str]]:
    """Return labels as the plugin has them."""
    return [{"label": label, "value": value} for label, value in sorted(labels.items())]


def _cause(error: BaseException) -> Any:
    """Return the innermost reason: the library wraps it several times."""
    while inner := (error.__cause__ or error.__context__):
        error = inner
    return error
