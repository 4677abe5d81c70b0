"""Settings of notifications: where they go, when it is quiet, and how often what stays broken is told again."""

from __future__ import annotations

import ipaddress
from datetime import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from ops.config.base import Strict


class Severity(StrEnum):
    """How bad it is, from news to what must not wait."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the mildest."""
        return list(Severity).index(self)


ChannelName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
SecretName = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]


def checked_server(url: str) -> str:
    """Return the address of a server without a slash at its end.

    Raises:
        ValueError: It is none, or a token would travel in clear text through networks that others share.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("should be the address of a server, as https://ntfy.example.com")
    if parts.scheme == "http" and not _is_near(host):
        raise ValueError("should begin with https://, since a token goes there; http:// is for private addresses and containers")
    return url.rstrip("/")


def _is_near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host  # a container, or this machine


def _without_path(url: str) -> str:
    server = checked_server(url)
    if urlsplit(server).path:
        raise ValueError("should be the address of the server alone: ntfy has no sub-paths, and the topic has a key of its own")
    return server


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError("is no time zone that this machine knows; names are like Europe/Berlin") from error
    return name


def _minute(text: str) -> str:
    time.fromisoformat(text)
    return text


ClockTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"), AfterValidator(_minute)]


class _Channel(Strict):
    """What all channels have in common.

    Attributes:
        minimum: The mildest severity that goes there.
        ca: File of the authority that signs the server's certificate; None for those that this machine trusts.
    """

    minimum: Severity = Severity.INFO
    ca: Path | None = None


class NtfyChannel(_Channel):
    """A topic of an ntfy server.

    Attributes:
        server: Its address, without a path.
        topic: Name of the topic.
        token_secret: Name of the secret that holds the access token; None where anybody may publish.
    """

    kind: Literal["ntfy"]
    server: Annotated[str, AfterValidator(_without_path)]
    topic: Annotated[str, Field(pattern=r"^[-_A-Za-z0-9]{1,64}$")]
    token_secret: SecretName | None = "ntfy_token"  # noqa: S105  # a name

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets that it needs."""
        return (self.token_secret,) if self.token_secret else ()


class GotifyChannel(_Channel):
    """An application of a Gotify server.

    Attributes:
        server: Its address; None when a secret has it.
        server_secret: Name of the secret that holds the address.
        token_secret: Name of the secret that holds the application's token.
    """

    kind: Literal["gotify"]
    server: Annotated[str, AfterValidator(checked_server)] | None = None
    server_secret: SecretName = "gotify_url_secret"  # noqa: S105  # a name
    token_secret: SecretName = "gotify_token"  # noqa: S105  # a name

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets that it needs."""
        return (self.token_secret,) if self.server else (self.server_secret, self.token_secret)


Channel = Annotated[NtfyChannel | GotifyChannel, Field(discriminator="kind")]


class QuietHours(Strict):
    """When news wait; warnings and worse never do. `start` after `end` goes over midnight."""

    start: ClockTime
    end: ClockTime

    @model_validator(mode="after")
    def _some_time(self) -> QuietHours:
        if self.start == self.end:
            raise ValueError("start and end should differ; leave quiet_hours out for none")
        return self

    def covers(self, moment: time) -> bool:
        """Whether a local time is within them: from the start on, until before the end."""
        start, end = time.fromisoformat(self.start), time.fromisoformat(self.end)
        now = moment.replace(tzinfo=None)
        return start <= now < end if start < end else now >= start or now < end


class AlertRules(Strict):
    """What is told when.

    Attributes:
        time_zone: Of the hours below.
        quiet_hours: None for none.
        reminder_hours: After how long what is still broken is told again.
        digest_hour: From which hour on the daily digest is sent; None for none.
    """

    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    quiet_hours: QuietHours | None = None
    reminder_hours: Annotated[int, Field(ge=1, le=24 * 30)] = 24
    digest_hour: Annotated[int, Field(ge=0, le=23)] | None = 8


class NotifySettings(Strict):
    """Notifications of a stack. Without channels nothing is told, and nothing kept."""

    channels: dict[ChannelName, Channel] = Field(default_factory=dict)
    rules: AlertRules = AlertRules()
