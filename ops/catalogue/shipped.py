"""The catalogue on a host: a copy to work with, which `up` and `push` replace, unless somebody has edited it there meanwhile.

Standard library only. Beside the working copy are two states of it: what was shipped last, and what was pulled into a checkout
last. Whatever the working copy is, if it is neither of them, it has edits that nobody has anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ops.catalogue.errors import CatalogueError
from ops.catalogue.store import Store
from ops.core.files import give_to_owner_of, write_atomic
from ops.core.layout import CATALOGUE_FILE, CATALOGUE_PART, MIRROR_FOLDER

_SHIPPED, _PULLED = "shipped.yml", "pulled.yml"
_CONFLICT = (
    "the catalogue was edited on this host, and in the repository too; nothing was changed. Commit the repository's, take the"
    " host's over with `bin/regops catalogue pull --force`, join the two, and run `up` again"
)


@dataclass(frozen=True)
class Standing:
    """What a host has.

    Attributes:
        working: The working copy; None if there is none.
        shipped: What was shipped last.
        pulled: What was pulled last, if nothing was shipped since.
    """

    working: bytes | None
    shipped: bytes | None
    pulled: bytes | None

    @property
    def is_ahead(self) -> bool:
        """Whether the working copy has edits that were not shipped."""
        return self.working is not None and self.working != self.shipped

    def gives_way_to(self, new: bytes) -> bool:
        """Whether the working copy may be replaced: it has no edits, or only such as are elsewhere, too."""
        return self.working in (None, new, self.shipped, self.pulled)


def working_copy(root: Path) -> Path:
    """Return the file that says what is mirrored on this host.

    Args:
        root: The stack's folder.
    """
    return root / MIRROR_FOLDER / CATALOGUE_FILE


def standing_of(root: Path) -> Standing:
    """Return what a host has.

    Raises:
        OSError: It cannot be read.
    """
    folder = root / MIRROR_FOLDER
    return Standing(*(_read(folder / name) for name in (CATALOGUE_FILE, _SHIPPED, _PULLED)))


def is_ahead(root: Path) -> bool:
    """Whether a host's working copy has edits that were not shipped; raises as `standing_of`."""
    return standing_of(root).is_ahead


def in_release(release: Path) -> bytes | None:
    """Return the catalogue that a release brings; None if it has none.

    Args:
        release: The folder of the release.

    Raises:
        OSError: It cannot be read.
    """
    return _read(release / CATALOGUE_PART / CATALOGUE_FILE)


def require_room(root: Path, release: Path) -> None:
    """Make sure that a release can be taken in: call it before anything is changed.

    Raises:
        CatalogueError: The host's catalogue was edited, and the release has another one than was shipped last.
        OSError: Something cannot be read.
    """
    new, here = in_release(release), standing_of(root)
    if new is not None and new != here.shipped and not here.gives_way_to(new):
        raise CatalogueError(_CONFLICT)


def take_in(root: Path) -> None:
    """Make what the current release brings the working copy, if that has no edits. Killed at any step, it can be run again.

    Raises:
        CatalogueError: As `require_room`; nothing was changed.
        OSError: Something cannot be written.
    """
    require_room(root, root / "current")
    new, here = in_release(root / "current"), standing_of(root)
    if new is not None and (here.working is None or new != here.shipped):
        _ship(root, here, new)


def ship(root: Path, new: bytes, *, force: bool = False) -> bool:
    """Make what a checkout pushes the working copy; return whether that was done: it is not if the host's has edits.

    Args:
        root: The stack's folder.
        new: What is pushed.
        force: Whether to replace edits, too; they can be had back by an undo.

    Raises:
        CatalogueBusyError: Somebody is writing it right now.
        OSError: Something cannot be written.
    """
    here = standing_of(root)
    if not force and not here.gives_way_to(new):
        return False
    _ship(root, here, new)
    return True


def note_pulled(root: Path, content: bytes) -> None:
    """Note that a checkout has the working copy now, so that it gives way to what that ships next.

    Raises:
        OSError: It cannot be written.
    """
    _write(root / MIRROR_FOLDER / _PULLED, content)


def _ship(root: Path, here: Standing, new: bytes) -> None:
    if here.working != new:
        Store(working_copy(root)).write(here.working, new)
    (root / MIRROR_FOLDER / _PULLED).unlink(missing_ok=True)
    # Last: whoever is killed before leaves a working copy that is what will be shipped again.
    if here.shipped != new:
        _write(root / MIRROR_FOLDER / _SHIPPED, new)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _write(path: Path, content: bytes) -> None:
    write_atomic(path, content)
    give_to_owner_of(path.parent, path)
