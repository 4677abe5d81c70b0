"""What must hold for an entry that can be read: its names and its type fit, and it writes where it may."""

from __future__ import annotations

from collections.abc import Iterator

from ops.catalogue.entry import OURS
from ops.catalogue.model import Checked, Problem, Surroundings
from ops.catalogue.names import filled_in, is_folder
from ops.config import Access
from ops.config.tag_patterns import has_loose_alternatives

# What an entry with `verify` needs where there is no cosign.
NO_COSIGN = "wants signatures verified (x-regops.verify), and there is no cosign on this host, so that nothing of it is copied"
GET_COSIGN = "set sync.cosign: {url, sha256} and run `up`, or put cosign into /usr/local/bin; or remove verify"


def of_entry(checked: Checked, around: Surroundings) -> Iterator[Problem]:
    """Yield what is wrong with an entry."""
    yield from _of_type(checked)
    yield from _of_platforms(checked)
    yield from _of_target(checked, around)
    yield from _of_patterns(checked)
    if checked.entry and checked.entry.policies.verify and not around.verifies:
        line = checked.item.line_of(OURS, "verify")
        yield Problem(line, NO_COSIGN, GET_COSIGN, (checked.item.index,), severe=False)


def _of_type(checked: Checked) -> Iterator[Problem]:
    item, entry, source, target = checked.item, checked.entry, checked.source, checked.target
    where = (item.index,)
    if entry is None:
        return
    if entry.type == "image" and entry.filters:
        line = item.line_of("tags" if "tags" in item.values else "tagSets")
        yield Problem(line, "type is image, for which regsync ignores tags", "write type: repository, or remove tags", where)
    if entry.type == "repository":
        for key, name in (("source", source), ("target", target)):
            if name and name.is_image:
                what = f"{key} names a single image, and type is repository, for which regsync ignores its tag"
                yield Problem(item.line_of(key), what, "write type: image, or remove the tag", where)
    if entry.type == "image" and source and source.is_image and target and not target.is_image:
        what = f"target has no tag, so that {source} becomes {target}:latest"
        yield Problem(item.line_of("target"), what, f"write {target}:{source.tag or 'TAG'}", where, severe=source.tag != "latest")


def _of_platforms(checked: Checked) -> Iterator[Problem]:
    item, entry = checked.item, checked.entry
    if entry is None or entry.policies.platform_only:
        return
    remedy = f"remove it; or write {OURS}: {{platform_only: true}} if meant"
    if entry.platform:
        what = f"platform: {entry.platform} copies one platform under another digest"
        yield Problem(item.line_of("platform"), what, remedy, (item.index,))
    if entry.platforms:
        what = "platforms leaves gaps in each image, which then cannot be pulled for other platforms"
        yield Problem(item.line_of("platforms"), what, remedy, (item.index,), severe=False)


def _of_patterns(checked: Checked) -> Iterator[Problem]:
    item, entry = checked.item, checked.entry
    for group in ("allow", "deny"):
        for number, pattern in enumerate(getattr(entry.tags, group) if entry else ()):
            if has_loose_alternatives(pattern):
                what = f"{pattern!r} matches parts of tags, as regsync puts ^ before its first alternative and $ after its last"
                yield Problem(item.line_of("tags", group, number), what, f"write (?:{pattern})", (item.index,), severe=False)


def _of_target(checked: Checked, around: Surroundings) -> Iterator[Problem]:
    item, target = checked.item, checked.target
    where, line = (item.index,), item.line_of("target")
    text = filled_in(item.text("target"), around.environment)
    registry = target.registry if target else text.partition("/")[0] if text and not is_folder(text) else None
    if text and is_folder(text):
        yield Problem(line, f"target {text} is a folder, not this registry", "write a repository of this registry", where)
    elif around.registries and registry and registry not in around.registries:
        ours = " or ".join(sorted(around.registries))
        yield Problem(line, f"target {target or text} is not this registry", f"let it begin with {ours}/", where)
    elif text and around.into and (beyond := _beyond(checked, text, around)):
        what = f"target {beyond} is outside of where the mirror may write"
        yield Problem(line, what, f"choose one within {', '.join(around.into)}", where)


def _beyond(checked: Checked, text: str, around: Surroundings) -> str:
    """Return what an entry writes where it may not; empty if there is nothing."""
    if checked.entry and checked.entry.type == "registry":
        folder = text.partition("/")[2]
        written = f"{folder}/any" if folder else "any"  # whatever the upstream has
    else:
        written = checked.target.repository if checked.target else ""
    within = any(Access(repositories=pattern, actions=("push",)).covers(written) for pattern in around.into)
    return "" if within or not written else written
