"""What somebody wants of an entry, as what a catalogue then says."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import Any

from ops.catalogue.checks import check
from ops.catalogue.document import Document, Item
from ops.catalogue.entry import OURS
from ops.catalogue.errors import CatalogueError, EditError
from ops.catalogue.model import Problem, Surroundings
from ops.catalogue.names import Name, is_registry, name_of
from ops.catalogue.nodes import Plain
from ops.catalogue.patches import merged
from ops.catalogue.problems import checked
from ops.config.tag_patterns import has_loose_alternatives

_REGISTRY = "registry"
# All before the first slash, which may stand in a template, too.
_FIRST_PART = re.compile(r"((?:\{\{.*?\}\}|[^/{])+)/")


@dataclass(frozen=True)
class Wishes:
    """What somebody has said. None means nothing; empty values take away what there is.

    Attributes:
        target: A repository here, with its registry or without.
        tags: Patterns of tags to copy.
        deny: Patterns of tags among them to leave out.
        semver: Ranges of versions.
        keep: How many of the highest versions to keep; 0 for all.
        digest_tags: Whether tags about images are copied, such as signatures: `true` or `false`.
        referrers: Whether the OCI's referrers are.
        source: What an entry copies instead of what it did.
    """

    target: str | None = None
    tags: tuple[str, ...] | None = None
    deny: tuple[str, ...] | None = None
    semver: tuple[str, ...] | None = None
    keep: int | None = None
    digest_tags: str | None = None
    referrers: str | None = None
    source: str | None = None

    def overridden_by(self, others: Wishes) -> Wishes:
        """Return these, but for what the others say. Those who say which tags they want get no others."""
        said = {one.name: value for one in fields(others) if (value := getattr(others, one.name)) is not None}
        filtered = said.keys() & {"tags", "semver"}
        return replace(replace(self, tags=None) if filtered else self, **said)


def new_entry(document: Document, source: str, wishes: Wishes, registries: Collection[str]) -> dict[str, Any]:
    """Return an entry for a source.

    Args:
        document: The catalogue that it is for: what its targets begin with is what this registry is called.
        source: A repository or image.
        wishes: What else was said.
        registries: What this registry is called, if that was said.

    Raises:
        CatalogueError: The source is none, or its target cannot be told.
    """
    try:
        name = name_of(source)
    except ValueError as error:
        raise CatalogueError(f"source {error}") from None
    if name.digest and not name.tag and ":" not in (wishes.target or ""):
        raise CatalogueError(f"{source} has a digest, which nobody would find it by; give it a tag here: --target REPOSITORY:TAG")
    target = _target(wishes.target or name.repository, name, own_name(document, registries))
    entry = {"source": str(name), "target": target, "type": "image" if name.is_image else "repository"}
    return merged(entry, patch_of(document, replace(wishes, target=None), registries, name))


def patch_of(document: Document, wishes: Wishes, registries: Collection[str], name: Name | None) -> dict[str, Any]:
    """Return how an entry changes: keys with new values, None for those that go (RFC 7396).

    Args:
        document: As of `new_entry`.
        wishes: What was said.
        registries: As of `new_entry`.
        name: The entry's source; None if a template hides it.

    Raises:
        CatalogueError: The target cannot be told.
    """
    tags = {
        key: [_grouped(one) if key != "semverRange" else one for one in patterns if one] or None
        for key, patterns in (("allow", wishes.tags), ("deny", wishes.deny), ("semverRange", wishes.semver))
        if patterns is not None
    }
    patch: dict[str, Any] = {}
    if wishes.target:
        patch["target"] = _target(wishes.target, name, own_name(document, registries))
    if tags:
        patch["tags"] = tags
    if wishes.keep is not None:
        patch[OURS] = {"keep_last": Plain(wishes.keep) if wishes.keep else None}
    for key, said in (("digestTags", wishes.digest_tags), ("referrers", wishes.referrers)):
        if said is not None:
            patch[key] = _truth(key, said.strip())
    return patch


def edit_patch(document: Document, item: Item, wishes: Wishes, registries: Collection[str]) -> dict[str, Any]:
    """Return how an entry that is there changes, as `patch_of` does: what it copies, too.

    With another source the target stays, but for a tag that both have.

    Raises:
        CatalogueError: The source is none, or the target cannot be told.
    """
    name = _name(item.text("source"))
    if wishes.source is None:
        return patch_of(document, wishes, registries, name)
    if "{{" in wishes.source or item.values.get("type") == _REGISTRY:
        return {"source": wishes.source, **patch_of(document, wishes, registries, None)}
    try:
        new = name_of(wishes.source)
    except ValueError as error:
        raise CatalogueError(f"source {error}") from None
    target = item.text("target")
    now = {"source": str(new), "target": _following(target, name, new), "type": "image" if new.is_image else "repository"}
    patch = {key: value for key, value in now.items() if value != item.values.get(key)}
    return {**patch, **patch_of(document, wishes, registries, new)}


def _following(target: str, old: Name | None, new: Name) -> str:
    """Return a target with the tag that its source has, if it had that of the one before."""
    tagged = ":" in target.rpartition("/")[2]
    repository, tag = target.rsplit(":", 1) if tagged else (target, None)
    if tag != (old.tag if old else None):
        return target
    return f"{repository}:{new.tag}" if new.tag else repository


def _truth(key: str, said: str) -> Plain | None:
    if said not in {"", "true", "false"}:
        raise CatalogueError(f"{key} should be true or false, or empty")
    return Plain(said) if said else None


def _name(text: str) -> Name | None:
    try:
        return name_of(text)
    except ValueError:
        return None  # of a template, or wrong: the check says so


def problems_after(before: Document, after: Document, item: Item, around: Surroundings) -> tuple[list[Problem], list[Problem]]:
    """Return what an edit of an entry makes wrong or doubtful, and what it leaves so that was so before.

    Args:
        before: The catalogue without the edit.
        after: And with it.
        item: The entry, in the latter.
        around: What it is checked against.
    """
    known = {problem.what for one in before.entries if one.index == item.index for problem in checked(one, around).problems}
    every = [problem for problem in check(after, around) if item.index in problem.entries]
    return [one for one in every if one.what not in known], [one for one in every if one.what in known]


def require_well(before: Document, after: Document, item: Item, around: Surroundings) -> list[str]:
    """Return what an edit of an entry makes doubtful; the arguments are those of `problems_after`.

    Raises:
        EditError: It makes something wrong that was not before.
    """
    new, _ = problems_after(before, after, item, around)
    severe = [f"  {problem.what}; {problem.remedy}" for problem in new if problem.severe]
    if severe:
        raise EditError("\n".join([f"{item.text('source') or 'this entry'} would not work so; nothing was written:", *severe]))
    return [f"{after.place(problem.line)}: {problem.what}; {problem.remedy}" for problem in new]


def _grouped(pattern: str) -> str:
    """Put alternatives in a group: regsync adds ^ and $, which only apply to the first and the last otherwise."""
    return f"(?:{pattern})" if has_loose_alternatives(pattern) else pattern


def own_name(document: Document, registries: Collection[str]) -> str | None:
    """Return what targets begin with: a registry, or a template of it; None if that cannot be told."""
    parts = {found[1] for item in document.entries if (found := _FIRST_PART.match(item.text("target")))}
    first = {part for part in parts if "{{" in part or is_registry(part)}
    known = [one for one in sorted(first) if one in registries] or sorted(registries)
    if known:
        return known[0]
    return first.pop() if len(first) == 1 else None


def _target(text: str, source: Name | None, own: str | None) -> str:
    """Return a target in full."""
    if own is None:
        if not _FIRST_PART.match(text) or _in_hub(text):
            raise CatalogueError(f"which registry is {text} to be copied to? Give --registry registry.example.com")
        target = text
    else:
        target = text if text.startswith(f"{own}/") else f"{own}/{text}"
    tagged = ":" in target.rpartition("/")[2]
    return f"{target}:{source.tag}" if source and source.tag and not tagged else target


def _in_hub(text: str) -> bool:
    """Whether a target without a registry would be one of Docker Hub's, for regsync."""
    try:
        return not text.startswith(name_of(text).registry)
    except ValueError:
        return False
