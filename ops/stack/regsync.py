"""Runs regsync once, in its container, where its limits are: https://regclient.org/usage/regsync/."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docker.client import DockerClient
from docker.errors import APIError, DockerException, NotFound

from ops.core import exit_codes
from ops.core.answers import UNEXPECTED
from ops.core.docker_engine import connected

_PROGRAM, _ONCE = "regsync", "once"
_GRACE_S, _POLL_S = 5.0, 0.1
# It has to be logged when a copy begins.
_LOGGING = ("--logopt", "json", "--verbosity", "debug")


class RegsyncError(Exception):
    """regsync cannot be run; the message says why."""

    exit_code = exit_codes.FAILED


class RegsyncRun:
    """One run of regsync, as it goes on.

    It runs on if this process is killed: see `end_others`.
    """

    def __init__(self, engine: DockerClient, container: str, config: str) -> None:
        """Start it; use `regsync`."""
        self._engine, self._container = engine, container
        words = [_PROGRAM, _ONCE, "--config", config, *_LOGGING]
        self._id = str(engine.api.exec_create(container, words)["Id"])
        self._said = queue.SimpleQueue[bytes | None]()
        self._left = b""
        self._over = False
        self._output = engine.api.exec_start(self._id, stream=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def lines(self, within_s: float) -> list[str]:
        """Return what it has said since, once it says something or the time is over."""
        found = list[str]()
        with contextlib.suppress(queue.Empty):
            chunk = self._said.get(timeout=within_s)
            while True:
                if chunk is None:
                    self._over = True
                    rest, self._left = self._left, b""
                    return [*found, *([rest.decode(errors="replace")] if rest else [])]
                *whole, self._left = (self._left + chunk).split(b"\n")
                found += [line.decode(errors="replace") for line in whole]
                chunk = self._said.get_nowait()
        return found

    @property
    def is_over(self) -> bool:
        """Whether it has ended, and all that it said was returned."""
        return self._over

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        code = self._engine.api.exec_inspect(self._id)["ExitCode"]
        return None if code is None else int(code)

    def received(self) -> int | None:
        """Return a number that grows as it receives something; None if nothing can be known.

        It is what the process has read; where this process may not know that, what its container has received, so that one of
        several runs that hangs is only noticed when the others are done.
        """
        with contextlib.suppress(OSError, ValueError, LookupError, APIError):
            fields = dict(line.split(": ") for line in Path(f"/proc/{self._pid()}/io").read_text().splitlines())
            return int(fields["rchar"])
        with contextlib.suppress(APIError, *UNEXPECTED):
            networks = self._engine.api.stats(self._container, stream=False, one_shot=True)["networks"]
            return sum(int(network["rx_bytes"]) for network in networks.values())
        return None

    def end(self) -> None:
        """End it, in good order if it does so within some seconds."""
        pid = self._pid()
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.exit_code is not None:
                return
            try:
                if not _is_regsync(pid):  # an engine elsewhere, whose process ids are its own
                    raise PermissionError
                os.kill(pid, number)
            except ProcessLookupError:
                pass
            except PermissionError:
                self._engine.containers.get(self._container).restart(timeout=2)
            give_up = time.monotonic() + _GRACE_S
            while self.exit_code is None and time.monotonic() < give_up:
                time.sleep(_POLL_S)

    def _pid(self) -> int:
        return int(self._engine.api.exec_inspect(self._id)["Pid"])

    def close(self) -> None:
        """End it, and the connection to it."""
        with contextlib.suppress(DockerException):
            self.end()
        self._reader.join(_GRACE_S)
        self._output.close()
        # The library closes its socket, and keeps the connection.
        self._output._response.close()  # type: ignore[attr-defined]

    def _read(self) -> None:
        with contextlib.suppress(OSError, DockerException, ValueError):  # the exit code says that it was cut
            for chunk in self._output:
                self._said.put(chunk)
        self._said.put(None)


@contextlib.contextmanager
def regsync(container: str, config: str) -> Iterator[RegsyncRun]:
    """Run regsync once, as long as the block runs.

    Args:
        container: The name of its container.
        config: The path of its configuration there.

    Raises:
        RegsyncError: It cannot be started.
        EngineError: The Docker engine does not answer.
    """
    with connected() as engine:
        try:
            run = RegsyncRun(engine, container, config)
        except NotFound:
            raise RegsyncError(f"there is no container {container}; run `up`") from None
        except DockerException as error:
            raise RegsyncError(f"{container} cannot be used: {error}") from error
        try:
            yield run
        finally:
            run.close()


def end_others(container: str) -> int:
    """End runs of regsync that somebody who was killed has left; return how many.

    Raises:
        RegsyncError: There is no such container.
        EngineError: The Docker engine does not answer.
    """
    with connected() as engine:
        try:
            found = engine.containers.get(container)
            left = runs_in(found.top())
        except NotFound:
            raise RegsyncError(f"there is no container {container}; run `up`") from None
        except DockerException as error:
            raise RegsyncError(f"{container} is not running: {error}; run `up`") from error
        for pid in left:
            try:
                if not _is_regsync(pid):
                    raise PermissionError
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            except PermissionError:
                found.restart(timeout=2)
                break
    return len(left)


def runs_in(listed: Any) -> list[int]:
    """Return the process ids of the runs of regsync in what the engine lists of a container.

    Raises:
        RegsyncError: It lists something else.
    """
    try:
        return [int(fields[1]) for fields in listed["Processes"] or () if f" {_ONCE} " in fields[-1]]
    except UNEXPECTED as error:
        raise RegsyncError(f"the Docker engine lists processes in another way than expected: {type(error).__name__}") from None


def _is_regsync(pid: int) -> bool:
    """Whether a process of this machine is regsync; one that has ended raises ProcessLookupError."""
    try:
        return _PROGRAM.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
