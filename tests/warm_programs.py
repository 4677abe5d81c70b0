"""Runs what the engine starts without its imports: the program by a language host in this process, and the stand-ins, as forks.

How they are really started is what tests/tools/offline/ is for, and the first `up` of the stack that most tests share.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from pulumi.runtime.proto import language_pb2_grpc

from tests.warm_start import Warm, start_warm
from tools.offline.language_host import EXECUTOR, LanguageHost, arguments, configuration

_THREADS = 4
_STDERR = 2  # what programs print is not for the engine's user
# Commands of the CLI that run the program, and those that need plugins.
_RUNNING, _PLUGGED = {"up", "preview"}, {"up", "preview", "refresh", "destroy"}


@contextlib.contextmanager
def warm_host(words: Sequence[str], environment: Mapping[str, str], engine: Path) -> Iterator[list[str]]:
    """Yield the words of a command of the CLI that runs its program by such a host; other commands as they are.

    Args:
        words: The command.
        environment: In which it runs.
        engine: The folder of the CLI.
    """
    if not _RUNNING.intersection(words):
        yield [*words]
        return

    def start(request: Any, _engine: str) -> Warm:
        # The engine names itself in the arguments where it has not started the host.
        address = request.args.pop()
        return start_warm(
            "program",
            [str(engine / EXECUTOR), *arguments(request, address)],
            {**environment, **configuration(request)},
            stdout=_STDERR,
            stderr=_STDERR,
        )

    host = LanguageHost("", start)
    with ThreadPoolExecutor(_THREADS) as threads:
        server = grpc.server(threads)
        language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield [*words, f"--client=127.0.0.1:{port}"]
        finally:
            host.end_program()
            server.stop(None).wait()


@contextlib.contextmanager
def warm_plugins(
    words: Sequence[str], environment: Mapping[str, str], packages: Sequence[str], folder: Path
) -> Iterator[dict[str, str]]:
    """Yield what a command of the CLI needs in its environment, to find its plugins running.

    Args:
        words: The command.
        environment: In which it would start them.
        packages: Those whose plugins it may need. The inputs of their providers must stay as they are: the engine would start
            one for the former inputs, and one for the new ones.
        folder: In which it would start them.
    """
    with contextlib.ExitStack() as running:
        wanted = packages if _PLUGGED.intersection(words) else ()
        named = [f"{one}:{running.enter_context(_plugin(one, environment, folder))}" for one in wanted]
        yield {"PULUMI_DEBUG_PROVIDERS": ",".join(named)} if named else {}


@contextlib.contextmanager
def _plugin(package: str, environment: Mapping[str, str], folder: Path) -> Iterator[int]:
    """Run a stand-in, and yield its port."""
    reads, writes = os.pipe()
    with os.fdopen(reads) as told:
        with os.fdopen(writes, "wb") as tells:
            plugin = start_warm("plugin", [package], environment, stdout=tells, stderr=_STDERR, folder=folder)
        try:
            yield int(told.readline())
        finally:
            plugin.terminate()
            plugin.wait()
