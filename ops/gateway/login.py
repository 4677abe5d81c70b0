"""Checks passwords: one bcrypt at a time, for unknown accounts too. What was right and what was wrong is remembered.

Many clients may share an address, and one of them may keep an old password. So a password that is known to be right there comes
before all limits, and one that is known to be wrong there is refused without a comparison, and does not count again.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from ops.config import Account
from ops.credentials.passwords import DEFAULT_COST, password_matches, unmatched_hash
from ops.gateway.throttle import Throttle

# A push asks for several tokens within seconds. On a quarter of a core, bcrypt for each would take longer than the push.
REMEMBERED_S = 300.0
MAX_REMEMBERED = 1024
# For so long after its last use a password is known to be right at an address. A job that runs once a day still finds it known.
KNOWN_S = 26 * 3600.0
MAX_KNOWN = 2048
# Logins that may wait for bcrypt: some 10 s of work on a quarter of a core, about as long as clients wait.
MAX_WAITING = 32
_MAX_NAME = 128
_WRONG = "the name or the password is wrong"


class LoginError(Exception):
    """A login was refused; the message says why and holds no secret.

    Attributes:
        telling: Whether the operator should hear of it if it goes on: a program that sends the same wrong password again, or
            somebody where others sign in. Whoever guesses from elsewhere is nothing that an operator could mend.
    """

    telling = False


class WrongPasswordError(LoginError):
    """The password is wrong, or there is no such account; the message does not tell which."""


class TooManyFailuresError(LoginError):
    """This client has to wait for `wait_s` seconds."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many failed logins; try again in {wait_s} s")
        self.wait_s = wait_s


class LoginBusyError(LoginError):
    """Too many logins are waiting already."""


class _Recent:
    """Digests that are remembered until a time; the oldest are forgotten first."""

    def __init__(self, most: Callable[[], int], clock: Callable[[], float]) -> None:
        self._most, self._clock = most, clock
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def __contains__(self, one: bytes) -> bool:
        return self._until.get(one, 0.0) > self._clock()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._until)

    def keep(self, one: bytes, seconds: float) -> None:
        self._until[one] = self._clock() + seconds
        self._until.move_to_end(one)
        while len(self._until) > self._most():
            self._until.popitem(last=False)


class Login:
    """Checks passwords against the accounts."""

    def __init__(
        self,
        accounts: Callable[[], Mapping[str, Account]],
        throttle: Throttle,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remember nothing yet.

        Args:
            accounts: Returns the accounts in force, by name.
            throttle: Says who has to wait.
            clock: Seconds since any moment.
        """
        self._accounts = accounts
        self._throttle = throttle
        self._secret = secrets.token_bytes(32)
        self._right = _Recent(lambda: MAX_REMEMBERED, clock)  # anywhere
        self._right_here, self._wrong_here, self._waited_here = (_Recent(lambda: MAX_KNOWN, clock) for _ in range(3))
        self._clients = _Recent(lambda: MAX_KNOWN, clock)  # from which somebody has signed in
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
        account = self._without_comparing(client, name, password)
        if account:
            return account
        if self._waiting >= MAX_WAITING:
            raise LoginBusyError("too many logins at once; try again")
        self._waiting += 1
        try:
            async with self._turn:
                # The login before this one may have been the same one, or one failure too many.
                return self._without_comparing(client, name, password) or await self._compare(client, name, password)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Stop the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _without_comparing(self, client: str, name: str, password: str) -> Account | None:
        account = self._accounts().get(name)
        proof = self._proof(name, account, password)
        here = self._digest(f"{client}\0", proof)
        # Before the limits: a password that was right here. A client that guesses must not find it out in this way.
        if account and here in self._right_here and not self._throttle.is_guessing(client, name):
            self._signed_in(client, here)
            return account
        if here in self._wrong_here:
            self._wrong_here.keep(here, KNOWN_S)
            wait_s = self._throttle.repeated(here.hex())
            raise self._refusal(TooManyFailuresError(wait_s) if wait_s else WrongPasswordError(_WRONG), client, again=True)
        if wait_s := self._throttle.wait_s(client, name):
            again = here in self._waited_here
            if not again:
                self._throttle.guessed(client, name)
            self._waited_here.keep(here, KNOWN_S)
            raise self._refusal(TooManyFailuresError(wait_s), client, again=again)
        if account and proof in self._right:
            self._signed_in(client, here)
            return account
        return None

    def _signed_in(self, client: str, here: bytes) -> None:
        self._right_here.keep(here, KNOWN_S)
        self._clients.keep(client.encode(), KNOWN_S)

    def _refusal(self, error: LoginError, client: str, *, again: bool = False) -> LoginError:
        error.telling = again or client.encode() in self._clients
        return error

    async def _compare(self, client: str, name: str, password: str) -> Account:
        account = self._accounts().get(name)
        proof = self._proof(name, account, password)
        here = self._digest(f"{client}\0", proof)
        # An unknown account costs as much work as a known one, so that the time taken does not tell them apart.
        hashed = account.password_hash if account else unmatched_hash(_cost(self._accounts()))
        matches = await asyncio.get_running_loop().run_in_executor(self._thread, password_matches, password, hashed)
        if account is None or not matches:
            self._throttle.failed(client, name, here.hex())
            self._wrong_here.keep(here, KNOWN_S)
            raise self._refusal(WrongPasswordError(_WRONG), client)
        self._right.keep(proof, REMEMBERED_S)
        self._signed_in(client, here)
        return account

    def _proof(self, name: str, account: Account | None, password: str) -> bytes:
        """Return what is kept in memory in place of a password. It is another one once the account's password is another one."""
        return self._digest(f"{name}\0{account.password_hash if account else ''}\0", password.encode())

    def _digest(self, where: str, what: bytes) -> bytes:
        return hmac.digest(self._secret, where.encode() + what, hashlib.sha256)


def _cost(accounts: Mapping[str, Account]) -> int:
    return next((account.cost for account in accounts.values()), DEFAULT_COST)
