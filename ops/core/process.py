"""The only module that starts processes: argv only, a time limit, the whole process group killed, secrets redacted."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.core.cancellation import current_scope

REDACTED = "[secret]"
_TAIL_LINES = 20
_KILL_GRACE_S = 5.0


@dataclass(frozen=True)
class Completed:
    """The result of a finished command: its exit code and its decoded output."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str


class CommandError(Exception):
    """A command failed, could not be started, or timed out. The message is redacted and ends with the tail of the output."""

    def __init__(self, message: str, completed: Completed | None = None) -> None:
        super().__init__(message)
        self.completed = completed


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with every non-empty secret replaced."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, REDACTED)
    return text


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
    stream: bool = False,
    secrets: Iterable[str] = (),
    ends_at: Callable[[str], bool] | None = None,
) -> Completed:
    """Run a command and wait for it to end.

    Args:
        argv: The program and its arguments; never a shell string.
        timeout: Seconds until the process group is killed (SIGTERM, then SIGKILL after 5 s).
        stdin: Text for standard input; empty if None.
        env: The complete environment of the command; None for the caller's own.
        cwd: Working folder.
        check: Raise on a non-zero exit code.
        stream: Let the command write to the caller's terminal; stdout and stderr of the result are then empty. Ctrl-C reaches
            the command too, which may take its time to end; a second Ctrl-C kills it.
        secrets: Values that must not appear in an error message.
        ends_at: Asked about each line of standard error as it comes; once it says so, the process group is ended.

    Raises:
        CommandError: Not found, timed out, or (with `check`) failed.
        EndedError: The work that it belongs to was called off.
    """
    scope = None if stream else current_scope()
    if scope:
        scope.check()
    words = tuple(str(word) for word in argv)
    shown = redact(shlex.join(words), secrets)
    pipe = None if stream else subprocess.PIPE
    listener = _Listener(ends_at) if ends_at else None
    try:
        # Streamed commands stay in the terminal's process group, so that Ctrl-C reaches them.
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=pipe,
            stderr=listener.end if listener else pipe,
            env=None if env is None else dict(env),
            cwd=cwd,
            text=True,
            errors="replace",
            start_new_session=not stream,
        )
    except OSError as error:
        if listener:
            listener.close()
        raise CommandError(f"cannot start `{shown}`: {error.strerror or error}") from error
    if listener:
        listener.listen(process)
    with scope.running(process.pid) if scope else contextlib.nullcontext(), process:
        try:
            out, err = process.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired as expired:
            _end(process, group=not stream)
            raise CommandError(f"`{shown}` was killed after its limit of {timeout:g} s") from expired
        except BaseException as interruption:
            if stream and isinstance(interruption, KeyboardInterrupt):
                with contextlib.suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
                    process.wait(timeout)
            _end(process, group=not stream)
            raise
    completed = Completed(words, process.returncode, out or "", listener.heard() if listener else err or "")
    if check and completed.returncode != 0:
        tail = redact(_tail(completed.stderr or completed.stdout), secrets)
        raise CommandError(f"`{shown}` failed with exit code {completed.returncode}" + (f":\n{tail}" if tail else ""), completed)
    return completed


class _Listener:
    """Reads the standard error of a command line by line, and ends its process group at one of them."""

    def __init__(self, ends_at: Callable[[str], bool]) -> None:
        self._ends_at, self._lines = ends_at, list[str]()
        self._read, self.end = os.pipe()
        self._thread: threading.Thread | None = None

    def close(self) -> None:
        """Give up: the command could not be started."""
        os.close(self._read)
        os.close(self.end)

    def listen(self, process: subprocess.Popen[str]) -> None:
        """Listen to a command that has got the other end."""
        os.close(self.end)
        self._thread = threading.Thread(target=self._follow, args=(process,), daemon=True)
        self._thread.start()

    def heard(self) -> str:
        """Return what a command has said that has ended."""
        if self._thread:
            self._thread.join(_KILL_GRACE_S)  # a grandchild that has left the group may still hold the pipe
        return "".join(self._lines)

    def _follow(self, process: subprocess.Popen[str]) -> None:
        kill = threading.Timer(_KILL_GRACE_S, _send, (process, signal.SIGKILL))
        kill.daemon, ended = True, False
        with os.fdopen(self._read, errors="replace") as lines:
            for line in lines:
                self._lines.append(line)
                if not ended and self._ends_at(line):
                    ended = True
                    _send(process, signal.SIGTERM)
                    kill.start()
        kill.cancel()


