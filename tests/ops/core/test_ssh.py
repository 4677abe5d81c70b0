"""The words with which `ssh` logs in on its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.core.ssh import KEY_REFUSED, OTHER_HOST_KEY, connection_problem, ssh_options


@pytest.mark.parametrize(("trusts_new", "checks"), [(True, "accept-new"), (False, "yes")])
def test_it_asks_nobody_and_uses_one_key(trusts_new: bool, checks: str) -> None:
    words = ssh_options(identity=Path("/key"), known_hosts=Path("/known"), trusts_new=trusts_new)
    assert words[:2] == ["-i", "/key"]
    assert {"-oBatchMode=yes", "-oIdentitiesOnly=yes", "-oUserKnownHostsFile=/known"} < set(words)
    assert f"-oStrictHostKeyChecking={checks}" in words


def test_without_a_key_and_a_file_those_of_the_user_are_used() -> None:
    words = ssh_options(identity=None, known_hosts=None, trusts_new=True)
    assert not [word for word in words if word.startswith(("-i", "-oIdentitiesOnly", "-oUserKnownHostsFile"))]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (
            "subprocess ssh: @@@@@@\nsubprocess ssh: Someone could be eavesdropping\nHost key verification failed.\n",
            OTHER_HOST_KEY,
        ),
        ("rclone: u1@box: Permission denied (publickey).\nFatal: error\n", KEY_REFUSED),
        (
            "subprocess ssh: ssh: connect to host box port 1: Connection refused\nFatal: no session\n",
            "ssh: connect to host box port 1: Connection refused",
        ),
        ("rclone: Connection to box closed by remote host.\nSave(<data/1>) failed\n", "Connection to box closed by remote host."),
        ("ssh: Could not resolve hostname box: Name or service not known", None),
        ("Warning: Permanently added '[box]:23' (ED25519) to the list of known hosts.\nFatal: no space left on device", ""),
        ("", ""),
    ],
)
def test_why_it_did_not_connect_is_found_among_all_that_is_said(said: str, problem: str | None) -> None:
    assert connection_problem(said) == (said if problem is None else problem)
