"""Rights that are taken in while the gateway runs: checked, swapped whole, and left as they were when something is wrong."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from ops.config import RIGHTS_REFUSED, RIGHTS_TAKEN_IN, Access, ConfigError, GatewayConfig
from ops.core.files import write_atomic
from ops.gateway.rights import LiveRights
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import (
    ADMIN,
    PASSWORDS,
    ROBOT,
    SENDER,
    SERVICE,
    WEBHOOK_TOKEN,
    Process,
    account,
    basic,
    envelope,
    event,
    running,
    write_files,
    write_rights,
)

NEWCOMER = account("newcomer", Access(repositories="new/**", actions=("pull",)), password="of the newcomer")
PUBLIC = (Access(repositories="public/**", actions=("pull",)),)


@pytest.fixture
def config(tmp_path: Path) -> GatewayConfig:
    return write_files(tmp_path)


def test_changed_rights_are_taken_in_whole(config: GatewayConfig) -> None:
    rights = LiveRights(config.rights_file, config.webhook_token_file)
    write_rights(config.rights_file, ROBOT, NEWCOMER, anonymous=PUBLIC)
    assert set(rights.accounts) == {"admin", "robot"}
    rights.take_in()
    assert set(rights.accounts) == {"robot", "newcomer"}
    assert (rights.anonymous, rights.operator) == (PUBLIC, None)


@pytest.mark.parametrize("broken", ["", "{}", '{"accounts": [{"name": "a", "password_hash": "hush", "access": []}]}'])
def test_what_is_wrong_with_them_is_logged_and_all_stays(
    config: GatewayConfig, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    rights = LiveRights(config.rights_file, config.webhook_token_file)
    config.rights_file.write_text(broken)
    write_atomic(config.webhook_token_file, "another-token-of-the-tests")
    rights.take_in()
    assert set(rights.accounts) == {"admin", "robot"}
    assert (rights.is_event_token(WEBHOOK_TOKEN), rights.is_event_token("another-token-of-the-tests")) == (True, False)
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, RIGHTS_REFUSED)
    assert str(config.rights_file) in str(vars(record))
    assert "hush" not in str(vars(record))


def test_the_problems_of_both_files_are_told(config: GatewayConfig) -> None:
    config.rights_file.unlink()
    config.webhook_token_file.write_text("short")
    with pytest.raises(ConfigError) as refused:
        LiveRights(config.rights_file, config.webhook_token_file)
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [
        str(config.rights_file),
        str(config.webhook_token_file),
    ]


def test_while_the_event_token_is_rotated_two_are_good(config: GatewayConfig) -> None:
    rights, other = LiveRights(config.rights_file, config.webhook_token_file), "another-token-of-the-tests"
    assert not rights.is_event_token("")
    for tokens in ([WEBHOOK_TOKEN, other], [other, WEBHOOK_TOKEN], [other]):
        write_atomic(config.webhook_token_file, "\n".join(tokens))
        rights.take_in()
        assert [rights.is_event_token(token) for token in (WEBHOOK_TOKEN, other)] == [WEBHOOK_TOKEN in tokens, True]


def tell(gateway: Process, said: str) -> None:
    """Tell a gateway that its files have changed; wait until it has said something."""
    before = gateway.log.count(said)
    os.kill(gateway.process.pid, signal.SIGUSR1)
    until(lambda: gateway.log.count(said) > before)


def until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def test_a_running_gateway_takes_them_in_when_it_is_told(tmp_path: Path) -> None:
    port = free_port()
    config = write_files(tmp_path, port=port)
    with running(tmp_path, port) as gateway, httpx.Client(base_url=gateway.url, params={"service": SERVICE}) as client:

        def signs_in(name: str, password: str) -> int:
            return client.get("/auth/token", headers=basic(name, password)).status_code

        assert signs_in("admin", PASSWORDS["admin"]) == 200
        changed = account("admin", *ADMIN.access, password="another password")
        write_rights(config.rights_file, changed, NEWCOMER)
        write_atomic(config.webhook_token_file, "another-token-of-the-tests")
        tell(gateway, RIGHTS_TAKEN_IN)
        assert signs_in("newcomer", "of the newcomer") == 200
        assert signs_in("admin", "another password") == 200
        assert signs_in("admin", PASSWORDS["admin"]) == 401, "though it was remembered"
        assert signs_in("robot", PASSWORDS["robot"]) == 401
        config.rights_file.write_text("{")
        tell(gateway, RIGHTS_REFUSED)
        assert signs_in("newcomer", "of the newcomer") == 200
        for token, status in ((SENDER["Authorization"], 401), ("Bearer another-token-of-the-tests", 202)):
            sent = client.post("/events", headers={"Authorization": token}, content=envelope(event(token)))
            assert sent.status_code == status
