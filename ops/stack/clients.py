"""Who pulls what, by the edge's access log: an account or an address, its program, repositories, how often, and when last."""

from __future__ import annotations

import re
import time
import weakref
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ops.config import TOKEN_PATH
from ops.stack.access_log import DISORDER_S, SENT, Line, Pulls, content_of, parsed
from ops.stack.log_files import Appended

# Those that were seen last are kept: who sends many addresses or names fills no memory.
_MOST_CLIENTS, _MOST_ACCOUNTS, _MOST_REPOSITORIES = 1000, 2000, 200
# More lines than come in a few seconds.
_MOST_LATELY = 4096
# The longest that a token may be valid: afterwards nobody knows who asks from there.
_SIGNED_IN_S = 3600.0
_LONGEST_NAME = 40
_OTHERS = "other repositories"
# What programs call themselves. Docker's name also begins with that of Go's library in some versions.
_FAMILIES = (
    ("Docker", re.compile(r"\bdocker/|\bDocker-Client/|\bmoby/")),
    ("BuildKit", re.compile(r"\bbuildkit/")),
    ("containerd", re.compile(r"\bcontainerd/")),
    ("CRI-O", re.compile(r"\bcri-o/")),
    ("regclient", re.compile(r"\bregclient/")),
    ("Podman, Buildah, Skopeo", re.compile(r"\bcontainers/|\b(?:podman|buildah|skopeo)/|\blibpod/")),
    ("browser", re.compile(r"^Mozilla/")),
)
_INDEX = re.compile(r"(?:image\.index|manifest\.list)\.v\d\+json")


class _Who(NamedTuple):
    """An account, or an address without one, and what it uses."""

    name: str
    signed_in: bool
    family: str


@dataclass
class Client:
    """Who pulls.

    Attributes:
        name: The account; without one, the address.
        signed_in: Whether it is an account.
        family: The program, without its version: what it calls itself.
        address: The address that it was seen at last.
        images: How many images it has pulled; one for several platforms counts for each platform that was pulled.
        size: Bytes that it got.
        repositories: How many images of each repository; others together, once there are very many.
        last: When it last got anything (Unix time).
    """

    name: str
    signed_in: bool
    family: str
    address: str = ""
    images: int = 0
    size: int = 0
    repositories: Counter[str] = field(default_factory=Counter)
    last: float = 0.0


@dataclass(frozen=True)
class Pulling:
    """What has been pulled.

    Attributes:
        since: How far back the log goes (Unix time); None if it is empty.
        repositories: What clients have pulled, by repository.
        clients: Who has, the last one first.
    """

    since: float | None
    repositories: dict[str, Pulls]
    clients: Sequence[Client]

    def last(self, repository: str, *references: str | None) -> float | None:
        """Return when one of these tags and digests was last pulled from a repository (Unix time); None if none was.

        Without any, it is when anything of it was.
        """
        pulls = self.repositories.get(repository)
        if not pulls:
            return None
        if not references:
            return pulls.last or None
        return max((pulls.latest[one] for one in references if one in pulls.latest), default=None)


class ClientLog:
    """Reads the access log: all of it once, then what was appended."""

    def __init__(self, log: Path) -> None:
        """Begin with the oldest file that is kept."""
        self._appended = Appended(log, whole=True)
        # It is read for as long as somebody may ask.
        weakref.finalize(self, self._appended.close)
        self._since: float | None = None
        self._latest = 0.0
        self._lately: dict[int, float] = {}
        self._repositories: dict[str, Pulls] = {}
        self._clients: OrderedDict[_Who, Client] = OrderedDict()
        self._accounts: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()

    def read(self, pause: Callable[[], None] = lambda: None) -> Pulling:
        """Read what is new, and return what is known now.

        Args:
            pause: Called often.
        """
        for line in self._appended.lines():
            pause()
            self._take(line)
        return Pulling(self._since, self._repositories, tuple(reversed(self._clients.values())))

    def _take(self, line: bytes) -> None:
        wanted = b"/v2/" in line or TOKEN_PATH.encode() in line
        if self._since is not None and not (wanted and b'"method":"GET"' in line):
            return
        one = parsed(line)
        if one is None or self._is_known(one, hash(line.rstrip())):
            return
        self._since = one.time if self._since is None else self._since
        if one.method == "GET" and one.path == TOKEN_PATH:
            self._signed_in(one)
        elif one.status in SENT and (asked := content_of(one)):
            self._repositories.setdefault(asked[1], Pulls()).add(one, asked)
            self._count(one, asked)

    def _is_known(self, one: Line, line: int) -> bool:
        """Whether a line was read before: a file that is compressed when it is rotated is read again from its beginning."""
        if one.time < self._latest - DISORDER_S or line in self._lately:
            return True
        self._latest = max(self._latest, min(one.time, time.time()))
        self._lately[line] = one.time
        if len(self._lately) > _MOST_LATELY:
            recent = {other: at for other, at in self._lately.items() if at >= self._latest - DISORDER_S}
            self._lately = dict(list(recent.items())[-_MOST_LATELY // 2 :])
        return False

    def _signed_in(self, one: Line) -> None:
        """Note who signs in: tokens are no secret of the log, but who got one from where is in it."""
        key = one.client, one.agent
        self._accounts.pop(key, None)
        if one.account:
            self._accounts[key] = one.account, one.time
            if len(self._accounts) > _MOST_ACCOUNTS:
                self._accounts.popitem(last=False)

    def _count(self, one: Line, asked: re.Match[str]) -> None:
        account, at = self._accounts.get((one.client, one.agent), ("", 0.0))
        known = bool(account) and one.time - at < _SIGNED_IN_S
        who = _Who(account if known else one.client, known, family_of(one.agent))
        client = self._clients.pop(who, None) or Client(*who)
        self._clients[who] = client
        if len(self._clients) > _MOST_CLIENTS:
            self._clients.popitem(last=False)
        client.address, client.last = one.client, max(client.last, one.time)
        client.size += one.size
        if asked[2] == "manifests" and not _INDEX.search(one.media_type):
            client.images += 1
            listed = asked[1] in client.repositories or len(client.repositories) < _MOST_REPOSITORIES
            client.repositories[asked[1] if listed else _OTHERS] += 1


def family_of(agent: str) -> str:
    """Return the program that a client says it is, without its version. It can say anything."""
    for name, pattern in _FAMILIES:
        if pattern.search(agent):
            return name
    words = agent.split("/", 1)[0].split()
    return (words[-1] if words else "")[:_LONGEST_NAME] or "unknown"
