"""`regops catalogue`: lists what is mirrored, and adds, edits, removes, checks and imports entries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.catalogue.checks import check
from ops.catalogue.document import Document
from ops.catalogue.edits import with_changes, with_entries, without_entry
from ops.catalogue.entry import OURS
from ops.catalogue.errors import CatalogueError
from ops.catalogue.imports import imported
from ops.catalogue.selection import chosen, matching
from ops.catalogue.starter import entry_like, other_catalogue
from ops.catalogue.store import Store
from ops.catalogue.upstream_templates import template_named
from ops.catalogue.wishes import edit_patch, new_entry, require_well
from ops.cli.catalogue_asking import asked
from ops.cli.catalogue_examples import ADD_EXAMPLES, EDIT_EXAMPLES, EXAMPLES, IMPORT_EXAMPLES, REMOVE_EXAMPLES, UNDO_EXAMPLES
from ops.cli.catalogue_exchange import PULL_EXAMPLES, PUSH_EXAMPLES, pull_, push_, receive_, send_
from ops.cli.catalogue_files import (
    DEFAULT,
    DryRun,
    File,
    FileOrNone,
    Into,
    Offline,
    Opened,
    Registry,
    around,
    default_file,
    is_of_host,
    mirror_of,
    show_difference,
    tell_ahead,
)
from ops.cli.catalogue_offer import show_offer
from ops.cli.catalogue_options import Deny, DigestTags, Keep, Referrers, Semver, Tags, Target, wishes_of
from ops.cli.catalogue_orphans import orphans_of
from ops.cli.catalogue_output import document_of, print_checked, print_entries, print_imported, shown
from ops.cli.catalogue_screen import UI_EXAMPLES, ui_
from ops.cli.catalogue_search import SEARCH_EXAMPLES, search_
from ops.cli.printing import print_json
from ops.cli.say import say
from ops.cli.shared import Json

_EXCHANGES = ("push", "pull", "send", "receive")

app = typer.Typer(invoke_without_command=True, epilog=EXAMPLES, add_completion=False, rich_markup_mode=None)

_Entry = Annotated[str, typer.Argument(metavar="ENTRY", help="Its source or target, a part of one, or its line, as in :14.")]
_Search = Annotated[str, typer.Option("--search", metavar="TEXT", help="Only entries whose source or target contains it.")]
_From = Annotated[
    str, typer.Option("--from", metavar="CATALOGUE", help="Another catalogue: starter, which has 260 public images, or a file.")
]
_Template = Annotated[
    str, typer.Option("--template", metavar="KIND", help="Tags that make sense at hub, ghcr, lscr, gcr, quay or codeberg.")
]


@app.callback()
def show_all(context: typer.Context, *, search: _Search = "", file: FileOrNone = None, as_json: Json = False) -> None:
    """List, edit and check what is mirrored.

    The catalogue is a file, catalogue.yml, that plain regsync can read: in a checkout that of the repository, on a host its own.
    Edits change the lines of their entry; every other line stays as it is, with its comments. Without a verb, entries are listed.
    """
    file = file or default_file(context.obj)
    defaults: dict[str, Any] = {"file": file}  # for `regops catalogue --file mirror.yml list`, too
    if is_of_host(file, context.obj) and (mirror := mirror_of(context.obj)):
        defaults |= {"registry": list(mirror.registries), "into": list(mirror.into)}
        if context.invoked_subcommand not in _EXCHANGES:
            context.call_on_close(lambda: tell_ahead(file, context.obj))
    context.default_map = {str(command.name): defaults for command in app.registered_commands}
    if context.invoked_subcommand is None:
        list_(context, search=search, file=file, as_json=as_json)


@app.command("list", epilog="Examples: `regops catalogue list` · `regops catalogue list --from starter --search ghcr.io`")
def list_(
    context: typer.Context, *, search: _Search = "", from_: _From = "", file: File = DEFAULT, as_json: Json = False
) -> None:
    """List the entries, with their lines; on a host also what no entry names."""
    document = other_catalogue(from_) if from_ else Opened.of(file).document
    items = matching(document, search)
    orphans = None if from_ or search else orphans_of(document, file, context.obj)
    if as_json:
        print_json({"file": from_ or str(file), "entries": [document_of(item) for item in items], "orphans": orphans})
    else:
        print_entries(items, total=len(document.entries), orphans=orphans or ())


@app.command("show", epilog="Examples: `regops catalogue show postgres` · `regops catalogue show :14 --json`")
def show_(context: typer.Context, entry: _Entry, *, file: File = DEFAULT, as_json: Json = False) -> None:
    """Show an entry as it is written, and what is wrong with it."""
    document = Opened.of(file).document
    item = chosen(document, entry)
    problems = [one for one in check(document, around(file, context.obj, None)) if item.index in one.entries]
    if as_json:
        print_json({"file": str(file), "entry": document_of(item), "problems": [one.document() for one in problems]})
        return
    typer.echo(f"# {document.place(item)}\n{document.lines_of(item)}")
    for one in problems:
        say(f"{document.place(one.line)}: {one.what}; {one.remedy}")


@app.command("add", epilog=ADD_EXAMPLES)
def add_(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A repository or image, as Docker reads it.")] = "",
    *,
    from_: _From = "",
    template: _Template = "",
    tags: Tags = None,
    deny: Deny = None,
    semver: Semver = None,
    target: Target = None,
    keep: Keep = None,
    digest_tags: DigestTags = None,
    referrers: Referrers = None,
    registry: Registry = None,
    into: Into = None,
    file: File = DEFAULT,
    offline: Offline = False,
    dry_run: DryRun = False,
) -> None:
    """Add an entry.

    Without --target, it goes to the source's path without its registry. What this registry is called is taken from the other
    entries, or from --registry. At a terminal, `regops catalogue add` asks for what is missing. Upstream is asked which
    tags match: with the accounts of the stack on a host, and without any elsewhere. With --from, the entry is copied from another
    catalogue, which SOURCE is looked up in; `regops catalogue list --from starter` shows what there is.
    """
    opened = Opened.of(file, new=True)
    wishes = replace(wishes_of(tags, deny, semver, target, keep), digest_tags=digest_tags, referrers=referrers)
    names = list(registry or ())
    if from_:
        item = chosen(other_catalogue(from_), source)
        entry = entry_like(item, opened.document, wishes, names)
    else:
        kind = template_named(template) if template else None
        if not source:
            source, wishes, names = asked(opened.document, wishes, names, kind)
        elif kind:
            source = kind.source(source)
            wishes = kind.wishes(source).overridden_by(wishes)
        entry = new_entry(opened.document, source, wishes, names)
    new = with_entries(opened.document, [entry])
    item = new.entries[-1]
    doubts = require_well(opened.document, new, item, around(file, context.obj, names, into))
    if not offline:
        show_offer(item, around(file, context.obj, names, into), file, context.obj)
    if opened.save(new, dry_run=dry_run):
        say(f"added to {new.place(item)}: {shown(item)}; `regops catalogue undo` takes it out again")
    for doubt in doubts:
        say(doubt)


@app.command("edit", epilog=EDIT_EXAMPLES)
def edit_(
    context: typer.Context,
    entry: _Entry,
    *,
    source: Annotated[str | None, typer.Option("--source", metavar="SOURCE", help="Copy it from there from now on.")] = None,
    tags: Tags = None,
    deny: Deny = None,
    semver: Semver = None,
    target: Target = None,
    keep: Keep = None,
    digest_tags: DigestTags = None,
    referrers: Referrers = None,
    registry: Registry = None,
    into: Into = None,
    file: File = DEFAULT,
    offline: Offline = False,
    dry_run: DryRun = False,
) -> None:
    """Edit an entry.

    What is given replaces what was there; an empty value removes it, as `--tags ''` does. Upstream is asked which tags match.
    With another source the target stays, but for a tag that both have.
    """
    opened = Opened.of(file)
    document, names = opened.document, list(registry or ())
    item = chosen(document, entry)
    wishes = replace(wishes_of(tags, deny, semver, target, keep), digest_tags=digest_tags, referrers=referrers, source=source)
    patch = edit_patch(document, item, wishes, names)
    if not patch and source is None:
        raise typer.BadParameter("say what is to change: --source, --tags, --deny, --semver, --target, --keep or others")
    new = with_changes(document, item, patch)
    doubts = require_well(document, new, new.entries[item.index], around(file, context.obj, names, into))
    if not offline and patch.keys() & {"source", "tags", OURS}:
        show_offer(new.entries[item.index], around(file, context.obj, names, into), file, context.obj)
    if opened.save(new, dry_run=dry_run):
        say(f"edited {new.place(new.entries[item.index])}: {shown(new.entries[item.index])}; `regops catalogue undo` reverts it")
    elif not dry_run:
        say(f"{document.place(item)} says that already")
    for doubt in doubts:
        say(doubt)


@app.command("remove", epilog=REMOVE_EXAMPLES)
def remove_(
    context: typer.Context,
    entry: _Entry,
    *,
    images: Annotated[bool, typer.Option("--images", help="Also delete its images here, after a snapshot.")] = False,
    file: File = DEFAULT,
    dry_run: DryRun = False,
) -> None:
    """Remove an entry. The images that it has copied stay, unless --images is given."""
    opened = Opened.of(file)
    item = chosen(opened.document, entry)
    removal = None
    if images:
        from ops.cli.catalogue_images import Removal  # noqa: PLC0415

        removal = Removal.of(opened.document, item, file, context.obj)
    if opened.save(without_entry(opened.document, item), dry_run=dry_run):
        stay = "" if images else "its images stay; "
        say(f"removed {shown(item)}; {stay}`regops catalogue undo` brings the entry back")
    if removal:
        removal.show() if dry_run else removal.run()


@app.command(
    "check", epilog="Examples: `regops catalogue check` · `regops catalogue check --registry registry.example.com --json`"
)
def check_(
    context: typer.Context, *, registry: Registry = None, into: Into = None, file: File = DEFAULT, as_json: Json = False
) -> None:
    """Say what is wrong, with the line and a remedy.

    Ends with 10 if an entry cannot be mirrored as it is, or not as it seems, and with 3 if something is only doubtful. Targets
    outside this registry are only seen with --registry.
    """
    document = Opened.of(file).document
    problems = check(document, around(file, context.obj, registry, into))
    raise typer.Exit(print_checked(document, problems, as_json=as_json))


@app.command("import", epilog=IMPORT_EXAMPLES)
def import_(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A configuration of regsync.")],
    *,
    registry: Registry = None,
    into: Into = None,
    file: File = DEFAULT,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Take the entries of a regsync.yml.

    They are taken as they are, but for short names, which are written in full. What cannot be taken is listed with its line and
    the reason, and the exit code is 3. Logins are never taken.
    """
    content = Store(source).read()
    if content is None:
        raise CatalogueError(f"{source} is missing; give the path of a regsync.yml")
    opened = Opened.of(file, new=True)
    result = imported(opened.document, Document.of(content, source), around(file, context.obj, registry, into))
    if not (dry_run and as_json):
        opened.save(result.document, dry_run=dry_run)
    raise typer.Exit(print_imported(result, file, dry_run=dry_run, as_json=as_json))


@app.command("undo", epilog=UNDO_EXAMPLES)
def undo_(
    *,
    redo: Annotated[bool, typer.Option("--redo", help="Undo the last undo.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also if the file was edited by hand since; --redo brings that back.")
    ] = False,
    file: File = DEFAULT,
    dry_run: DryRun = False,
) -> None:
    """Undo the last edit.

    The file is as it was before it, byte for byte. The last 20 edits can be undone, one after the other.
    """
    store = Store(file)
    if dry_run:
        now, then = (Document.of(content or b"", file).text for content in store.last(redo=redo))
        show_difference(now, then, file.name)
        return
    store.undo(redo=redo, force=force)
    again = "`regops catalogue undo`" if redo else "`regops catalogue undo --redo`"
    say(f"{file} is as it was before; {again} reverts that")


app.command("search", epilog=SEARCH_EXAMPLES)(search_)
app.command("ui", epilog=UI_EXAMPLES)(ui_)
app.command("push", epilog=PUSH_EXAMPLES)(push_)
app.command("pull", epilog=PULL_EXAMPLES)(pull_)
# What those two run on a server.
app.command("send", hidden=True)(send_)
app.command("receive", hidden=True)(receive_)
