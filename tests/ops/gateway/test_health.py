"""The container's health check, as a program."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ops.core import process
from ops.gateway import health
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import running, write_files


def ask(url: str) -> process.Completed:
    return process.run([sys.executable, "-m", "ops.gateway.health", "--url", url], timeout=30, check=False)


def test_it_tells_whether_the_gateway_works(tmp_path: Path) -> None:
    port = free_port()
    config = write_files(tmp_path, port=port)
    url = f"http://127.0.0.1:{port}/healthz"
    assert ask(url).returncode == 1
    with running(tmp_path, port) as gateway:
        completed = ask(url)
        assert (completed.returncode, completed.stdout) == (0, '{"status":"ok"}\n')
        assert ask(f"http://127.0.0.1:{port}/nowhere").returncode == 1
        gateway.end()
        config.events_db.unlink()
        config.events_db.mkdir()
    with running(tmp_path, port):
        completed = ask(url)
        assert completed.returncode == 1
        assert "unable to open database file" in completed.stdout


@pytest.mark.parametrize("url", ["http://127.0.0.1:x/", "http://\0/", "http://[::1/", "http://127.0.0.1:99999/"])
def test_an_invalid_address_is_not_healthy(url: str) -> None:
    assert health.main(["--url", url]) == 1


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), ([], 2), (["--url"], 2), (["--url", "x"], 2)])
def test_usage(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert health.main(arguments) == code
    assert "--url http://127.0.0.1:8080/healthz" in "".join(capsys.readouterr())


def test_it_starts_light() -> None:
    heavy = "{'http.client', 'asyncio', 'pydantic', 'starlette', 'argparse', 'logging', 'joserfc'}"
    code = f"import sys, ops.gateway.health; print(sorted({heavy} & set(sys.modules)))"
    assert process.run([sys.executable, "-c", code], timeout=30).stdout == "[]\n"
