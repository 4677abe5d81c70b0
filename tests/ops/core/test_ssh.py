"""The words with which `ssh` logs in on its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.core.ssh import ssh_options


@pytest.mark.parametrize(("trusts_new", "checks"), [(True, "accept-new"), (False, "yes")])
def test_it_asks_nobody_and_uses_one_key(trusts_new: bool, checks: str) -> None:
    words = ssh_options(identity=Path("/key"), known_hosts=Path("/known"), trusts_new=trusts_new)
    assert words[:2] == ["-i", "/key"]
    assert {"-oBatchMode=yes", "-oIdentitiesOnly=yes", "-oUserKnownHostsFile=/known"} < set(words)
    assert f"-oStrictHostKeyChecking={checks}" in words


def test_without_a_key_and_a_file_those_of_the_user_are_used() -> None:
    words = ssh_options(identity=None, known_hosts=None, trusts_new=True)
    assert not [word for word in words if word.startswith(("-i", "-oIdentitiesOnly", "-oUserKnownHostsFile"))]
