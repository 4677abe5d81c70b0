"""Who is banned at the edge, and why, according to CrowdSec in its container; and lifting bans."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from docker.errors import APIError, NotFound
from docker.models.containers import Container

from ops.config import container_name
from ops.core.answers import UNEXPECTED, shown
from ops.core.docker_engine import connected
from ops.stack.stack import Stack

SERVICE = "crowdsec"
# The edge's bouncer polls for changes: its `ticker_interval`.
LEARNS_WITHIN_S = 15
# Decisions by others: CrowdSec's community list, and subscribed lists. There are thousands.
_COMMUNITY = ("CAPI", "lists")
# cscli keeps trying for minutes if CrowdSec does not answer, and cannot be stopped from outside.
_ANSWER_LIMIT_S = 30
_TOO_LATE = 124
# How cscli ends with its container: CrowdSec gives up, and is started again, if its database is locked at the wrong moment.
_CUT_OFF = (137, 143)
# What the API says if its database is locked, even as a wrong password. Everything that we ask can be asked again.
_API_ERROR, _PAUSE_S, _PATIENCE_S = "API error", 0.5, 10.0
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_SHOWN = 200
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BansError(Exception):
    """CrowdSec does not answer as expected; the message says why and what to do."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Ban:
    """A decision that is in force: https://docs.crowdsec.net/docs/concepts/#decisions .

    Attributes:
        value: The banned address or network; otherwise whatever `scope` says.
        scope: `Ip`, `Range`, or something else, such as `Country`.
        action: `ban`, or something else.
        reason: The scenario, or what was given as the reason.
        origin: Who decided: `crowdsec` for what it saw here, `cscli` for people here, `CAPI` and `lists` for others.
        since: When it was decided.
        until: When it expires, to the second.
        country: The address's country (ISO 3166), if CrowdSec knows it.
    """

    value: str
    scope: str
    action: str
    reason: str
    origin: str
    since: datetime
    until: datetime
    country: str

    @property
    def network(self) -> Network | None:
        """What is banned, as a network; None if it is not a network."""
        try:
            return ipaddress.ip_network(self.value, strict=False)
        except ValueError:
            return None

    @property
    def of_community(self) -> bool:
        """Whether others decided it."""
        return self.origin in _COMMUNITY

    def document(self) -> dict[str, str]:
        """Return it as a JSON document."""
        return {**asdict(self), "since": self.since.isoformat(), "until": self.until.isoformat()}


