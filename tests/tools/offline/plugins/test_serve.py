"""A plugin starts quickly without the whole SDK, ends quietly when it is told to, and does not outlive its engine."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from tools.offline.plugins.version import plugin_version

_LIMIT_S = 30.0
# An engine: starts the plugin, tells its process id, and is then killed.
_ENGINE = """
import subprocess, sys, time
plugin = subprocess.Popen([sys.argv[1], "127.0.0.1:1"], stdout=subprocess.PIPE, text=True)
print(plugin.pid, plugin.stdout.readline().strip(), flush=True)
time.sleep(60)
"""
_IMPORTED = """
import sys
sys.path.insert(0, sys.argv[1])
from tools.offline.plugins.start import use_bare_sdk
use_bare_sdk()
import {module}
print(sorted(name for name in sys.modules if name in ("pulumi.resource", "docker", "requests", "yaml")))
"""


@pytest.fixture(params=["docker", "command", "hcloud"])
def plugin(request: pytest.FixtureRequest, home: Path) -> Path:
    name = request.param
    return home / "plugins" / f"resource-{name}-v{plugin_version(name)}" / f"pulumi-resource-{name}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_and_without_a_word(plugin: Path, number: signal.Signals) -> None:
    with subprocess.Popen([plugin, "127.0.0.1:1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip().isdigit()
        process.send_signal(number)
        out, err = process.communicate(timeout=_LIMIT_S)
    assert (process.returncode, out, err) == (0, "", "")


def test_it_ends_when_its_engine_was_killed(plugin: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _ENGINE, plugin], stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        pid, port = engine.stdout.readline().split()
        assert port.isdigit()
        assert _is_running(pid)
        engine.kill()
    give_up = time.monotonic() + _LIMIT_S
    while _is_running(pid):
        assert time.monotonic() < give_up, f"process {pid} outlived its engine"
        time.sleep(0.1)


@pytest.mark.parametrize(
    "module",
    [
        "tools.offline.plugins.docker.provider",
        "tools.offline.plugins.command.provider",
        "tools.offline.plugins.hcloud.provider",
        "tools.offline.language_host",
    ],
)
def test_only_what_is_needed_is_imported(module: str) -> None:
    code = _IMPORTED.format(module=module)
    argv = [sys.executable, "-I", "-c", code, str(PROJECT_FOLDER)]
    assert subprocess.run(argv, check=True, capture_output=True, text=True).stdout == "[]\n"


def _is_running(pid: str) -> bool:
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
