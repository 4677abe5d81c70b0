"""Checks passwords: one bcrypt at a time, for unknown accounts too. Correct ones are remembered for some minutes."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from ops.config import Account
from ops.credentials.passwords import DEFAULT_COST, password_matches, unmatched_hash
from ops.gateway.throttle import Throttle

# A push asks for several tokens within seconds. On a quarter of a core, bcrypt for each would take longer than the push.
REMEMBERED_S = 300.0
MAX_REMEMBERED = 1024
# Logins that may wait for bcrypt: some 10 s of work on a quarter of a core, about as long as clients wait.
MAX_WAITING = 32
_MAX_NAME = 128


class LoginError(Exception):
    """A login was refused; the message says why and holds no secret."""


class WrongPasswordError(LoginError):
    """The password is wrong, or there is no such account; the message does not tell which."""


class TooManyFailuresError(LoginError):
    """This client has to wait for `wait_s` seconds."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many failed logins; try again in {wait_s} s")
        self.wait_s = wait_s


class LoginBusyError(LoginError):
    """Too many logins are waiting already."""


class Login:
    """Checks passwords against the accounts."""

    def __init__(
        self, accounts: Mapping[str, Account], throttle: Throttle, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._accounts = accounts
        self._throttle = throttle
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, float] = OrderedDict()
        self._waiting = 0
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bcrypt")

    async def check(self, client: str, name: str, password: str) -> Account:
        """Return the account that a name and password belong to.

        Args:
            client: The key under which its failures are counted (`throttle.client_key`).
            name: The account's name as the client gave it.
            password: The password as the client gave it.

        Raises:
            LoginError: Refused; a subclass says why.
        """
        name = name[:_MAX_NAME]  # no account's name is longer, and it is kept to count failures
        account = self._try_remembered(client, name, password)
        if account:
            return account
        if self._waiting >= MAX_WAITING:
            raise LoginBusyError("too many logins at once; try again")
        self._waiting += 1
        try:
            async with self._turn:
                # The login before this one may have been the same one, or one failure too many.
                return self._try_remembered(client, name, password) or await self._compare(client, name, password)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Stop the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _try_remembered(self, client: str, name: str, password: str) -> Account | None:
        # The limit comes first: a client over it must not go on guessing at remembered passwords.
        wait_s = self._throttle.wait_s(client, name)
        if wait_s:
            raise TooManyFailuresError(wait_s)
        account = self._accounts.get(name)
        if account and self._remembered.get(self._proof(account, password), 0.0) > self._clock():
            self._throttle.succeeded(client, name)
            return account
        return None

    async def _compare(self, client: str, name: str, password: str) -> Account:
        account = self._accounts.get(name)
        # An unknown account costs as much work as a known one, so that the time taken does not tell them apart.
        hashed = account.password_hash if account else unmatched_hash(_cost(self._accounts))
        matches = await asyncio.get_running_loop().run_in_executor(self._thread, password_matches, password, hashed)
        if account is None or not matches:
            self._throttle.failed(client, name)
            raise WrongPasswordError("the name or the password is wrong")
        self._throttle.succeeded(client, name)
        self._remember(self._proof(account, password))
        return account

    def _remember(self, proof: bytes) -> None:
        self._remembered[proof] = self._clock() + REMEMBERED_S
        self._remembered.move_to_end(proof)
        while len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)

    def _proof(self, account: Account, password: str) -> bytes:
        """Return what is kept in memory in place of a correct password."""
        text = f"{account.name}\0{password}"
        return hmac.digest(self._secret, text.encode(), hashlib.sha256)


def _cost(accounts: Mapping[str, Account]) -> int:
    return next((account.cost for account in accounts.values()), DEFAULT_COST)