class CrowdSec:
    """A stack's CrowdSec, by its own command line."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def bans(self, *, community: bool = False) -> list[Ban]:
        """Return who is banned, newest first; of several bans of one address only one.

        Args:
            community: Include what others decided.

        Raises:
            BansError: CrowdSec does not answer.
        """
        words = ["decisions", "list", "--no-simu", "--limit", "0", "--output", "json"]
        return read(self._ask(*words, *(["--all"] if community else [])), datetime.now(UTC))

    def community_count(self) -> int | None:
        """Return how many bans others decided; None if that is unknown."""
        try:
            counted = json.loads(self._ask("metrics", "show", "decisions", "--output", "json"))["decisions"]
            return sum(
                int(count) for origins in counted.values() for one in _COMMUNITY for count in origins.get(one, {}).values()
            )
        except (BansError, *UNEXPECTED):
            return None

    def allowed(self) -> list[Network]:
        """Return the networks that should never be banned.

        Raises:
            BansError: CrowdSec does not answer.
        """
        with _understood():
            lists = json.loads(self._ask("allowlists", "list", "--output", "json")) or []
            values = [_text(item["value"]) for one in lists for item in one.get("items") or ()]
            return [ipaddress.ip_network(value, strict=False) for value in values]

    def lift(self, bans: Iterable[Ban]) -> None:
        """Lift bans, and all others of the same addresses.

        Raises:
            BansError: CrowdSec does not answer.
        """
        for value in dict.fromkeys(ban.value for ban in bans):
            self._ask("decisions", "delete", f"--value={value}")

    def _ask(self, *words: str) -> str:
        argv = ["timeout", str(_ANSWER_LIMIT_S), "cscli", *words]
        give_up = time.monotonic() + _PATIENCE_S
        while True:
            code, out, err = self._run(argv)
            if code == 0:
                return out
            if time.monotonic() >= give_up or not (code in _CUT_OFF or _API_ERROR in err):
                break
            time.sleep(_PAUSE_S)
        if code in (_TOO_LATE, *_CUT_OFF):
            raise BansError(f"{self._container.name} does not answer; it may still be starting: try again in a minute", 13)
        raise BansError(f"{self._container.name}: `cscli {' '.join(words)}` ended with exit code {code}: {(err or out).strip()}")

    def _run(self, argv: list[str]) -> tuple[int, str, str]:
        try:
            done: Any = self._container.exec_run(argv, demux=True)
        except APIError as error:
            if error.status_code == HTTPStatus.CONFLICT:  # its container is restarting
                return _CUT_OFF[0], "", str(error.explanation)
            raise BansError(f"cscli cannot be run in {self._container.name}: {error.explanation or error}") from error
        code, output = done
        out, err = ((part or b"").decode(errors="replace") for part in output)
        return int(code), out, err


@contextlib.contextmanager
def crowdsec(stack: Stack) -> Iterator[CrowdSec]:
    """Yield a stack's CrowdSec.

    Raises:
        BansError: It is not running.
        EngineError: The Docker engine does not answer.
    """
    if SERVICE not in stack.config.services:
        raise BansError("nobody is banned: protection is off in this stack (`protection.enabled` in its settings)")
    name = container_name(stack.config.stack, SERVICE)
    with connected(timeout=2 * _ANSWER_LIMIT_S) as engine:
        try:
            container = engine.containers.get(name)
        except NotFound:
            raise BansError(f"the container {name} is missing, so nobody new is banned; run `up`") from None
        if container.status != "running":
            raise BansError(f"the container {name} is not running ({container.status}); `docker start {name}` starts it")
        yield CrowdSec(container)


def read(printed: str, now: datetime) -> list[Ban]:
    """Return the bans in the JSON that `cscli decisions list` prints, in its order.

    Args:
        printed: What cscli printed.
        now: When its durations begin.

    Raises:
        BansError: It printed something else.
    """
    with _understood():
        alerts: Sequence[Mapping[str, Any]] = json.loads(printed) or []
        return [
            ban for alert in alerts for decision in alert["decisions"] or () if (ban := _ban(alert, decision, now)).until > now
        ]


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except UNEXPECTED as error:
        problem = shown(f"{type(error).__name__}: {error}")[:_SHOWN]
        raise BansError(f"cscli printed something unexpected: {problem}") from None


def _ban(alert: Mapping[str, Any], decision: Mapping[str, Any], now: datetime) -> Ban:
    since = datetime.fromisoformat(alert["created_at"])
    if since.tzinfo is None:
        raise ValueError(f"{alert['created_at']} has no time zone")
    return Ban(
        value=_text(decision["value"]),
        scope=_text(decision["scope"]),
        action=_text(decision["type"]),
        reason=_text(decision["scenario"]),
        origin=_text(decision["origin"]),
        since=since,
        until=(now + _left(decision["duration"])).replace(microsecond=0),
        country=_text((alert.get("source") or {}).get("cn") or ""),
    )


def _text(value: Any) -> str:
    """Return a text that can be shown: reasons are what somebody has typed."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return shown(value)


def _left(duration: str) -> timedelta:
    """Return a duration that Go has printed, rounded to seconds; one that is over has a minus sign and is zero."""
    if duration.startswith("-"):
        return timedelta()
    parts = _DURATION.fullmatch(duration)
    if not parts:
        raise ValueError(f"{duration!r} is not a duration")
    hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def hits(bans: Iterable[Ban], target: Network) -> list[Ban]:
    """Return the bans of an address or network: those that contain it, and those that it contains."""
    return [ban for ban in bans if (there := ban.network) and overlap(there, target)]


def overlap(one: Network, other: Network) -> bool:
    """Whether two networks overlap; IPv4 and IPv6 never do."""
    # Comparing different versions raises a TypeError.
    return one.version == other.version and one.overlaps(other)
