"""Shows, opens and verifies a recovery kit, on any machine that has this program's sources."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.printing import print_json, size
from ops.cli.say import say
from ops.cli.shared import Json
from ops.config import KitRequest
from ops.core.files import write_atomic
from ops.tasks.kit.model import PURPOSES, KitError, settings_in, unseal
from ops.tasks.kit.verify import verify_kit
from ops.tasks.kit.write import write_kit

EXAMPLES = "Examples: `regops kit show kit.age` · `regops kit verify kit.age --json` · `regops kit open kit.age kit`"
_VARIABLE = "REGOPS_KIT_PASSPHRASE"
_PRIVATE = 0o700

Kit = Annotated[Path, typer.Argument(metavar="KIT", help="The file of the recovery kit.")]

app = typer.Typer(no_args_is_help=True, epilog=EXAMPLES, add_completion=False, rich_markup_mode=None)


@app.callback()
def kit() -> None:
    """Open and verify the recovery kit of a stack.

    `up` writes it where the setting recovery_kit says: one file with all that must lie elsewhere to bring the stack back:
    settings, state, passphrases, keys, and a page that says what to do. Its passphrase is asked for, or read from
    REGOPS_KIT_PASSPHRASE. It is encrypted in the format of age: `age --decrypt kit.age | tar --extract` opens it, too.
    """


@app.command(epilog="Examples: `regops kit show kit.age` · `regops kit show kit.age README.md`")
def show(
    kit: Kit,
    name: Annotated[str | None, typer.Argument(metavar="FILE", help="Print this file of it, such as README.md.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Show what is in a kit, or print one file of it."""
    files = _opened(kit)
    if name is not None:
        if name not in files:
            raise KitError(f"there is no {name} in this kit; it has {', '.join(files)}")
        sys.stdout.write(files[name])
    elif as_json:
        print_json({"files": [{"name": one, "bytes": len(text.encode())} for one, text in files.items()]})
    else:
        for one, text in files.items():
            typer.echo(f"{one:24} {size(len(text.encode())):>10}  {PURPOSES.get(one, 'the settings of the stack')}")


@app.command("open", epilog="Examples: `regops kit open kit.age kit`")
def open_(
    kit: Kit,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where its files go; it must not have them yet.")],
) -> None:
    """Write the files of a kit into a folder, readable by you alone."""
    files = _opened(kit)
    settings_in(files)
    if there := [name for name in files if (folder / name).exists()]:
        raise KitError(f"{folder / there[0]} exists already; name another folder, or remove it")
    folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    for name, text in files.items():
        write_atomic(folder / name, text, mode=0o600)
    say(f"{folder} has the {len(files)} files of the kit; {folder}/README.md says what to do. Remove it when you are done.")


@app.command(epilog="Examples: `regops kit verify kit.age` · `regops kit verify kit.age --offline --json`")
def verify(
    kit: Kit,
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Do not try to reach the backups.")] = False,
    as_json: Json = False,
) -> None:
    """Try a kit: that it is complete, and that it opens the state and the backups.

    Exit codes: 12 if it does not, 13 if the backups cannot be reached from here, as those on a Storage Box.
    """
    found = verify_kit(_opened(kit), offline=offline)
    if as_json:
        print_json({"kit": asdict(found)})
    else:
        for line in found.proven:
            typer.echo(f"ok       {line}")
        for line in found.problems:
            typer.echo(f"problem  {line}")
        if found.unreachable:
            typer.echo(f"unknown  {found.unreachable}")
    raise typer.Exit(found.exit_code)


@app.command(hidden=True)
def write() -> None:
    """Write a kit; `up` says on standard input what is in it."""
    say(write_kit(KitRequest.model_validate_json(sys.stdin.read())))


def _opened(kit: Path) -> dict[str, str]:
    sealed = kit.expanduser().read_bytes()
    passphrase = os.environ.get(_VARIABLE) or typer.prompt("Passphrase of the kit", hide_input=True, err=True)
    return unseal(sealed, passphrase)
