"""Sends files to a folder or to a server by rsync.

https://download.samba.org/pub/rsync/rsync.1
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.config import SshTarget
from ops.core.process import CommandError, Completed, run
from ops.core.ssh import KEY_REFUSED, OTHER_HOST_KEY, connection_problem, ssh_options
from ops.tasks.export.model import ExportError, TargetFullError, TargetUnreachableError

_LIMIT_S, _ANSWER_LIMIT_S = 24 * 3600.0, 60.0
# Not there yet: rsync cannot change into it.
_MISSING = 23
_FILE_IO = 11
# Mode, size, date, time, name.
_LISTED = re.compile(r"\S{10} +[\d,]+ \S+ \S+ (.+)")
_CONNECTION = {10, 12, 30, 35, 255}
_AGAIN = "run it again: it goes on where it was"
_FULL = re.compile("No space left on device|Disk quota exceeded")
_TO_CONNECT = {
    OTHER_HOST_KEY: "if it was set up anew, forget its old key with `ssh-keygen -R`, and run it again",
    KEY_REFUSED: "give one that it lets in with --identity",
}


@dataclass(frozen=True)
class Target:
    """Where files go.

    Attributes:
        url: A folder, or `ssh://user@host:port/path`.
        identity: The key to log in with; None for what `ssh` finds.
        known_hosts: The file with the server's key; None to trust the first connection.
    """

    url: str
    identity: Path | None = None
    known_hosts: Path | None = None

    def names(self) -> set[str]:
        """Return the names of what is there; none if it does not exist.

        Raises:
            ExportError: It cannot be looked at.
        """
        done = self._run(["--dirs", "--list-only", f"{self._place}/"], limit_s=_ANSWER_LIMIT_S, allowed=_MISSING)
        return {match[1] for match in map(_LISTED.fullmatch, done.stdout.splitlines()) if match}

    def send(self, source: Path, below: str, *words: str) -> list[str]:
        """Send the content of a folder; return the names of the files that were sent.

        Args:
            source: The folder.
            below: Where it goes, below the target; empty for the target itself.
            words: Further options.

        Raises:
            ExportError: Something was not sent. What was is not sent again by the next run.
        """
        options = ["--recursive", "--partial", "--mkpath", "--out-format=%i %n", *words]
        done = self._run([*options, f"{source}/", "/".join([self._place, *([below] if below else []), ""])], limit_s=_LIMIT_S)
        return [line.partition(" ")[2] for line in done.stdout.splitlines() if line[:2] in {">f", "<f"}]

    @property
    def _place(self) -> str:
        if ssh := SshTarget.of(self.url):
            return f"{ssh.user}@{ssh.host}:{ssh.path}"
        return str(Path(self.url).absolute())

    def _run(self, words: Sequence[str], *, limit_s: float, allowed: int = 0, again: bool = True) -> Completed:
        try:
            return run(["rsync", *self._connecting(), *words], timeout=limit_s)
        except CommandError as error:
            done = error.completed
            if again and done and done.returncode == _FILE_IO and not done.stderr.strip():
                # What the other side has said may be lost with the connection: whether its disk is full, for one.
                return self._run(words, limit_s=limit_s, allowed=allowed, again=False)
            if done is None:
                missing = "; install rsync" if "cannot start" in str(error) else ""
                raise ExportError(f"{error}{missing}") from error
            if allowed and done.returncode == allowed:
                return done
            said = done.stderr.strip().splitlines()[:1] or [f"exit code {done.returncode}"]
            if _FULL.search(done.stderr):
                raise TargetFullError(f"{self.url} is full; make room, then {_AGAIN}") from error
            if done.returncode in _CONNECTION and SshTarget.of(self.url):
                why = connection_problem(done.stderr) or said[0]
                raise TargetUnreachableError(f"{self.url} cannot be reached: {why}; {_TO_CONNECT.get(why, _AGAIN)}") from error
            raise ExportError(f"rsync failed: {said[0]}; {_AGAIN}") from error

    def _connecting(self) -> list[str]:
        ssh = SshTarget.of(self.url)
        if not ssh:
            return []
        options = ssh_options(identity=self.identity, known_hosts=self.known_hosts, trusts_new=self.known_hosts is None)
        return ["--rsh", shlex.join(["ssh", "-p", str(ssh.port), *options])]
