"""Puts the files of a server where its programs look for them, checked first, and tells these programs. Standard library only.

    python3 -m ops.host.system_files --root DIR [--dry-run]

What is to be told is kept on disk until it is done: a run that was killed in between is completed by the next one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.core.files import write_atomic
from ops.core.process import CommandError, run
from ops.host.drift import record, recorded

_ROOT = Path("/")
_KIND = "host"
_PENDING = "installed/pending"
_MODE, _PROGRAM_MODE = 0o644, 0o755
_PROGRAMS = "usr/local/bin/"
_LIMIT_S = 120.0


@dataclass(frozen=True)
class Reader:
    """A program that reads files of the host.

    Attributes:
        prefix: Of the paths that it reads, without the slash at the beginning.
        check: Command that fails when the file in the place of `{file}` is bad; it is run before anything counts.
        tell: Commands that have it read them, in order.
    """

    prefix: str
    tell: Sequence[Sequence[str]]
    check: Sequence[str] = ()


READERS = (
    Reader("etc/ssh/sshd_config.d/", [["systemctl", "reload", "ssh"]], check=["sshd", "-t", "-f", "{file}"]),
    Reader("etc/sysusers.d/", [["systemd-sysusers"]]),
    Reader("etc/systemd/system/", [["systemctl", "daemon-reload"]]),
    Reader(
        "etc/docker/daemon.json", [["systemctl", "restart", "docker"]], check=["dockerd", "--validate", "--config-file", "{file}"]
    ),
    Reader("etc/sysctl.d/", [["sysctl", "--quiet", "--ignore", "--system"]]),
)


class HostFileError(Exception):
    """A file is refused by the program that reads it, or that program cannot be told; the message names both."""


@dataclass(frozen=True)
class Changes:
    """Paths below `/` that differ from the current release, and those that it does not have any more."""

    differing: Sequence[str]
    gone: Sequence[str]

    @property
    def all(self) -> Sequence[str]:
        """Both."""
        return sorted([*self.differing, *self.gone])


def changes(root: Path, target: Path) -> Changes:
    """Return what `install` would change."""
    source = (root / "current" / _KIND).resolve()
    wanted = sorted(path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file())
    old = [path.relative_to(target).as_posix() for path in recorded(root, _KIND) if path.is_relative_to(target)]
    differing = [name for name in wanted if not _same(source / name, target / name, _mode(name))]
    return Changes(differing, [name for name in old if name not in wanted and (target / name).exists()])


def install(root: Path, target: Path) -> Sequence[str]:
    """Make the host's files those of the current release; return the paths that have changed.

    Args:
        root: The stack's folder on this host.
        target: Where the files belong.

    Raises:
        HostFileError: A file is refused; none of the files is changed then. Or a program cannot be told.
        OSError: The disk is full, or a file cannot be written.
    """
    source = (root / "current" / _KIND).resolve()
    planned = changes(root, target)
    for name in planned.differing:
        _check(name, source / name)
    pending = root / _PENDING
    pending.parent.mkdir(exist_ok=True, mode=0o700)
    untold = json.loads(pending.read_text()) if pending.is_file() else []
    told = sorted({*untold, *planned.all})
    write_atomic(pending, json.dumps(told))
    for name in planned.differing:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomic(target / name, (source / name).read_bytes(), mode=_mode(name))
        os.chown(target / name, os.geteuid(), os.getegid())
    _disable(target, planned.gone)
    for name in planned.gone:
        (target / name).unlink()
    record(root, _KIND, [target / path.relative_to(source) for path in sorted(source.rglob("*")) if path.is_file()])
    for reader in READERS:
        if any(name.startswith(reader.prefix) for name in told):
            for command in reader.tell:
                _call(command)
    _enable(target, [name for name in told if (target / name).exists()])
    pending.unlink()
    return told


def _enable(target: Path, names: Sequence[str]) -> None:
    """Have units start with the machine, and now."""
    if started := _starting(target, names):
        _call(["systemctl", "enable", "--now", *started])


def _disable(target: Path, names: Sequence[str]) -> None:
    """End units whose files are about to go."""
    if started := _starting(target, names):
        _call(["systemctl", "disable", "--now", *started])


def _starting(target: Path, names: Sequence[str]) -> list[str]:
    """Return the units that do not wait for another one to start them: those with an [Install] section."""
    units = [target / name for name in names if Path(name).parent.as_posix() == "etc/systemd/system"]
    return [unit.name for unit in units if "[Install]" in unit.read_text()]


def _check(name: str, file: Path) -> None:
    for reader in READERS:
        if reader.check and name.startswith(reader.prefix):
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder, file.name)  # sshd wants its file to be root's alone, as a copy is
                write_atomic(copy, file.read_bytes(), mode=_MODE)
                _call([word.format(file=copy) for word in reader.check])


def _call(command: Sequence[str]) -> None:
    try:
        run(command, timeout=_LIMIT_S)
    except CommandError as error:
        raise HostFileError(str(error)) from error


def _mode(name: str) -> int:
    return _PROGRAM_MODE if name.startswith(_PROGRAMS) else _MODE


def _same(one: Path, other: Path, mode: int) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes() and other.stat().st_mode & 0o777 == mode


def main(arguments: Sequence[str] | None = None) -> int:
    """Install, or with `--dry-run` only tell; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="ops.host.system_files", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="the stack's folder on this host")
    parser.add_argument("--dry-run", action="store_true", help="only print what would change")
    given = parser.parse_args(arguments)
    os.umask(0o022)
    try:
        names = changes(given.root, _ROOT).all if given.dry_run else install(given.root, _ROOT)
    except (OSError, ValueError, HostFileError) as error:
        sys.stderr.write(f"ops.host.system_files: {error}\n")
        return 1
    sys.stdout.write("".join(f"/{name}\n" for name in names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
