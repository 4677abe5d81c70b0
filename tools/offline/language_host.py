"""Pulumi's language host for Python: starts the program for the engine, in the Python that already has everything installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any, Protocol

import grpc  # type: ignore[import-untyped]
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from tools.offline.plugins.serve import engine_address, serve

EXECUTOR = "pulumi-language-python-exec"
# The executor's exit code after it has told the user what is wrong.
_ALREADY_TOLD = 32
_END_LIMIT_S = 5.0


def main() -> None:
    """Serve until the engine ends this process."""
    host = LanguageHost(engine_address())
    serve(lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server), at_end=host.end_program)


class Program(Protocol):
    """A program that was started."""

    def poll(self) -> int | None:
        """Return its exit code, None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return its exit code; raise TimeoutExpired if it still runs."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""


# Takes the engine's request, and its address.
Start = Callable[[Any, str], Program]


class HostError(Exception):
    """The program cannot be started; the message says why."""


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Answers the engine."""

    def __init__(self, engine: str, start: Start | None = None) -> None:
        """Get ready.

        Args:
            engine: The engine's address.
            start: Starts programs in another way than `start_program`.
        """
        self._engine, self._start = engine, start or start_program
        self._program: Program | None = None
        self._cancelled = threading.Event()

    def Handshake(self, request: Any, _context: grpc.ServicerContext) -> language_pb2.LanguageHandshakeResponse:  # noqa: N802
        """Take the engine's address."""
        self._engine = request.engine_address or self._engine
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, _request: Empty, _context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:  # noqa: N802
        """Tell the version: that of the SDK."""
        return plugin_pb2.PluginInfo(version=version("pulumi"))

    def About(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Tell which Python runs programs."""
        try:
            return language_pb2.AboutResponse(executable=str(interpreter(request.info)), version=sys.version.split()[0])
        except HostError as error:
            return context.abort(grpc.StatusCode.UNKNOWN, str(error))

    def GetRequiredPackages(  # noqa: N802
        self, _request: Any, _context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """Name none: each SDK asks for its plugin when it creates a resource, so only those in use have to be installed."""
        return language_pb2.GetRequiredPackagesResponse()

    def GetRequiredPlugins(  # noqa: N802
        self, _request: Any, _context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPluginsResponse:
        """See GetRequiredPackages."""
        return language_pb2.GetRequiredPluginsResponse()

    def RuntimeOptionsPrompts(  # noqa: N802
        self, _request: Any, _context: grpc.ServicerContext
    ) -> language_pb2.RuntimeOptionsResponse:
        """Ask nothing."""
        return language_pb2.RuntimeOptionsResponse()

    def GetProgramDependencies(  # noqa: N802
        self, _request: Any, _context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """List what is installed."""
        found = [language_pb2.DependencyInfo(name=found.name, version=found.version) for found in distributions()]
        return language_pb2.GetProgramDependenciesResponse(dependencies=found)

    def InstallDependencies(self, _request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        """Decline: this host runs what is already installed."""
        message = f"this machine's language host installs nothing; run: {sys.executable} -m pip install -r requirements.txt"
        context.abort(grpc.StatusCode.UNIMPLEMENTED, message)
        yield  # the engine expects a stream

    def Cancel(self, _request: Empty, _context: grpc.ServicerContext) -> Empty:  # noqa: N802
        """End the program: the deployment has failed or was cancelled."""
        self._cancelled.set()
        self.end_program()
        return Empty()

    def Run(self, request: Any, context: grpc.ServicerContext) -> language_pb2.RunResponse:  # noqa: N802
        """Run the program to its end."""
        try:
            program = self._start(request, self._engine)
        except (HostError, OSError) as error:
            return language_pb2.RunResponse(error=f"cannot start the program: {error}")
        self._program = program
        context.add_callback(self.end_program)
        if self._cancelled.is_set():  # since it began: Cancel has not seen it
            self.end_program()
        code = program.wait()
        if code == _ALREADY_TOLD or self._cancelled.is_set():
            return language_pb2.RunResponse(bail=True)
        if code < 0:
            return language_pb2.RunResponse(error=f"program exited unexpectedly: signal {-code}")
        return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}" if code else "")

    def end_program(self) -> None:
        """End the program if it still runs."""
        program = self._program
        if program is None or program.poll() is not None:
            return
        program.terminate()
        try:
            program.wait(_END_LIMIT_S)
        except subprocess.TimeoutExpired:
            program.kill()


def start_program(request: Any, engine: str) -> Program:
    """Start the program that a request of the engine names.

    Raises:
        HostError: There is nothing to start it with.
        OSError: It cannot be started.
    """
    argv = [str(interpreter(request.info)), str(executor()), *arguments(request, engine)]
    # Not by ops.core.process: it has no time limit and writes to the engine. The engine interrupts the whole process group at
    # the end, at which Python prints a traceback: the program is in a group of its own and ended quietly.
    return subprocess.Popen(argv, env={**os.environ, **configuration(request)}, stdin=subprocess.DEVNULL, start_new_session=True)


def interpreter(info: Any) -> Path:
    """Return the Python to run a program with: of its `virtualenv` option, or else the one that runs this host.

    Raises:
        HostError: The `virtualenv` has none.
    """
    option = dict(info.options).get("virtualenv")
    if not option:
        return Path(sys.executable)
    python = Path(info.root_directory, str(option), "bin", "python")
    if not python.is_file():
        raise HostError(f"runtime option `virtualenv` of Pulumi.yaml is {option}, but {python} does not exist")
    return python


def executor() -> Path:
    """Return the script that loads a program; it comes with the CLI.

    Raises:
        HostError: It is not beside `pulumi`.
    """
    pulumi = shutil.which("pulumi")
    beside = Path(pulumi).resolve().with_name(EXECUTOR) if pulumi else None
    if beside is not None and beside.is_file():
        return beside
    on_path = shutil.which(EXECUTOR)
    if on_path is None:
        raise HostError(f"{EXECUTOR} is neither beside `pulumi` nor on PATH; it comes with the Pulumi CLI")
    return Path(on_path)


def arguments(request: Any, engine: str) -> list[str]:
    """Return the executor's arguments."""
    named = {
        "monitor": request.monitor_address,
        "engine": engine,
        "project": request.project,
        "root_directory": request.info.root_directory,
        "stack": request.stack,
        "pwd": request.pwd,
        "dry_run": "true" if request.dryRun else "false",
        "parallel": str(request.parallel),
        "organization": request.organization,
    }
    given = [word for name, value in named.items() if value for word in (f"--{name}", value)]
    return [*given, request.info.entry_point, *request.args]


def configuration(request: Any) -> Mapping[str, str]:
    """Return the stack's configuration the way the SDK reads it."""
    return {
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
    }
