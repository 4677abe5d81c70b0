"""The language host: which Python and executor, what they are given, and a program's end."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from google.protobuf.struct_pb2 import Struct  # type: ignore[import-untyped]
from pulumi.runtime.proto import language_pb2

from tools.offline.language_host import EXECUTOR, HostError, LanguageHost, arguments, configuration, executor, interpreter


def _info(root: Path, **options: Any) -> language_pb2.ProgramInfo:
    given = Struct()
    given.update(options)
    return language_pb2.ProgramInfo(root_directory=str(root), program_directory=str(root), entry_point=".", options=given)


def _request(root: Path, **fields: Any) -> language_pb2.RunRequest:
    fixed = {"project": "p", "stack": "s", "pwd": str(root), "parallel": 4, "monitor_address": "127.0.0.1:2"}
    return language_pb2.RunRequest(info=_info(root), **{**fixed, **fields})


class Context(SimpleNamespace):
    """A call of the engine that is never given up."""

    def add_callback(self, callback: Any) -> None:
        self.callback = callback

    def abort(self, _code: grpc.StatusCode, message: str) -> None:
        raise RuntimeError(message)


def test_a_program_runs_in_the_python_of_the_host(tmp_path: Path) -> None:
    assert interpreter(_info(tmp_path)) == Path(sys.executable)


@pytest.mark.parametrize("absolute", [False, True])
def test_a_virtual_environment_of_the_project_comes_first(absolute: bool, tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert interpreter(_info(tmp_path, virtualenv=str(tmp_path / "venv") if absolute else "venv")) == python


def test_a_virtual_environment_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=f"`virtualenv` of Pulumi.yaml is gone, but {tmp_path}/gone/bin/python does not exist"):
        interpreter(_info(tmp_path, virtualenv="gone"))


def test_the_executor_lies_beside_the_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pulumi", EXECUTOR):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert executor() == tmp_path / EXECUTOR
    (tmp_path / EXECUTOR).unlink()
    with pytest.raises(HostError, match=f"{EXECUTOR} is neither beside `pulumi` nor on PATH"):
        executor()


@pytest.mark.parametrize("preview", [False, True])
def test_the_executors_arguments(preview: bool, tmp_path: Path) -> None:
    request = _request(tmp_path, dryRun=preview, organization="o", args=["more"])
    assert " ".join(arguments(request, "127.0.0.1:1")) == (
        f"--monitor 127.0.0.1:2 --engine 127.0.0.1:1 --project p --root_directory {tmp_path} --stack s --pwd {tmp_path}"
        f" --dry_run {str(preview).lower()} --parallel 4 --organization o . more"
    )


def test_the_configuration_travels_in_the_environment(tmp_path: Path) -> None:
    request = _request(tmp_path, config={"p:a": 'x"é', "p:s": "y"}, configSecretKeys=["p:s"])
    environment = configuration(request)
    assert json.loads(environment["PULUMI_CONFIG"]) == {"p:a": 'x"é', "p:s": "y"}
    assert json.loads(environment["PULUMI_CONFIG_SECRET_KEYS"]) == ["p:s"]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LanguageHost:
    """A host whose executor runs the file `program` as Python."""
    monkeypatch.setattr("tools.offline.language_host.executor", lambda: tmp_path / "program")
    return LanguageHost("127.0.0.1:1")


def _run(host: LanguageHost, folder: Path, program: str) -> tuple[str, bool]:
    (folder / "program").write_text(program)
    answer = host.Run(_request(folder), Context())
    return answer.error, answer.bail


@pytest.mark.parametrize(
    ("program", "error", "bail"),
    [
        ("", "", False),
        ("raise SystemExit(32)", "", True),
        ("raise SystemExit(3)", "program exited with non-zero exit code: 3", False),
        ("import os; os.kill(os.getpid(), 9)", "program exited unexpectedly: signal 9", False),
    ],
)
def test_how_a_program_ended(program: str, error: str, bail: bool, host: LanguageHost, tmp_path: Path) -> None:
    assert _run(host, tmp_path, program) == (error, bail)


def test_an_interpreter_that_is_missing_is_told(host: LanguageHost, tmp_path: Path) -> None:
    request = _request(tmp_path)
    request.info.options.update({"virtualenv": "gone"})
    assert host.Run(request, Context()).error.startswith("cannot start the program: runtime option `virtualenv`")


def test_cancelling_ends_the_program_without_a_word(
    host: LanguageHost, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    begun = tmp_path / "begun"

    def cancel() -> None:
        give_up = time.monotonic() + 20
        while not begun.exists() and time.monotonic() < give_up:
            time.sleep(0.05)
        host.Cancel(Empty(), Context())

    canceller = threading.Thread(target=cancel)
    canceller.start()
    program = f"import time, pathlib; pathlib.Path({str(begun)!r}).touch(); time.sleep(60)"
    assert _run(host, tmp_path, program) == ("", True)
    canceller.join()
    assert begun.exists()
    assert capfd.readouterr() == ("", "")


def test_cancelling_at_the_moment_of_the_start_ends_the_program_too(
    host: LanguageHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = subprocess.Popen

    def start_and_cancel(*arguments: Any, **settings: Any) -> subprocess.Popen[bytes]:
        process: subprocess.Popen[bytes] = start(*arguments, **settings)
        host.Cancel(Empty(), Context())  # the host does not have the process yet
        return process

    monkeypatch.setattr("tools.offline.language_host.subprocess.Popen", start_and_cancel)
    ended = tmp_path / "ended"
    program = f"import time, pathlib; time.sleep(5); pathlib.Path({str(ended)!r}).touch()"
    assert _run(host, tmp_path, program) == ("", True)
    assert not ended.exists()


def test_nothing_is_installed_and_no_plugin_asked_for(host: LanguageHost) -> None:
    with pytest.raises(RuntimeError, match=r"-m pip install -r requirements\.txt"):
        next(host.InstallDependencies(None, Context()))
    assert not host.GetRequiredPackages(None, Context()).packages
    assert not host.GetRequiredPlugins(None, Context()).plugins
    assert host.GetPluginInfo(Empty(), Context()).version == version("pulumi")
    dependencies = host.GetProgramDependencies(None, Context()).dependencies
    assert ("pulumi", version("pulumi")) in {(found.name, found.version) for found in dependencies}