def _send(process: subprocess.Popen[str], number: int) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


class Conversation:
    """A command that is asked again and again on its standard input, as long as the block runs; started by the first question.

    What starts slowly, as anything inside a container does, is started once. It ends with its input, also when this process is
    killed. Its standard error goes to the answers.
    """

    def __init__(self, argv: Sequence[str | Path], *, timeout: float, secrets: Iterable[str] = ()) -> None:
        """Prepare it.

        Args:
            argv: The program and its arguments.
            timeout: Seconds that an answer may take.
            secrets: Values that must not appear in an error message.
        """
        self._words = [str(word) for word in argv]
        self._secrets = list(secrets)
        self._shown = redact(shlex.join(self._words), self._secrets)
        self._timeout = timeout
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Conversation:
        """Start nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the command."""
        self.end()

    def end(self) -> None:
        """End the command; the next question starts it anew."""
        if process := self._process:
            self._process = None
            _end(process, group=True)
            process.__exit__(None, None, None)

    def ask(self, told: str, complete: Callable[[str], bool]) -> str:
        """Write to the command, and read lines until the answer is complete; return it.

        Args:
            told: What is written.
            complete: Whether a line is the last of the answer.

        Raises:
            CommandError: It cannot be started, ended, or did not answer in time. The next question starts it anew.
            EndedError: The work that it belongs to was called off.
        """
        scope = current_scope()
        if scope:
            scope.check()
        process = self._process = self._process or self._start()
        assert process.stdin is not None  # noqa: S101  # for mypy: all three are pipes
        assert process.stdout is not None  # noqa: S101
        late = threading.Event()

        def kill() -> None:
            late.set()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

        limit = threading.Timer(self._timeout, kill)
        limit.start()
        lines: list[str] = []
        try:
            with scope.running(process.pid) if scope else contextlib.nullcontext():
                with contextlib.suppress(BrokenPipeError):  # the last words say why
                    process.stdin.write(told)
                    process.stdin.flush()
                for line in process.stdout:
                    lines.append(line)
                    if complete(line):
                        return "".join(lines)
        except BaseException:
            self.end()
            raise
        finally:
            limit.cancel()
        self.end()
        why = f"was killed after its limit of {self._timeout:g} s" if late.is_set() else "ended before it had answered"
        tail = redact(_tail("".join(lines)), self._secrets)
        raise CommandError(f"`{self._shown}` {why}" + (f":\n{tail}" if tail else ""))

    def _start(self) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(
                self._words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise CommandError(f"cannot start `{self._shown}`: {error.strerror or error}") from error


def start_daemon(argv: Sequence[str | Path], *, log: Path, env: Mapping[str, str] | None = None) -> int:
    """Start a process that outlives this one, in a session of its own. Its output is appended to `log`. Return its id.

    Raises:
        CommandError: The program could not be started.
    """
    words = [str(word) for word in argv]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                start_new_session=True,
            )
        except OSError as error:
            raise CommandError(f"cannot start `{shlex.join(words)}`: {error.strerror or error}") from error
    process.returncode = 0  # nobody waits for it: this keeps the interpreter from warning about that
    return process.pid


def replace_process(argv: Sequence[str | Path], env: Mapping[str, str]) -> None:
    """Replace this process by another program (exec). This call does not return.

    Raises:
        CommandError: The program could not be started.
    """
    words = [str(word) for word in argv]
    try:
        os.execvpe(words[0], words, dict(env))  # noqa: S606  # argv only, no shell
    except OSError as error:
        raise CommandError(f"cannot start `{shlex.join(words)}`: {error.strerror or error}") from error


def _tail(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-_TAIL_LINES:])


def _end(process: subprocess.Popen[str], *, group: bool) -> None:
    send: Callable[[int], None] = (lambda number: os.killpg(process.pid, number)) if group else process.send_signal
    # Not for ever: a grandchild that has left the group may still hold the pipes.
    with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
        send(signal.SIGTERM)
        process.communicate(timeout=_KILL_GRACE_S)
    # Also if the command itself has ended: others in its group may not have.
    with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
        send(signal.SIGKILL)
        process.communicate(timeout=_KILL_GRACE_S)


def birth_of(pid: int) -> str:
    """Return when a process started, in the kernel's count, since ids are reused. Empty if there is no such process.

    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html (starttime)
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
