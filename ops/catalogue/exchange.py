"""A checkout and a host give each other the catalogue: on this machine by its files, elsewhere by `ssh`, without the engine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from ops.catalogue.checks import check
from ops.catalogue.document import Document
from ops.catalogue.errors import CatalogueAwayError, CatalogueError
from ops.catalogue.model import Surroundings
from ops.catalogue.shipped import note_pulled, ship, standing_of, working_copy
from ops.core.process import CommandError, run
from ops.core.ssh import OTHER_HOST_KEY, connection_problem, ssh_options

_LIMIT_S = 60.0
# What a server runs; it is found where sshd looks for programs.
_REGOPS = ("regops", "catalogue")


@dataclass(frozen=True)
class Here:
    """The catalogue of a host, as text.

    Attributes:
        working: The working copy; None if there is none.
        shipped: What was shipped last.
    """

    working: str | None
    shipped: str | None


@dataclass(frozen=True)
class Pushed:
    """What became of a push.

    Attributes:
        state: `shipped`; `same`, if the host had it already; `ahead`, if the host's has edits; `wrong`, if it has problems.
        before: What the host had.
        problems: What is wrong with what was pushed.
    """

    state: Literal["shipped", "same", "ahead", "wrong"]
    before: str | None
    problems: tuple[str, ...] = ()


_Answer = TypeVar("_Answer", Here, Pushed)


class Host(Protocol):
    """Where a catalogue is acted on."""

    @property
    def name(self) -> str:
        """What people call it."""

    def look(self) -> Here:
        """Return what is there."""

    def push(self, text: str, *, force: bool, dry_run: bool) -> Pushed:
        """Ship a catalogue."""

    def pulled(self, text: str) -> None:
        """Tell it that a checkout has its working copy."""


@dataclass(frozen=True)
class ThisHost:
    """A stack on this machine.

    Attributes:
        root: Its folder.
        around: What its catalogue is checked against.
    """

    root: Path
    around: Surroundings

    @property
    def name(self) -> str:
        """What people call it."""
        return str(working_copy(self.root))

    def look(self) -> Here:
        """Return what is there.

        Raises:
            CatalogueError: It is no text.
        """
        here = standing_of(self.root)
        return Here(self._text(here.working), self._text(here.shipped))

    def push(self, text: str, *, force: bool, dry_run: bool) -> Pushed:
        """Ship a catalogue, if it can be mirrored as it is, and the host's has no edits.

        Raises:
            CatalogueError: It cannot be read.
        """
        document, here = Document(text), standing_of(self.root)
        before, content = self._text(here.working), text.encode()
        severe = [one for one in check(document, self.around) if one.severe]
        if severe:
            told = tuple(f"{document.place(one.line)}: {one.what}; {one.remedy}" for one in severe)
            return Pushed("wrong", before, told)
        done = force or here.gives_way_to(content) if dry_run else ship(self.root, content, force=force)
        return Pushed(("same" if before == text else "shipped") if done else "ahead", before)

    def pulled(self, text: str) -> None:
        """Note that a checkout has the working copy, unless that was edited meanwhile."""
        note_pulled(self.root, text.encode())

    def _text(self, content: bytes | None) -> str | None:
        return None if content is None else Document.of(content, working_copy(self.root)).text


@dataclass(frozen=True)
class Server:
    """A stack on a server.

    Attributes:
        name: Where: `user@host`, or `ssh://user@host:port`, or a name of the user's own ssh_config.
        identity: The key to log in with; None for what `ssh` finds.
        known_hosts: The file with the server's key; None to trust the first connection.
    """

    name: str
    identity: Path | None = None
    known_hosts: Path | None = None

    def look(self) -> Here:
        """Return what is there; raises as `push`."""
        return self._read(Here, self._ask("send"))

    def push(self, text: str, *, force: bool, dry_run: bool) -> Pushed:
        """Ship a catalogue.

        Raises:
            CatalogueAwayError: The server cannot be reached.
            CatalogueError: It cannot read the catalogue, or has no `regops` that knows how.
        """
        options = [*(["--force"] if force else []), *(["--dry-run"] if dry_run else [])]
        return self._read(Pushed, self._ask("receive", *options, given=text))

    def pulled(self, text: str) -> None:
        """Tell the server that a checkout has its working copy; raises as `push`."""
        self._ask("receive", "--pulled", given=text)

    def _read(self, kind: type[_Answer], told: str) -> _Answer:
        try:
            return TypeAdapter(kind).validate_json(told)
        except ValidationError as error:
            raise CatalogueError(
                f"{self.name} answers something else than `regops` does; if its release is old, run `up`"
            ) from error

    def _ask(self, *words: str, given: str = "") -> str:
        options = ssh_options(identity=self.identity, known_hosts=self.known_hosts, trusts_new=self.known_hosts is None)
        argv = ["ssh", *options, "--", self.name, *_REGOPS, *words]
        try:
            return run(argv, timeout=_LIMIT_S, stdin=json.dumps({"text": given})).stdout
        except CommandError as error:
            raise self._explained(error) from error

    def _explained(self, error: CommandError) -> CatalogueError:
        said = error.completed.stderr if error.completed else ""
        if why := connection_problem(said):
            remedy = (
                "forget its old key with `ssh-keygen -R`"
                if why == OTHER_HOST_KEY
                else "name it with --host, a key with --identity"
            )
            return CatalogueAwayError(f"{self.name} cannot be reached: {why}; {remedy}")
        last = said.strip().splitlines()[-1:] or [str(error)]
        return CatalogueError(f"{self.name}: {last[0].removeprefix('regops: ')}; if its release is old, run `up` first")


def answer(found: Here | Pushed) -> str:
    """Return what a server prints for whoever asks by `ssh`, in letters that every locale has."""
    return json.dumps(asdict(found))


def read_given(text: str) -> str:
    """Return the catalogue that a checkout has sent.

    Raises:
        CatalogueError: It is something else.
    """
    try:
        given = json.loads(text)["text"]
    except (ValueError, KeyError, TypeError):
        given = None
    if not isinstance(given, str):
        raise CatalogueError("standard input should be what `bin/regops catalogue push` sends")
    return given
