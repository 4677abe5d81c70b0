"""Checksums that the server of the backups computes itself: what restic calls a pack is named by the SHA-256 of its content.

https://restic.readthedocs.io/en/stable/100_references.html#repository-layout
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from ops.core.process import CommandError, run

# What it is called by GNU, and by BSD, where -r puts the checksum first. Users of Storage Boxes report the first one.
_PROGRAMS = ("sha256sum", "sha256 -r")
_SUM = re.compile(r"[0-9a-f]{64}\b")
# So many packs of 64 MiB are read in minutes, and their names are no long command.
_AT_ONCE = 100
_LIMIT_S = 3600.0


@dataclass(frozen=True)
class Shell:
    """A server on which commands can be run.

    Attributes:
        words: How to connect: `ssh`, options, who and where.
        folder: The repository there.
    """

    words: Sequence[str]
    folder: str

    def proves(self, packs: Sequence[str]) -> bool:
        """Return whether the server finds each of these packs to be what its name says, so that none has to be read back.

        False says nothing about the packs: the server may not have such a program, or not let this key run it, a transfer may
        have broken off in one that no backup needs, and one may be damaged.
        """
        program = next((one for one in _PROGRAMS if self._sums(one, packs[:1])), "")
        if not program:
            return False
        parts = [packs[start : start + _AT_ONCE] for start in range(0, len(packs), _AT_ONCE)]
        return all(self._sums(program, part) == part for part in parts)

    def _sums(self, program: str, packs: Sequence[str]) -> list[str]:
        """Return the checksums of some packs; none if the server did not tell all of them."""
        files = shlex.join(f"{self.folder}/data/{one[:2]}/{one}" for one in packs)
        try:
            lines = run([*self.words, f"{program} {files}"], timeout=_LIMIT_S).stdout.splitlines()
        except CommandError:
            return []
        sums = [found[0] for found in map(_SUM.match, lines) if found]
        return sums if len(sums) == len(lines) == len(packs) else []
