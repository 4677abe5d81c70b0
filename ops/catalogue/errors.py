"""What can be wrong with a catalogue, for whoever has to put it right."""

from __future__ import annotations

from ops.core import exit_codes


class CatalogueError(Exception):
    """The catalogue is wrong, or what was asked of it; nothing was written. The message names the place and the remedy."""

    exit_code = exit_codes.INVALID


class EditError(CatalogueError):
    """An edit would change more than was asked for, or cannot be made without writing other lines anew."""


class EditedByHandError(CatalogueError):
    """An undo would also undo what somebody has changed by hand since."""


class CatalogueBusyError(CatalogueError):
    """Somebody else is writing the catalogue, or has just done so."""

    exit_code = exit_codes.BUSY


class CatalogueAwayError(CatalogueError):
    """The host that a catalogue is for cannot be reached."""

    exit_code = exit_codes.UNREACHABLE
