"""The errors that end a run with one clear message and the exit code of its kind."""

from __future__ import annotations


class SetupError(Exception):
    """Something that `make up` needs is not there. The message names it and the remedy."""

    exit_code = 1


class NoSpaceError(SetupError):
    """A disk is full."""

    exit_code = 14


class StackBusyError(SetupError):
    """Another run holds this stack."""

    exit_code = 75
