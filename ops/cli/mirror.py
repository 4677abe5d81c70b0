"""`regops mirror`: copies one image, now."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ops.catalogue.edits import with_entries
from ops.catalogue.shipped import working_copy
from ops.catalogue.wishes import require_well
from ops.cli.catalogue_files import Opened, tell_ahead
from ops.cli.printing import print_json, size
from ops.cli.say import say
from ops.cli.shared import Json, Wait, end_with, stack_of
from ops.core import exit_codes
from ops.runs.task import Outcome
from ops.stack.stack import Stack
from ops.tasks.sync.one_image import MIRROR, Copied, Found, Wanted, copy, find, mirror_for, wanted
from ops.tasks.sync.run import MIRROR_LOCK

EXAMPLES = (
    "Examples: `regops mirror alpine:3.22` · `regops mirror quay.io/org/app:1.2 --as mirror/app:1.2 --dry-run` ·"
    " `regops mirror ghcr.io/org/tool:v3 --add` · `regops mirror alpine@sha256:… --as library/alpine:pinned`"
)

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EXAMPLES)
def mirror(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The image, as Docker reads it: alpine is alpine:latest.")],
    *,
    target: Annotated[
        str | None, typer.Option("--as", metavar="REPOSITORY:TAG", help="What it is called here.", show_default="as there")
    ] = None,
    add: Annotated[bool, typer.Option("--add", help="Also add it to this host's catalogue, which keeps it up to date.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be copied; it costs no pull.")] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Copy one image, now, from any registry.

    All its platforms are copied, and its digest is compared with what clients get here. Nothing keeps it up to date afterwards
    unless the catalogue names it. Ends with 75 if upstream grants no more pulls now.
    """
    stack = stack_of(context)
    image = wanted(stack, source, target)
    adding = _Adding.of(stack, image) if add else None

    def work() -> Outcome:
        with mirror_for(stack, image) as one:
            found = find(one)
            if dry_run:
                _print_found(image, found, as_json=as_json)
                if adding and not as_json:
                    adding.save(dry_run=True)
                return Outcome(exit_codes.OK, "nothing was copied")
            if found.plan.jobs and not as_json:
                say(f"copying {image.entry.name} …")
            done = copy(one, found)
        added = adding.save(dry_run=False) if adding else None
        _print_copied(image, done, added, as_json=as_json)
        if adding:
            tell_ahead(working_copy(stack.root), stack.root)
        return Outcome(exit_codes.OK, f"{image.pull} is {done.digest}")

    if dry_run:
        end_with(stack, f"{MIRROR}-plan", work, routine=True)
    end_with(stack, MIRROR, work, lock=MIRROR_LOCK, wait_s=wait)


class _Adding:
    """The edit of this host's catalogue that keeps an image up to date, found to be possible before anything is copied."""

    def __init__(self, opened: Opened, image: Wanted) -> None:
        self._opened = opened
        self._there = next((item for item in opened.document.entries if _is(item.values, image)), None)
        self._new = opened.document if self._there else with_entries(opened.document, [image.values])
        if not self._there:
            require_well(opened.document, self._new, self._new.entries[-1], image.around)

    @classmethod
    def of(cls, stack: Stack, image: Wanted) -> _Adding:
        return cls(Opened.of(working_copy(stack.root), new=True), image)

    def save(self, *, dry_run: bool) -> str:
        """Write it, or show what would be written; return where the entry is."""
        self._opened.save(self._new, dry_run=dry_run)
        return self._new.place(self._there or self._new.entries[-1])


def _is(values: Any, image: Wanted) -> bool:
    return all(values.get(key) == image.values[key] for key in ("source", "target"))


def _print_found(image: Wanted, found: Found, *, as_json: bool) -> None:
    entry, jobs = image.entry, found.plan.jobs
    before = jobs[0].before if jobs else found.digest
    if as_json:
        left = found.budget.remaining if found.budget else None
        print_json({"image": {**_names(image), "digest": found.digest, "before": before, "copy": bool(jobs), "pulls_left": left}})
        return
    what = "would be copied" if jobs else "is here already; nothing would be copied"
    typer.echo(f"{entry.name} ({found.digest}) {what}")
    if jobs and before:
        typer.echo(f"{image.pull} is {before} now, and would become the other")
    elif jobs:
        typer.echo(f"it would be {image.pull}")
    if found.budget:
        typer.echo(f"{entry.upstream} grants {found.budget.remaining} of {found.budget.limit} pulls now; each manifest costs one")


def _print_copied(image: Wanted, done: Copied, added: str | None, *, as_json: bool) -> None:
    weight = done.weight
    if as_json:
        figures = {"manifests": weight.manifests if weight else None, "bytes": weight.size if weight else None}
        rest = {"seconds": round(done.seconds, 1), "verified": done.verified, "pulls_left": done.pulls_left, "added": added}
        print_json({"image": {**_names(image), "digest": done.digest, "changed": done.changed, **figures, **rest}})
        return
    parts = [f"{weight.manifests} manifest{'s' * (weight.manifests != 1)}, {size(weight.size)}"] if weight else []
    parts.append(f"copied in {done.seconds:.0f} s, digest verified" if done.changed else "is here already, with the same digest")
    typer.echo(", ".join(parts))
    typer.echo(f"docker pull {image.pull}")
    if added:
        say(f"{added} keeps it up to date; `regops catalogue undo` takes it out again")
    else:
        say("it stays as it is; `--add` keeps it up to date")
    if done.pulls_left is not None:
        say(f"{image.entry.upstream} grants {done.pulls_left} more pulls now")


def _names(image: Wanted) -> dict[str, Any]:
    entry = image.entry
    return {"source": entry.name, "repository": entry.repository, "tag": entry.tag, "pull": image.pull}
