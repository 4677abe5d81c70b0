"""The limits of failed logins, on a clock of the test."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ops.config import FailureLimits
from ops.gateway import throttle
from ops.gateway.throttle import Throttle, client_key


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("limits.storage.memory.time", SimpleNamespace(time=clock))
    return clock


@pytest.fixture
def limiter(clock: Clock) -> Throttle:
    return Throttle(FailureLimits(per_client=5, per_account=3, window_s=60), clock=clock)


def fail(limiter: Throttle, client: str, account: str, times: int) -> None:
    for _ in range(times):
        limiter.failed(client, account, f"a password of {client}")


def test_a_client_waits_after_too_many_failures_at_one_account(limiter: Throttle) -> None:
    fail(limiter, "a", "admin", 2)
    assert limiter.wait_s("a", "admin") == 0
    fail(limiter, "a", "admin", 1)
    assert limiter.wait_s("a", "admin") == 60


def test_other_clients_and_other_accounts_need_not_wait(limiter: Throttle) -> None:
    fail(limiter, "a", "admin", 3)
    assert limiter.wait_s("b", "admin") == 0
    assert limiter.wait_s("a", "robot") == 0


def test_a_client_waits_after_too_many_failures_at_several_accounts(limiter: Throttle) -> None:
    for number in range(5):
        fail(limiter, "a", f"account{number}", 1)
    assert limiter.wait_s("a", "account0") == 60
    assert limiter.wait_s("a", "yet another") == 0, "its first try"
    for number in range(5):
        fail(limiter, "a", f"other{number}", 1)
    assert limiter.wait_s("a", "yet another") == 60
    assert limiter.wait_s("b", "account0") == 0


def test_the_window_moves(limiter: Throttle, clock: Clock) -> None:
    fail(limiter, "a", "admin", 1)
    clock.now += 30
    fail(limiter, "a", "admin", 2)
    assert limiter.wait_s("a", "admin") == 30  # until the first one leaves the window
    clock.now += 30.5
    assert limiter.wait_s("a", "admin") == 0
    fail(limiter, "a", "admin", 1)
    assert limiter.wait_s("a", "admin") == 30


def test_trying_while_waiting_does_not_prolong_it(limiter: Throttle, clock: Clock) -> None:
    fail(limiter, "a", "admin", 3)
    clock.now += 59.5
    assert limiter.wait_s("a", "admin") == 1
    clock.now += 1
    assert limiter.wait_s("a", "admin") == 0


def test_the_same_wrong_password_waits_by_itself(limiter: Throttle, clock: Clock) -> None:
    limiter.failed("a", "admin", "old")
    assert [limiter.repeated("old") for _ in range(4)] == [0, 0, 60, 60]
    assert limiter.wait_s("a", "admin") == 0
    clock.now += 60.5
    assert limiter.repeated("old") == 0


def test_ten_times_what_is_allowed_is_guessing(limiter: Throttle, clock: Clock) -> None:
    fail(limiter, "a", "admin", 3)
    for _ in range(26):
        limiter.guessed("a", "admin")
    assert not limiter.is_guessing("a", "admin")
    limiter.guessed("a", "admin")
    assert limiter.is_guessing("a", "admin")
    assert not limiter.is_guessing("a", "robot")
    clock.now += 60.5
    assert not limiter.is_guessing("a", "admin")


def test_memory_is_bounded_and_the_oldest_failures_are_forgotten_first(
    limiter: Throttle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "MAX_KEYS", 40)
    fail(limiter, "first", "admin", 3)
    fail(limiter, "kept", "admin", 2)
    for number in range(8):
        fail(limiter, f"client{number}", "admin", 1)
        assert len(limiter._keys) <= 40
    fail(limiter, "kept", "admin", 1)
    fail(limiter, "one more", "admin", 1)
    assert limiter.wait_s("first", "admin") == 0
    assert limiter.wait_s("kept", "admin") == 60
    assert set(limiter._storage.events) == set(limiter._keys)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_clients_are_told_apart_by_address_or_ipv6_network(address: str, key: str) -> None:
    assert client_key(address) == key


@pytest.mark.parametrize("address", ["", "unknown", "192.0.2.7:80", "1.2.3.4, 5.6.7.8", "a" * 100_000])
def test_what_is_not_an_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        client_key(address)
