"""Requests: the console writes a file, and systemd starts what its folder is for: a task, or the actions."""

from __future__ import annotations

from pathlib import PurePosixPath

# Below the stack's folder: a folder for each task that may be asked for, and in it one file, which says who has asked.
REQUESTS_FOLDER = "data/requests"
REQUEST_FILE = "asked"
MAX_NAME = 128


def request_folder(task: str) -> str:
    """Return the folder of the requests for a task, or for actions, below the stack's folder."""
    return str(PurePosixPath(REQUESTS_FOLDER, task))
