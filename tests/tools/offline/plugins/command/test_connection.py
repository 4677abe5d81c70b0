"""The inputs of remote resources: defaults, secrets, and how faults are told."""

from __future__ import annotations

from typing import Any

import pytest

from tools.offline.plugins.command.remote_command import RemoteCommand
from tools.offline.plugins.resource import Checked
from tools.offline.plugins.session import Session
from tools.offline.plugins.values import UNKNOWN, Secret

_DEFAULTS = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}


def check(connection: Any, **more: Any) -> Checked:
    return RemoteCommand(Session("")).check("", {"connection": connection, **more}, {}, "")


def reasons(connection: Any, **more: Any) -> list[str]:
    return [fault.reason for fault in check(connection, **more).failures]


@pytest.mark.parametrize("wrap", [lambda value: value, Secret])
def test_it_is_secret_with_its_defaults(wrap: Any) -> None:
    checked = check(wrap({"host": "h", "privateKey": "k", "password": Secret("p"), "proxy": {"host": "p", "password": "p"}}))
    proxy = {**_DEFAULTS, "host": "p", "password": Secret("p")}
    whole = {**_DEFAULTS, "host": "h", "privateKey": Secret("k"), "password": Secret("p"), "proxy": proxy}
    assert checked == Checked({"connection": Secret(whole)}, [])


def test_what_is_not_known_yet_is_accepted() -> None:
    assert check(UNKNOWN) == Checked({"connection": Secret(UNKNOWN)}, [])
    known = {**_DEFAULTS, "host": UNKNOWN, "proxy": UNKNOWN, "privateKey": Secret(UNKNOWN), "dialErrorLimit": UNKNOWN}
    assert check(dict.fromkeys(("host", "proxy", "privateKey", "dialErrorLimit"), UNKNOWN)).inputs == {
        "connection": Secret(known)
    }


def test_all_faults_of_it_are_told_together() -> None:
    (said,) = reasons({"port": True, "zzz": 1, "aaa": 2, "user": 5})
    assert said.splitlines() == [
        "An error occurred decoding 'CommandInputs.connection': 5 failures decoding:",
        "\tuser: Field 'user' on 'remote.Connection' must be a 'string'; got 'float64' instead",
        "\thost: Missing required field 'host' on 'remote.Connection'",
        "\tport: Field 'port' on 'remote.Connection' must be a 'float64'; got 'bool' instead",
        "\taaa: Unrecognized field 'aaa' on 'remote.Connection'",
        "\tzzz: Unrecognized field 'zzz' on 'remote.Connection'",
    ]


def test_a_faulty_one_is_secret_too() -> None:
    assert check({"host": "h", "password": 5}).inputs == {"connection": Secret({"host": "h", "password": 5})}


def test_it_is_required() -> None:
    assert reasons(None) == ["Missing required field 'connection' on 'remote.CommandInputs'"]
