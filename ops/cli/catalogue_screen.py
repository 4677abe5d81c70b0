"""`regops catalogue ui`: the catalogue on a full screen, where Textual is installed, which no release brings."""

from __future__ import annotations

import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

import ops
from ops.cli.catalogue_files import DEFAULT, File, Into, Offline, Registry, around, file_of_checkout
from ops.cli.say import say
from ops.core import exit_codes

if TYPE_CHECKING:
    from ops.cli.catalogue_ui.desk import Desk

UI_EXAMPLES = "Examples: `regops catalogue ui` · `regops catalogue ui --file mirror.yml --offline`"
# Where a host's is installed: beside the releases, so that no program of the system finds it.
_FOLDER = "ui"
_LOOK_S = 0.1
_REQUIREMENTS = Path(ops.__file__).with_name("requirements-ui.txt")


class NoScreenError(Exception):
    """There is no full screen here; the message says what would help."""

    exit_code = exit_codes.FAILED


def ui_(
    context: typer.Context,
    *,
    registry: Registry = None,
    into: Into = None,
    file: File = DEFAULT,
    offline: Offline = False,
) -> None:
    """Edit the catalogue on a full screen.

    Search, add, edit and remove entries, and see before what would change in the file, what an entry matches upstream and costs,
    and what the next run of the mirror would do. Whatever is written can be undone, here and by `regops catalogue undo`.
    """
    if not at_terminal():
        raise NoScreenError("`regops catalogue ui` needs a terminal; `regops catalogue --json` lists the entries for programs")
    _find_textual(context.obj)
    from ops.cli.catalogue_ui.app import CatalogueApp  # noqa: PLC0415
    from ops.cli.catalogue_ui.desk import Desk  # noqa: PLC0415

    desk = Desk(file, context.obj, around(file, context.obj, registry, into), registry or (), offline=offline)
    screen = CatalogueApp(desk)
    screen.run()
    if desk.asks:
        _wait_for(desk)
    raise typer.Exit(screen.return_code or exit_codes.OK)


def _wait_for(desk: Desk) -> None:
    try:
        say("waiting for registries that were asked for the plan; ^C leaves at once")
        while desk.asks:
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        os._exit(exit_codes.INTERRUPTED)  # else Python waits for them, too


def _find_textual(root: object) -> None:
    """Make Textual importable.

    Raises:
        NoScreenError: It is not installed.
    """
    folder = root / _FOLDER if isinstance(root, Path) else None
    if folder and folder.is_dir() and str(folder) not in sys.path:
        sys.path.append(str(folder))
    if find_spec("textual"):
        return
    if file_of_checkout() or folder is None:
        remedy = "`make setup` in the checkout installs it"
    else:
        install = f"pip install --require-hashes --target {folder} --requirement {_REQUIREMENTS}"
        remedy = f"install it as root: apt-get install -y python3-pip && {install}"
    raise NoScreenError(f"`regops catalogue ui` needs Textual, which is not installed here; {remedy}")


def at_terminal() -> bool:
    """Whether there is a screen, and somebody with keys before it."""
    return sys.stdin.isatty() and sys.stdout.isatty()
