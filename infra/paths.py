"""Paths on the operator's machine: the project, and the cache outside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT_FOLDER = Path(__file__).resolve().parent.parent


def cache_folder(name: str) -> Path:
    """Return a folder of the cache that all checkouts share. It may not exist yet; whatever is missing is made again."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "private-registry" / name
