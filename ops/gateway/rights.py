"""Who may do what, and the tokens of events and alerts: read at the start, and anew when the gateway is told to."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.config import RIGHTS_REFUSED, RIGHTS_TAKEN_IN, Access, Account, ConfigError, Person, Rights, load, read

_MIN_TOKEN = 16

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _InForce:
    accounts: Mapping[str, Account]
    people: Mapping[str, Person]
    anonymous: tuple[Access, ...]
    tokens: tuple[str, ...]
    alert_tokens: tuple[str, ...]


class LiveRights:
    """The rights in force, and the files that they come from."""

    def __init__(self, rights: Path, tokens: Path, alert_tokens: Path | None = None) -> None:
        """Read them.

        Args:
            rights: A `Rights` file.
            tokens: The file of the event token; while that is being rotated, it has two.
            alert_tokens: The file of Alertmanager's token, likewise; None if nothing sends alerts. Without it, all are refused.

        Raises:
            ConfigError: With the problems of all files.
        """
        self._files = rights, tokens, alert_tokens
        self._now = _read(*self._files)

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The accounts, by name."""
        return self._now.accounts

    @property
    def people(self) -> Mapping[str, Person]:
        """People known to the identity provider, by e-mail address in lower case."""
        return self._now.people

    @property
    def anonymous(self) -> tuple[Access, ...]:
        """What everybody may do."""
        return self._now.anonymous

    @property
    def operator(self) -> Account | None:
        """The operator's account."""
        return next((account for account in self._now.accounts.values() if account.operator), None)

    def is_event_token(self, given: str) -> bool:
        """Whether this is a token of the registry's events."""
        return _is_one_of(self._now.tokens, given)

    def is_alert_token(self, given: str) -> bool:
        """Whether this is a token of Alertmanager's."""
        return _is_one_of(self._now.alert_tokens, given)

    def take_in(self) -> None:
        """Read the files again. If something is wrong with them, all stays as it was, and the log says what it is."""
        try:
            new = _read(*self._files)
        except ConfigError as error:
            _log.error(RIGHTS_REFUSED, extra={"problems": error.problems})
            return
        self._now = new
        _log.info(RIGHTS_TAKEN_IN, extra={"accounts": len(new.accounts)})


def tokens_of(path: Path) -> tuple[str, ...]:
    """Return the tokens in a file, one a line.

    Raises:
        ConfigError: It cannot be read, or has something else, or nothing.
    """
    tokens = tuple(read(path).splitlines())
    if not tokens or not all(len(token) >= _MIN_TOKEN and token.isascii() and token.isprintable() for token in tokens):
        raise ConfigError([f"{path}: should hold a token of at least {_MIN_TOKEN} printable ASCII characters"])
    return tokens


def _is_one_of(tokens: tuple[str, ...], given: str) -> bool:
    return any(hmac.compare_digest(given.encode(), token.encode()) for token in tokens)


def _read(rights_file: Path, token_file: Path, alert_token_file: Path | None) -> _InForce:
    problems: list[str] = []
    rights, found = None, list[tuple[str, ...]]()
    try:
        rights = load(rights_file, Rights)
    except ConfigError as error:
        problems += error.problems
    if alert_token_file and not alert_token_file.exists():
        # As in the moment in which monitoring is being switched off. Pulls need tokens meanwhile.
        _log.error("alerts are refused: their token is missing", extra={"file": str(alert_token_file)})
        alert_token_file = None
    for file in (token_file, alert_token_file):
        try:
            found.append(tokens_of(file) if file else ())
        except ConfigError as error:
            problems += error.problems
    if rights is None or problems:
        raise ConfigError(problems)
    return _InForce(
        {account.name: account for account in rights.accounts},
        {person.name: person for person in rights.people},
        rights.anonymous,
        *found,
    )
