"""The configuration of a regsync that waits: the real one reads it, copies nothing, and ends in good order."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from stack_components.edge import component as edge
from stack_components.sync.component import REGISTRY, parts
from tests.plans import BARE, CATALOGUE, MIRROR, plan_with
from tests.real_programs import go_binary

_LONG_ENOUGH_S = 2.0


def configuration(folder: Path) -> Path:
    (part,) = [one for one in parts(plan_with(CATALOGUE, **BARE | {"sync": MIRROR})) if one.name == "regsync"]
    path = folder / "regsync.yml"
    path.write_bytes(part.files["regsync.yml"])
    return path


def test_it_has_no_logins_and_nothing_to_copy(tmp_path: Path) -> None:
    assert configuration(tmp_path).read_text() == "version: 1\nsync: []\n"


def test_the_host_knows_the_registry_by_the_name_that_the_edge_has_there() -> None:
    assert f"{edge.NAME}.inner:{edge.PLAIN_PORT}" == REGISTRY


@pytest.mark.system
def test_it_waits_until_it_is_stopped(tmp_path: Path) -> None:
    argv = [str(go_binary("regsync")), "server", "--config", str(configuration(tmp_path)), "--logopt", "json"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    with subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            time.sleep(_LONG_ENOUGH_S)
            assert process.poll() is None, "it ended by itself"
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0, said
    assert b"error" not in said.lower()
