"""`regops catalogue push` and `pull` in a checkout, and `send` and `receive`, which they run on a server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ops.catalogue.document import Document
from ops.catalogue.errors import CatalogueError
from ops.catalogue.exchange import Host, Pushed, Server, ThisHost, answer, read_given
from ops.catalogue.store import Store
from ops.cli.catalogue_files import DEFAULT, DryRun, File, Opened, is_of_host, mirror_of, show_difference
from ops.cli.printing import print_json
from ops.cli.say import say
from ops.cli.shared import Json, stack_of
from ops.config import ConfigError
from ops.core import exit_codes
from ops.stack.mirror import surroundings_of

PUSH_EXAMPLES = (
    "Examples: `regops catalogue push --host root@registry.example.com` · `regops catalogue push --dry-run` ·"
    " `regops catalogue push --force`"
)
PULL_EXAMPLES = (
    "Examples: `regops catalogue pull --host root@registry.example.com` · `regops catalogue pull --dry-run` ·"
    " `regops catalogue pull --force`"
)
_HostName = Annotated[
    str,
    typer.Option(
        "--host",
        metavar="USER@HOST",
        envvar="REGOPS_HOST",
        help="The server, as `ssh` knows it, or ssh://user@host:port; without it, the stack on this machine.",
    ),
]
_Identity = Annotated[Path | None, typer.Option("--identity", metavar="FILE", help="The SSH key to log in with.")]
_KnownHosts = Annotated[Path | None, typer.Option("--known-hosts", metavar="FILE", help="The server's SSH host key.")]
_JOIN = "see what differs with --dry-run; commit yours, take the host's over with --force, and join the two"


def push_(
    context: typer.Context,
    *,
    host: _HostName = "",
    identity: _Identity = None,
    known_hosts: _KnownHosts = None,
    file: File = DEFAULT,
    force: Annotated[bool, typer.Option("--force", help="Also over edits of the host; its undo brings them back.")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Ship this one file to the host, in seconds.

    Nothing restarts, and the next `up` ships the same. It is checked there first, and refused over edits that were made on the
    host: `regops catalogue pull` takes those over.
    """
    there = _host(context, host, identity, known_hosts)
    _require_checkout(context, file)
    document = Opened.of(file).document
    done = there.push(document.text, force=force, dry_run=dry_run)
    if as_json:
        print_json({"host": there.name, "state": done.state, "problems": done.problems, "dry_run": dry_run})
    elif dry_run:
        show_difference(done.before or "", document.text, document.name)
    _tell_pushed(done, there, dry_run=dry_run)
    raise typer.Exit(exit_codes.INVALID if done.state in {"ahead", "wrong"} else exit_codes.OK)


def _tell_pushed(done: Pushed, there: Host, *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    match done.state:
        case "shipped":
            say(f"{would}shipped to {there.name}; nothing restarts, and the next run of the mirror goes by it")
        case "same":
            say(f"{there.name} has it already")
        case "ahead":
            say(
                f"{there.name} has edits that are not here; nothing was shipped: `regops catalogue pull` takes them over,"
                " or --force replaces them"
            )
        case "wrong":
            for problem in done.problems:
                say(problem)
            say(f"nothing was shipped: {there.name} cannot mirror that; if it is for another host, name that with --host")


def pull_(
    context: typer.Context,
    *,
    host: _HostName = "",
    identity: _Identity = None,
    known_hosts: _KnownHosts = None,
    file: File = DEFAULT,
    force: Annotated[
        bool, typer.Option("--force", help="Also over changes of this file; `regops catalogue undo` brings them back.")
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Fetch what was edited on the host into this checkout.

    It is refused if the file here is not what was shipped, since its own changes would be lost; the diff shows both.
    """
    there = _host(context, host, identity, known_hosts)
    _require_checkout(context, file)
    found, store = there.look(), Store(file)
    if found.working is None:
        raise CatalogueError(f"{there.name} has no catalogue yet; `regops catalogue push` brings it")
    content = store.read()
    mine = None if content is None else Document.of(content, file).text
    state = "same" if mine == found.working else "pulled" if force or mine in {None, found.shipped} else "changed"
    if as_json:
        print_json({"host": there.name, "state": state, "dry_run": dry_run})
    elif dry_run or state == "changed":
        show_difference(mine or "", found.working, file.name)
    if state == "changed":
        say(f"{file} has changes that were not shipped to {there.name}; nothing was fetched: {_JOIN}")
        raise typer.Exit(exit_codes.INVALID)
    if state == "pulled" and not dry_run:
        store.write(content, found.working.encode())
    if found.working != found.shipped and not dry_run:
        there.pulled(found.working)
    say(f"{file} is what {there.name} has" if state == "same" else f"{'would be ' if dry_run else ''}fetched from {there.name}")


def send_(context: typer.Context) -> None:
    """Print what this host has, for a checkout."""
    typer.echo(answer(_this_host(context).look()))


def receive_(
    context: typer.Context,
    *,
    force: Annotated[bool, typer.Option("--force")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run")] = False,
    pulled: Annotated[bool, typer.Option("--pulled")] = False,
) -> None:
    """Take what a checkout gives on standard input."""
    here, text = _this_host(context), read_given(sys.stdin.read())
    if pulled:
        here.pulled(text)
    else:
        typer.echo(answer(here.push(text, force=force, dry_run=dry_run)))


def _host(context: typer.Context, name: str, identity: Path | None, known_hosts: Path | None) -> Host:
    return Server(name, identity, known_hosts) if name else _this_host(context)


def _this_host(context: typer.Context) -> ThisHost:
    stack = stack_of(context)
    mirror = mirror_of(stack.root)
    if mirror is None:
        raise ConfigError([f"the stack in {stack.root} has no sync.into in its settings; or name a server with --host"])
    return ThisHost(stack.root, surroundings_of(mirror))


def _require_checkout(context: typer.Context, file: Path) -> None:
    if is_of_host(file, context.obj):
        raise CatalogueError(f"{file} is the host's own; run this in a checkout of the repository, or name a file with --file")
