"""Errors that end a run with one clear message and an exit code that tells its kind."""

from __future__ import annotations


class SetupError(Exception):
    """Something that `make up` needs is missing. The message says what, and how to fix it."""

    exit_code = 1


class NoSpaceError(SetupError):
    """A disk is full."""

    exit_code = 14


class StackBusyError(SetupError):
    """Another run holds this stack."""

    exit_code = 75
