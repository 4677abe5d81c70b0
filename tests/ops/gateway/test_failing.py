"""Accounts that are refused again and again: who is told, when, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.config import FAILING_LOGINS_FILE, FailingLogins, load
from ops.gateway.failing import Failing
from tests.ops.gateway.client import Client
from tests.ops.gateway.gateway_rig import basic


class Clock:
    """Time that passes when the test says so."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def failing(tmp_path: Path, clock: Clock) -> Failing:
    return Failing(tmp_path / FAILING_LOGINS_FILE, 3, clock=clock)


def times(failing: Failing) -> dict[str, int]:
    return {f"{one.account}@{one.client}": one.times for one in failing.told().logins}


def test_an_account_is_told_with_its_address_once_it_was_refused_often_enough(failing: Failing, clock: Clock) -> None:
    assert [failing.refused("ci", "a") for _ in range(4)] == [False, False, True, False]
    assert failing.refused("ci", "b") is False
    assert times(failing) == {"ci@a": 4}
    clock.now += 31
    assert failing.refused("ci", "a"), "the number is told now and then"


def test_those_that_are_refused_most_often_come_first(failing: Failing) -> None:
    for account, count in (("few", 3), ("many", 9), ("some", 5)):
        for _ in range(count):
            failing.refused(account, "a")
    assert list(times(failing)) == ["many@a", "some@a", "few@a"]


def test_after_an_hour_without_any_it_is_over_and_begins_anew(failing: Failing, clock: Clock) -> None:
    for _ in range(3):
        failing.refused("ci", "a")
    clock.now += 3601
    assert times(failing) == {}
    failing.refused("ci", "a")
    assert times(failing) == {}


def test_what_is_kept_is_bounded(failing: Failing) -> None:
    for number in range(1000):
        for _ in range(3):
            failing.refused(f"robot{number}", "a")
    assert len(times(failing)) == 20
    assert len(failing._refused) == 256


def test_a_disk_that_cannot_be_written_refuses_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    Failing(tmp_path / "file" / "below", 3).write()
    assert caplog.messages == ["failing logins cannot be told"]


def test_an_old_password_that_comes_again_is_written_for_the_operator(client: Client) -> None:
    file = client.config.events_db.with_name(FAILING_LOGINS_FILE)
    here = {"X-Forwarded-For": "203.0.113.7"}
    for _ in range(6):
        assert client.token(headers=basic("robot", "old") | here).status_code in {401, 429}
    for number in range(6):
        client.token(headers=basic("admin", f"guess {number}") | {"X-Forwarded-For": "198.51.100.1"})
    (told,) = load(file, FailingLogins).logins
    assert (told.account, told.client) == ("robot", "203.0.113.7")
    assert client.token(headers=basic("robot") | here).status_code == 200
    assert client.token(headers=basic("admin") | here).status_code == 200
