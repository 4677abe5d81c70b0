"""Asks for tasks and actions: who may, from which page, and the file that it takes. The host does what is on its lists."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request

from ops.config import ACTION_REQUESTS, MAX_NAME, REQUEST_FILE, USER_HEADER, ActionRequest, ConsoleConfig, request_folder
from ops.core.files import write_atomic, write_once


def operator_of(request: Request, config: ConsoleConfig) -> str | None:
    """Return who is signed on, if they may ask for tasks; None if not."""
    user = request.headers.get(USER_HEADER, "")
    return user if user and (config.operators is None or user in config.operators) else None


def is_from_here(request: Request) -> bool:
    """Whether a request comes from a page of ours, and not from another site that a signed-on browser has open.

    Source: https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
    """
    if (site := request.headers.get("sec-fetch-site")) is not None:
        return site == "same-origin"
    try:
        return urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host", "") != ""
    except ValueError:  # it is no address
        return False


def ask(config: ConsoleConfig, task: str, user: str) -> None:
    """Ask the host to run a task.

    Raises:
        OSError: The request cannot be written.
    """
    write_atomic(_file(config, task), user[:MAX_NAME] + "\n", mode=0o640)


def ask_for(config: ConsoleConfig, request: ActionRequest) -> None:
    """Ask the host for an action.

    Raises:
        FileExistsError: Another one waits.
        OSError: The request cannot be written.
    """
    write_once(_file(config, ACTION_REQUESTS), request.model_dump_json() + "\n", mode=0o640)


def waits(config: ConsoleConfig, task: str) -> bool:
    """Whether a request for a task, or for an action, has not been taken yet."""
    return _file(config, task).exists()


def _file(config: ConsoleConfig, task: str) -> Path:
    return config.root / request_folder(task) / REQUEST_FILE
