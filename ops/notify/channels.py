"""Channels: send a letter through ntfy, Gotify or Apprise; tokens are read from files at the last moment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from ops.config.notify import AppriseChannel, Channel, GotifyChannel, NtfyChannel, apprise_secret, checked_server
from ops.notify import apprise
from ops.notify.gotify import gotify_json
from ops.notify.http import UnavailableError, post
from ops.notify.message import Letter
from ops.notify.ntfy import ntfy_json

Sender = Callable[[Letter], None]
"""Sends a letter, or raises `RefusedError` or `UnavailableError`."""

_TOKEN = re.compile(r"[!-~]+")


def senders(channels: Mapping[str, Channel], secrets: Path) -> dict[str, Sender]:
    """Return the senders by channel.

    Args:
        channels: Settings by name.
        secrets: The folder of secrets, one file for each.
    """
    return {name: sender(name, channel, secrets) for name, channel in channels.items()}


def sender(name: str, channel: Channel, secrets: Path) -> Sender:
    """Return the sender of one channel."""
    match channel:
        case NtfyChannel():
            return lambda letter: _to_ntfy(channel, secrets, letter)
        case GotifyChannel():
            return lambda letter: _to_gotify(channel, secrets, letter)
        case AppriseChannel():
            return lambda letter: apprise.send(letter, _secret(secrets, apprise_secret(name)))


def _to_ntfy(channel: NtfyChannel, secrets: Path, letter: Letter) -> None:
    token = _secret(secrets, channel.token_secret) if channel.token_secret else None
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = ntfy_json(letter, channel.topic)
    post(f"{channel.server}/", body, headers, secrets=[token] if token else [], ca=channel.ca)


def _to_gotify(channel: GotifyChannel, secrets: Path, letter: Letter) -> None:
    server = channel.server or _server(secrets, channel.server_secret)
    token = _secret(secrets, channel.token_secret)
    hidden = [token] if channel.server else [token, server]
    post(f"{server}/message", gotify_json(letter), {"X-Gotify-Key": token}, secrets=hidden, ca=channel.ca)


def _server(secrets: Path, name: str) -> str:
    try:
        return checked_server(_secret(secrets, name))
    except ValueError as error:
        raise UnavailableError(f"secret {name}: {error}") from None


def _secret(secrets: Path, name: str) -> str:
    """Return the single word in a secret's file. A bad one only delays messages: they wait until it is fixed."""
    try:
        value = (secrets / name).read_text(encoding="ascii").strip()
    except OSError as error:
        raise UnavailableError(f"secret {name} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        value = ""
    if not _TOKEN.fullmatch(value):
        raise UnavailableError(f"secret {name} must be a single word of ASCII letters, digits and punctuation")
    return value
