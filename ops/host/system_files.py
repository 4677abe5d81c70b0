"""Installs a server's system files, after checking them, and reloads the programs that read them. Standard library only.

    python3 -m ops.host.system_files --root DIR [--dry-run]

Reloads that are due are recorded on disk until they are done: the next run completes one that was killed.
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
    """A program that reads system files.

    Attributes:
        prefix: What the paths that it reads begin with, without the leading slash.
        check: Command that fails if the file that replaces `{file}` is bad. It runs before anything is installed.
        tell: Commands that make the program read its files, in order.
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
    """A program refuses its file, or cannot be reloaded; the message names both."""


@dataclass(frozen=True)
class Changes:
    """Paths below `/` that differ from the current release, and paths that it no longer has."""

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
    """Install the current release's system files; return the paths that have changed.

    Args:
        root: The stack's folder on this host.
        target: The folder that their paths start from.

    Raises:
        HostFileError: A program refuses its file, and then no file is changed. Or a program cannot be reloaded.
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
    """Start units now, and whenever the machine starts."""
    if started := _starting(target, names):
        _call(["systemctl", "enable", "--now", *started])


def _disable(target: Path, names: Sequence[str]) -> None:
    """Stop units whose files are about to be removed."""
    if started := _starting(target, names):
        _call(["systemctl", "disable", "--now", *started])


def _starting(target: Path, names: Sequence[str]) -> list[str]:
    """Return the units that start by themselves: those with an [Install] section."""
    units = [target / name for name in names if Path(name).parent.as_posix() == "etc/systemd/system"]
    return [unit.name for unit in units if "[Install]" in unit.read_text()]


def _check(name: str, file: Path) -> None:
    for reader in READERS:
        if reader.check and name.startswith(reader.prefix):
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder, file.name)  # sshd insists that root owns its file, and root owns this copy
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
    """Install, or with `--dry-run` only print what would change; return the exit code."""
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
