"""Passwords: how often bcrypt runs, who is refused, what is remembered. Counted, not timed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from ops.config import FailureLimits
from ops.credentials import passwords
from ops.gateway import login as module
from ops.gateway.login import Login, LoginBusyError, LoginError, TooManyFailuresError, WrongPasswordError
from ops.gateway.throttle import Throttle
from tests.ops.gateway.gateway_rig import ADMIN, PASSWORDS, ROBOT, account

RIGHT = PASSWORDS["admin"]


class Rig:
    """A login service, with a count of what bcrypt was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.hashes: list[str] = []
        throttle = Throttle(FailureLimits(per_client=5, per_account=3, window_s=60))
        self.accounts = {"admin": ADMIN, "robot": ROBOT}
        self.login = Login(lambda: self.accounts, throttle, clock=lambda: self.now)
        monkeypatch.setattr(module, "password_matches", self._matches)

    def _matches(self, password: str, hashed: str) -> bool:
        self.hashes.append(hashed)
        return passwords.password_matches(password, hashed)

    def check(self, name: str, password: str, client: str = "a") -> str | type[LoginError]:
        """Return the account's name, or how the login was refused."""
        return self.check_together((name, password, client))[0]

    def check_together(self, *logins: tuple[str, str, str]) -> list[str | type[LoginError]]:
        """Log in at the same time."""

        async def one(name: str, password: str, client: str) -> str | type[LoginError]:
            try:
                return (await self.login.check(client, name, password)).name
            except LoginError as error:
                return type(error)

        async def all_of_them() -> list[str | type[LoginError]]:
            return await asyncio.gather(*(one(*login) for login in logins))

        return asyncio.run(all_of_them())


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    rig = Rig(monkeypatch)
    yield rig
    rig.login.close()


def test_the_right_password_is_accepted_and_remembered(rig: Rig) -> None:
    assert [rig.check("admin", RIGHT) for _ in range(10)] == ["admin"] * 10
    assert rig.hashes == [ADMIN.password_hash]


def test_an_unknown_account_costs_what_a_wrong_password_costs(rig: Rig) -> None:
    assert rig.check("admin", "wrong") is WrongPasswordError
    assert rig.check("nobody", "wrong") is WrongPasswordError
    known, unknown = rig.hashes
    assert known[:7] == unknown[:7] == "$2b$04$"


@pytest.mark.parametrize("name", ["", "Admin", "admin ", "admin\0", "ädmin", "admin/../robot", "a" * 100_000])
def test_only_the_exact_name_is_an_account(rig: Rig, name: str) -> None:
    assert rig.check(name, RIGHT) is WrongPasswordError
    assert len(rig.hashes) == 1


@pytest.mark.parametrize("password", ["", RIGHT + " ", RIGHT + "\0", RIGHT.upper(), "x" * 100_000])
def test_only_the_exact_password_is_right(rig: Rig, password: str) -> None:
    assert rig.check("admin", RIGHT) == "admin"
    assert rig.check("admin", password) is WrongPasswordError
    assert len(rig.hashes) == 2


def test_a_password_is_right_for_its_own_account_only(rig: Rig) -> None:
    assert rig.check("admin", RIGHT) == "admin"
    assert rig.check("robot", RIGHT) is WrongPasswordError


def test_a_password_is_remembered_for_five_minutes_and_where_it_is_used_for_a_day(rig: Rig) -> None:
    rig.check("admin", RIGHT)
    rig.now += 299
    assert rig.check("admin", RIGHT, client="b") == "admin"
    assert len(rig.hashes) == 1
    rig.now += 2  # from the comparison on, not from the last use
    assert rig.check("admin", RIGHT, client="c") == "admin"
    assert len(rig.hashes) == 2
    for _ in range(3):
        rig.now += 25 * 3600
        assert rig.check("admin", RIGHT) == "admin"
    assert len(rig.hashes) == 2
    rig.now += 27 * 3600
    assert rig.check("admin", RIGHT) == "admin"
    assert len(rig.hashes) == 3


def test_what_is_remembered_ends_with_the_password_and_with_the_account(rig: Rig) -> None:
    rig.check("admin", RIGHT)
    assert rig.check("admin", "new one") is WrongPasswordError
    rig.accounts["admin"] = account("admin", password="new one")
    assert rig.check("admin", RIGHT) is WrongPasswordError
    assert rig.check("admin", "new one") == "admin"
    del rig.accounts["admin"]
    assert rig.check("admin", "new one") is WrongPasswordError


def test_what_is_remembered_is_bounded_and_holds_no_password(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 1)
    monkeypatch.setattr(module, "MAX_KNOWN", 1)
    for name, password in (*PASSWORDS.items(), ("admin", "wrong"), ("admin", "other")):
        rig.check(name, password)
    kept = [*rig.login._right, *rig.login._right_here, *rig.login._wrong_here]
    assert len(kept) == 3
    rig.check("admin", RIGHT)
    assert len(rig.hashes) == 5
    assert RIGHT.encode() not in b"".join(kept)


