"""The APIs of Hetzner, asked by the official Python client; their errors in the words of the official plugin."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cached_property
from threading import Lock
from typing import Any

from tools.offline.plugins.docker.duration import parse_duration
from tools.offline.plugins.resource import PluginError
from tools.offline.plugins.session import Session
from tools.offline.plugins.values import Properties, reveal

_ENDPOINT = "https://api.hetzner.cloud/v1"
_ENDPOINT_HETZNER = "https://api.hetzner.com/v1"
_POLL_INTERVAL = "500ms"
_LONGEST_POLL_S = 60.0
# 2 to this power is more than the longest wait, whatever the interval; without it the power itself gets too large.
_DOUBLINGS = 32


class ApiError(PluginError):
    """The API refused, could not be reached, or an action failed.

    Attributes:
        code: The API's own word for it, empty when it gave none.
        fields: Wrong fields of the request and what is wrong with them.
        command: Of the action that failed.
    """

    def __init__(self, message: str, code: str = "", fields: dict[str, list[str]] | None = None, command: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.fields = fields or {}
        self.command = command


def token_of(config: Properties) -> Any:
    """Return the token that a provider's configuration leads to."""
    return reveal(config.get("token")) or os.environ.get("HCLOUD_TOKEN", "")


class Api:
    """Both APIs, shared by all resources of a provider."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = Lock()

    def ask(self, method: str, path: str, body: Properties | None = None) -> Properties:
        """Send a request; one that the client deems worth it is sent again, up to 5 times.

        Args:
            method: Of HTTP.
            path: Below the API's base, with its query.
            body: Sent as JSON; none when it is None.

        Raises:
            ApiError: The answer is an error, or there is none.
        """
        from hcloud import APIException  # noqa: PLC0415  # most runs read nothing: slow to import
        from requests.exceptions import RequestException  # noqa: PLC0415

        with self._lock:
            client = self._hetzner if path.startswith("/storage_boxes") else self._cloud
        try:
            answer: Properties = client.request(method, path, **({} if body is None else {"json": body}))
        except APIException as error:
            raise ApiError(str(error), str(error.code), _fields(error.details)) from error
        except RequestException as error:
            raise ApiError(f"{method} {path}: {error}") from error
        return answer

    def find(self, path: str, name: str) -> Properties | None:
        """Return what `path` leads to, `name` being where the answer has it; None when it does not exist.

        Raises:
            ApiError: Any other error.
        """
        try:
            found: Properties = self.ask("GET", path)[name]
        except ApiError as error:
            if error.code == "not_found":
                return None
            raise
        return found

    def settle(self, *actions: Properties | None) -> None:
        """Wait until actions are through.

        Raises:
            ApiError: One failed, or the API does not tell.
        """
        from hcloud import APIException  # noqa: PLC0415
        from hcloud.actions import ActionFailedException, BoundAction  # noqa: PLC0415
        from requests.exceptions import RequestException  # noqa: PLC0415

        for action in actions:
            if action is None or action["status"] == "success":
                continue
            bound = BoundAction(self._cloud.actions, action)
            try:
                bound.wait_until_finished()
            except ActionFailedException as failed:
                reason: Any = bound.error or {}
                code, message = reason.get("code", "unknown_error"), reason.get("message", "")
                raise ApiError(f"{message} ({code}, {bound.id})", code, command=action["command"]) from failed
            except APIException as error:
                raise ApiError(str(error), str(error.code)) from error
            except RequestException as error:
                raise ApiError(f"action {bound.id}: {error}") from error

    def act(self, path: str, body: Properties | None = None) -> None:
        """Start an action, or several, by POST and wait for it.

        Raises:
            ApiError: It was refused or failed.
        """
        answer = self.ask("POST", path, body)
        self.settle(answer.get("action"), *answer.get("actions", ()))

    def persist(self, work: Callable[[], Any], tries: int, *, stop: Callable[[ApiError], bool] = lambda _: False) -> None:
        """Do something up to `tries` times, waiting 1, 2, 4 … s in between, as the official plugin does.

        Args:
            work: What fails with an ApiError.
            tries: How often.
            stop: Whether an error is final.

        Raises:
            ApiError: Of the last try.
        """
        for made in range(1, tries + 1):
            try:
                work()
            except ApiError as error:
                if stop(error) or made == tries or self._session.cancelled.wait(min(2.0 ** (made - 1), _LONGEST_POLL_S)):
                    raise
            else:
                return

    @cached_property
    def _cloud(self) -> Any:
        config = self._session.config
        return self._client(config.get("endpoint") or os.environ.get("HCLOUD_ENDPOINT") or _ENDPOINT)

    @cached_property
    def _hetzner(self) -> Any:
        config = self._session.config
        endpoint = os.environ.get("HETZNER_ENDPOINT")
        if config.get("endpointHetzner"):
            # A fault of the official plugin that is not to be hidden: it then takes `endpoint` for this API too.
            endpoint = config.get("endpoint")
        return self._client(endpoint or _ENDPOINT_HETZNER)

    def _client(self, endpoint: str) -> Any:
        from hcloud import Client  # noqa: PLC0415

        config = self._session.config
        interval = parse_duration(config.get("pollInterval") or _POLL_INTERVAL) / 10**9
        constant = config.get("pollFunction") == "constant"
        return Client(
            token=token_of(config),
            api_endpoint=endpoint,
            poll_interval=lambda made: interval if constant else min(interval * 2.0 ** min(made, _DOUBLINGS), _LONGEST_POLL_S),
            # Like the official plugin: an action is waited for as long as it runs.
            poll_max_retries=sys.maxsize,
        )


def _fields(details: Any) -> dict[str, list[str]]:
    fields = details.get("fields") if isinstance(details, dict) else None
    return {field["name"]: list(field.get("messages") or ()) for field in fields or ()}
