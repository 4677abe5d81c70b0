"""Shell scripts in an emulated machine, as root at its console."""

from __future__ import annotations

from docker.models.containers import Container

from ops.core.process import CommandError

# Docker loses the end of what is printed now and then when a command ends at once.
_LINGER = "trap 'sleep 0.1' EXIT"


def try_in(machine: Container, script: str) -> tuple[int, str]:
    """Run a shell script; return its exit code, and what it prints, errors included."""
    done = machine.exec_run(["sh", "-euc", f"{_LINGER}\n{script}"])
    assert isinstance(done.output, bytes)  # noqa: S101  # for mypy: nothing is streamed
    assert done.exit_code is not None  # noqa: S101  # as above
    return done.exit_code, done.output.decode()


def run_in(machine: Container, script: str) -> str:
    """Run a shell script; return what it prints, errors included.

    Raises:
        CommandError: It failed.
    """
    code, text = try_in(machine, script)
    if code:
        raise CommandError(f"`{script}` failed in {machine.name}:\n{text}")
    return text