def test_over_the_limit_no_new_password_is_compared_not_even_the_right_one(rig: Rig) -> None:
    for number in range(3):
        assert rig.check("admin", f"guess {number}") is WrongPasswordError
    assert rig.check("admin", "guess 3") is TooManyFailuresError
    assert rig.check("admin", RIGHT) is TooManyFailuresError
    assert len(rig.hashes) == 3


def test_an_old_password_lets_nobody_wait_but_who_sends_it(rig: Rig) -> None:
    assert [rig.check("admin", "old") for _ in range(20)] == [WrongPasswordError] * 3 + [TooManyFailuresError] * 17
    assert rig.check("admin", RIGHT) == "admin", "its first try there"
    assert rig.check("robot", PASSWORDS["robot"]) == "robot"
    assert rig.check("admin", "old") is TooManyFailuresError
    assert len(rig.hashes) == 3


def test_many_old_passwords_let_nobody_wait_but_who_sends_them(rig: Rig) -> None:
    for number in range(6):
        for _ in range(5):
            rig.check(f"robot{number}", "old")
    assert rig.check("robot0", "other") is TooManyFailuresError
    assert rig.check("admin", RIGHT) == "admin"


def test_a_password_that_was_right_there_comes_before_the_limits(rig: Rig) -> None:
    assert rig.check("admin", RIGHT) == "admin"
    for number in range(20):
        rig.check("admin", f"guess {number}")
    assert rig.check("admin", RIGHT) == "admin"
    rig.now += 3600
    assert rig.check("admin", RIGHT) == "admin"
    assert rig.check("admin", RIGHT, client="b") == "admin"


def test_known_passwords_are_not_found_by_guessing_from_where_they_are_used(rig: Rig) -> None:
    assert rig.check("admin", RIGHT) == "admin"
    for number in range(30):
        rig.check("admin", f"guess {number}")
    assert rig.check("admin", RIGHT) is TooManyFailuresError
    assert rig.check("robot", PASSWORDS["robot"]) == "robot", "only that account waits"
    assert rig.check("admin", RIGHT, client="b") == "admin"


def test_waiting_passwords_are_no_guesses_when_they_come_again(rig: Rig) -> None:
    assert rig.check("admin", RIGHT) == "admin"
    for number in range(3):
        rig.check("admin", f"guess {number}")
    assert {rig.check("admin", "old") for _ in range(100)} == {TooManyFailuresError}
    assert rig.check("admin", RIGHT) == "admin"


def test_accounts_are_tried_one_after_the_other_only_so_often(rig: Rig) -> None:
    found = [rig.check(f"account{number}", "a common one") for number in range(15)]
    assert found == [WrongPasswordError] * 10 + [TooManyFailuresError] * 5
    assert rig.check("admin", RIGHT) is TooManyFailuresError
    assert len(rig.hashes) == 10


def test_a_locked_out_client_locks_out_nobody_else(rig: Rig) -> None:
    for number in range(4):
        rig.check("admin", f"guess {number}")
    assert rig.check("admin", RIGHT) is TooManyFailuresError
    assert rig.check("admin", RIGHT, client="b") == "admin"


def test_the_operator_hears_of_old_passwords_and_of_guesses_where_others_sign_in(rig: Rig) -> None:
    def telling(name: str, password: str, client: str) -> bool:
        with pytest.raises(LoginError) as refused:
            asyncio.run(rig.login.check(client, name, password))
        return refused.value.telling

    assert [telling("admin", "old", "a") for _ in range(3)] == [False, True, True]
    assert [telling("admin", f"guess {number}", "far") for number in range(5)] == [False] * 5
    assert telling("admin", "guess 4", "far"), "it waits, and is sent again"
    rig.check("robot", PASSWORDS["robot"])
    assert telling("admin", "guess", "a")


def test_many_guesses_at_once_get_no_more_tries_than_one_after_the_other(rig: Rig) -> None:
    results = rig.check_together(*(("admin", f"guess {number}", "a") for number in range(20)))
    assert results.count(WrongPasswordError) == 3
    assert results.count(TooManyFailuresError) == 17
    assert len(rig.hashes) == 3


def test_the_same_login_many_times_at_once_runs_bcrypt_once(rig: Rig) -> None:
    assert rig.check_together(*[("admin", RIGHT, "a")] * 20) == ["admin"] * 20
    assert len(rig.hashes) == 1


def test_the_queue_for_bcrypt_is_bounded(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    results = rig.check_together(*(("admin", RIGHT, f"client{number}") for number in range(5)))
    assert results == ["admin", "admin", LoginBusyError, LoginBusyError, LoginBusyError]
    assert rig.check("admin", RIGHT) == "admin"


def test_others_are_served_while_bcrypt_runs(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.check("admin", RIGHT)
    started, go_on = threading.Event(), threading.Event()

    def slow(password: str, hashed: str) -> bool:
        started.set()
        assert go_on.wait(10)
        return passwords.password_matches(password, hashed)

    async def both() -> None:
        monkeypatch.setattr(module, "password_matches", slow)
        waiting = asyncio.create_task(rig.login.check("b", "robot", PASSWORDS["robot"]))
        assert await asyncio.to_thread(started.wait, 10)
        assert (await rig.login.check("a", "admin", RIGHT)).name == "admin"
        assert not waiting.done()
        go_on.set()
        assert (await waiting).name == "robot"

    asyncio.run(both())
