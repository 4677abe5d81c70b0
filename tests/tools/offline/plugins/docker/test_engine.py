"""Which Docker engine is meant, and the errors when it cannot be had."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.offline.plugins.docker.engine import DockerEngine, DockerError, check_config
from tools.offline.plugins.session import Session

# The Docker library leaves a socket to the garbage collector when nothing answers.
leaky = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def _collect() -> Iterator[None]:
    yield
    gc.collect()


def _engine(host: str | None) -> DockerEngine:
    session = Session("")
    session.config = {"host": host} if host else {}
    return DockerEngine(session)


def test_the_providers_host_comes_before_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert _engine(None).host == "unix:///var/run/docker.sock"
    monkeypatch.setenv("DOCKER_HOST", "unix:///environment.sock")
    assert _engine(None).host == "unix:///environment.sock"
    assert _engine("unix:///provider.sock").host == "unix:///provider.sock"


@leaky
@pytest.mark.parametrize("host", ["unix://{folder}/none.sock", "tcp://127.0.0.1:1"])
def test_an_engine_that_does_not_answer_is_named(host: str, tmp_path: Path) -> None:
    host = host.format(folder=tmp_path)
    with pytest.raises(DockerError, match=rf"^cannot reach the Docker engine at {host}; is it running\? \(.+\)$") as raised:
        _engine(host).find("Unable to do it", lambda api: api.version())
    assert not raised.value.missing


@leaky
def test_all_that_ask_at_once_are_told(tmp_path: Path) -> None:
    engine = _engine(f"unix://{tmp_path}/none.sock")
    found: list[BaseException] = []

    def ask() -> None:
        try:
            engine.do("Unable to do it", lambda api: api.version())
        except DockerError as error:
            found.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, ""),
        ({"host": "unix:///var/run/docker.sock", "version": "5.1.0"}, ""),
        ({"host": "ssh://root@there", "sshOpts": ["-o", "BatchMode=yes"]}, ""),
        ({"registryAuth": [{"address": "a"}]}, "`docker:registryAuth` is not covered"),
        ({"certPath": "/a"}, "`docker:certPath` is not covered"),
        ({"unheard": 1}, "`docker:unheard` is not covered"),
    ],
)
def test_only_a_host_is_covered(config: dict[str, object], told: str) -> None:
    failures = [fault.reason for fault in check_config(config).failures]
    assert [reason.startswith(told) for reason in failures] == ([True] if told else [])
