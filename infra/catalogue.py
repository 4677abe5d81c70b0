"""The catalogue as the program sees it: what of it must not be shipped, and what is doubtful."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infra.paths import PROJECT_FOLDER
from infra.settings import Settings
from ops.catalogue.checks import check
from ops.catalogue.document import Document
from ops.catalogue.errors import CatalogueError
from ops.catalogue.model import Surroundings
from ops.catalogue.targets import target_folders, target_repositories
from ops.config import CATALOGUE_FILE

_MISSING = (
    "sync.into: there is no {file}, which says what is mirrored; make it: `bin/regops catalogue add IMAGE`, or"
    " `bin/regops catalogue import FILE` for a configuration of regsync"
)
_ENTRIES = (
    f"sync.entries is the old way to say what is mirrored: move them to {CATALOGUE_FILE} with `bin/regops catalogue import`,"
    " and set sync.into instead; then an edit restarts nothing (docs/mirror.md)"
)


@dataclass(frozen=True)
class Judgement:
    """What is wrong with a catalogue, each with its line and a remedy.

    Attributes:
        refused: Why it must not be shipped.
        notes: What people should know.
    """

    refused: Sequence[str] = ()
    notes: Sequence[str] = ()


def names_here(settings: Settings) -> tuple[str, ...]:
    """Return what a registry is called in targets of its catalogue."""
    return (settings.registry_host,)


def read_catalogue(settings: Settings) -> bytes | None:
    """Return the file that says what is mirrored; None if there is none.

    Raises:
        OSError: It cannot be read.
    """
    path = PROJECT_FOLDER / settings.sync.catalogue.expanduser()
    return path.read_bytes() if settings.sync.has_catalogue and path.exists() else None


def judge(settings: Settings, content: bytes | None) -> Judgement:
    """Judge the catalogue of a stack.

    Args:
        settings: The stack's settings.
        content: The file; None if there is none.
    """
    if not settings.sync.has_catalogue:
        return Judgement(notes=[_ENTRIES] if settings.sync.enabled and settings.sync.entries else [])
    if content is None:
        return Judgement([_MISSING.format(file=settings.sync.catalogue)])
    try:
        document = Document.of(content, settings.sync.catalogue)
    except CatalogueError as error:
        return Judgement([str(error)])
    around = Surroundings(frozenset(names_here(settings)), settings.sync.into, settings.sync.variables, of_host=True)
    found = [(one.severe, f"{document.place(one.line)}: {one.what}; {one.remedy}") for one in check(document, around)]
    refused = [told for severe, told in found if severe]
    return Judgement([*refused, *_written_by_others(settings, document)], [told for severe, told in found if not severe])


def _written_by_others(settings: Settings, document: Document) -> Iterator[str]:
    """Yield which targets somebody else writes to or deletes from: whatever they do there, the next run undoes."""
    ruled = {rule.repository for rule in settings.sync.retention}
    for item, repository in target_repositories(document, settings.sync.variables):
        line = document.place(item.line_of("target"))
        if repository in ruled:
            remedy = "narrow its tags instead, or write x-regops: {keep_last: …}"
            yield f"{line}: a rule of sync.retention deletes tags from {repository}, which would be mirrored again; {remedy}"
        for account in settings.accounts:
            if any("push" in access.actions and access.covers(repository) for access in account.access):
                remedy = "choose another target, or narrow its access"
                yield f"{line}: the account {account.name} may push to {repository} too; {remedy}"
    for item, folder in target_folders(document, settings.sync.variables):
        line, here = document.place(item.line_of("target")), f"{folder}**"
        for name in sorted(name for name in ruled if name.startswith(folder)):
            yield f"{line}: a rule of sync.retention deletes tags from {name}, which may be mirrored to; choose another target"
        for account in settings.accounts:
            if any("push" in access.actions and _meet(access.repositories, folder) for access in account.access):
                yield f"{line}: the account {account.name} may push to {here} too; choose another target, or narrow its access"


def _meet(pattern: str, folder: str) -> bool:
    """Whether a pattern of repositories covers some below a folder."""
    prefix = pattern.removesuffix("**")
    return prefix.startswith(folder) or (prefix != pattern and folder.startswith(prefix))
