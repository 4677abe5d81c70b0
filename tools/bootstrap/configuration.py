"""A stack's configuration file: read, extended for one run, never written back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.settings import PROJECT
from tools.bootstrap.errors import SetupError

SALT = "encryptionsalt"


def configuration(path: Path, extra: Mapping[str, Any], generated: Path) -> dict[str, Any]:
    """Return the configuration for the engine to read.

    Args:
        path: The file that the operator edits.
        extra: Keys, without the project's prefix, that are set on top of it.
        generated: The file that the engine read last time; the salt that it wrote there is kept.

    Raises:
        SetupError: A file cannot be read or is not a stack configuration.
    """
    content = _read(path)
    content["config"] = {**(content.get("config") or {}), **{f"{PROJECT}:{key}": value for key, value in extra.items()}}
    salt = _read(generated).get(SALT) if generated.is_file() else None
    if salt:
        content.setdefault(SALT, salt)
    return content


def plain_values(path: Path) -> dict[str, Any]:
    """Return this project's keys without its prefix, encrypted ones left out.

    Raises:
        SetupError: The file cannot be read or is not a stack configuration.
    """
    prefix = f"{PROJECT}:"
    values: dict[str, Any] = _read(path).get("config") or {}
    return {
        key.removeprefix(prefix): _plain(value)
        for key, value in values.items()
        if key.startswith(prefix) and not _is_encrypted(value)
    }


def _plain(value: Any) -> Any:
    """Return a value without what is encrypted within it."""
    if not isinstance(value, dict):
        return value
    return {key: _plain(item) for key, item in value.items() if not _is_encrypted(item)}


def _is_encrypted(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"secure"}


def keys_of(path: Path) -> set[str]:
    """Return this project's keys without its prefix, encrypted ones too.

    Raises:
        SetupError: The file cannot be read or is not a stack configuration.
    """
    return {key.removeprefix(f"{PROJECT}:") for key in _read(path).get("config") or {}}


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text()) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SetupError(f"cannot read {path}: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("config") or {}, dict):
        raise SetupError(f"{path} is not a stack configuration: it needs `config:` with one key per line below it")
    return content
