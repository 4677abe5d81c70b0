"""A command of `ops` that a host runs: what it is given, when it runs again, and how it is written for a shell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pulumi

from infra.look import Seen

_INSTALLS = "host.provision"
REMOVE_RELEASE = ("remove", "current", "releases", "parts", "installed")


@dataclass(frozen=True, kw_only=True)
class OpsCommand:
    """A command of `ops`.

    Attributes:
        module: Module of `ops`.
        create: Arguments of the command; it is safe to run again at any time.
        delete: Arguments of the command that undoes it; None if there is nothing to undo.
        stdin: Standard input of `create`; may be secret.
        after: Resources that must exist first.
        marks: Text that is not an argument; the command runs again when it changes.
        after_repairs: Whether it runs again when something in the Docker engine has been made anew, too.
        mounts: Whether it mounts something, for which a user needs a program with root's rights.
    """

    module: str = _INSTALLS
    create: Sequence[pulumi.Input[str]]
    delete: Sequence[str] | None = None
    stdin: pulumi.Input[str] | None = None
    after: Sequence[pulumi.Resource] = ()
    marks: Sequence[str] = ()
    after_repairs: bool = False
    mounts: bool = False

    def marks_of(self, seen: Seen) -> Sequence[str]:
        """Return what the command runs again for: its marks, and what is no longer as it was installed."""
        return [*self.marks, seen.files, *([seen.repairs] if self.after_repairs else [])]

    def arguments_of(self, seen: Seen, known: Sequence[str]) -> Sequence[str]:
        """Return the arguments of `create`, once they are known; what installs files records their revision."""
        return ["--revision", seen.files, *known] if self.module == _INSTALLS else known


def shell(
    interpreter: Sequence[str], root: PurePosixPath, module: str, arguments: Sequence[str], marks: Sequence[str] = ()
) -> str:
    """Return the shell command that runs a module of `ops`, with the marks as a comment."""
    return commented([*interpreter, "-m", f"ops.{module}", "--root", str(root), *arguments], marks)


def commented(words: Sequence[str], marks: Sequence[str]) -> str:
    """Return a shell command, with the marks as a comment."""
    return " ".join([shlex.join(words), *(["#", *filter(None, marks)] if any(marks) else [])])
