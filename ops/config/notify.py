"""Settings of notifications: where they go, quiet hours, and reminders of what is still broken."""

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
    """How bad it is, from news to what cannot wait."""

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
    """Return the URL of a server without a trailing slash.

    Raises:
        ValueError: It is not one, or a token would travel unencrypted through networks shared with others.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("should be the URL of a server, such as https://ntfy.example.com")
    if parts.scheme == "http" and not _is_near(host):
        raise ValueError(
            "should begin with https://, since a token is sent there; http:// is only for private addresses and containers"
        )
    return url.rstrip("/")


def _is_near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host  # a container, or this machine


def _without_path(url: str) -> str:
    server = checked_server(url)
    if urlsplit(server).path:
        raise ValueError("should be the URL of the server without a path; the topic has a key of its own")
    return server


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError("is not a time zone known to this machine; write one such as Europe/Berlin") from error
    return name


def _minute(text: str) -> str:
    time.fromisoformat(text)
    return text


ClockTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"), AfterValidator(_minute)]


class _Channel(Strict):
    """What all channels have in common.

    Attributes:
        minimum: The lowest severity that is sent there.
    """

    minimum: Severity = Severity.INFO


class _ServerChannel(_Channel):
    """What the channels have in common that lead to a server of one kind.

    Attributes:
        ca: File of the CA that signs the server's certificate; if not set, the CAs that this machine trusts vouch for it.
    """

    ca: Path | None = None


class NtfyChannel(_ServerChannel):
    """A topic of an ntfy server.

    Attributes:
        kind: Of which kind of service the channel is.
        server: Its URL, without a path.
        topic: Name of the topic.
        token_secret: Name of the secret that holds the access token; `null` if anybody may publish.
    """

    kind: Literal["ntfy"]
    server: Annotated[str, AfterValidator(_without_path)]
    topic: Annotated[str, Field(pattern=r"^[-_A-Za-z0-9]{1,64}$")]
    token_secret: SecretName | None = "ntfy_token"  # noqa: S105  # a name

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets that it needs."""
        return (self.token_secret,) if self.token_secret else ()


class GotifyChannel(_ServerChannel):
    """An application of a Gotify server.

    Attributes:
        kind: Of which kind of service the channel is.
        server: Its URL; not set if a secret holds it.
        server_secret: Name of the secret that holds the URL.
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


class AppriseChannel(_Channel):
    """A service that Apprise knows, such as mail, Matrix, Slack or Telegram: https://appriseit.com/services/ .

    Its address holds passwords, so it is no setting: it is in a secret file that has the channel's name (`apprise_secret`).

    Attributes:
        kind: Of which kind of service the channel is.
    """

    kind: Literal["apprise"]

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets that it needs besides its address."""
        return ()


Channel = Annotated[NtfyChannel | GotifyChannel | AppriseChannel, Field(discriminator="kind")]


def apprise_secret(channel: str) -> str:
    """Return the name of the secret file with the address of a channel."""
    return f"apprise/{channel}"


class QuietHours(Strict):
    """When news wait; warnings and worse never wait.

    Attributes:
        start: When they begin, as `22:00`. If that is after `end`, they go over midnight.
        end: When they end.
    """

    start: ClockTime
    end: ClockTime

    @model_validator(mode="after")
    def _some_time(self) -> QuietHours:
        if self.start == self.end:
            raise ValueError("start and end should differ; leave quiet_hours out for none")
        return self

    def covers(self, moment: time) -> bool:
        """Whether a local time is within them; the end itself is not."""
        start, end = time.fromisoformat(self.start), time.fromisoformat(self.end)
        now = moment.replace(tzinfo=None)
        return start <= now < end if start < end else now >= start or now < end


class AlertRules(Strict):
    """When messages are sent.

    Attributes:
        time_zone: Time zone of the hours below.
        quiet_hours: When news wait; there are none if not set.
        reminder_hours: After how many hours there is a reminder of what is still broken.
        urgent_reminder_hours: The same for what cannot wait.
        digest_hour: The hour after which the daily digest is sent; `null` for no digest.
    """

    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    quiet_hours: QuietHours | None = None
    reminder_hours: Annotated[int, Field(ge=1, le=24 * 30)] = 24
    urgent_reminder_hours: Annotated[int, Field(ge=1, le=24 * 30)] = 1
    digest_hour: Annotated[int, Field(ge=0, le=23)] | None = 8


class NotifySettings(Strict):
    """Notifications of a stack.

    Attributes:
        channels: Where messages go, by names of your own. Without channels, nothing is sent or stored.
        rules: When they are sent.
    """

    channels: dict[ChannelName, Channel] = Field(default_factory=dict)
    rules: AlertRules = AlertRules()
