"""The registry's own collector, the judge of ours: run on a copy of a tree, it tells what it would remove."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType

from ops.core.process import run
from ops.registry.tree import RegistryTree
from tests.ops.tasks.gc.every_kind import Referrer

_LIMIT_S = 3600.0


def collect(program: Path, tree: RegistryTree, *, dry_run: bool = False) -> None:
    """Run `registry garbage-collect` on a tree and wait for its end; with `dry_run`, it only marks.

    Raises:
        CommandError: It failed.
    """
    config = tree.root.with_name(f"{tree.root.name}-collector.yml")
    # JSON is YAML.
    config.write_text(json.dumps({"version": 0.1, "storage": {"filesystem": {"rootdirectory": str(tree.root)}}}))
    run(
        [program, "garbage-collect", "--quiet", "--delete-untagged", *(["--dry-run"] if dry_run else []), config],
        timeout=_LIMIT_S,
        env={"OTEL_TRACES_EXPORTER": "none"},
    )


def removed_by(
    program: Path,
    tree: RegistryTree,
    scratch: Path,
    *,
    instead: Mapping[str, bytes | None] = MappingProxyType({}),
    referrers: Collection[Referrer] = (),
) -> set[str]:
    """Return the paths that the collector removes from a copy, below the tree's version folder.

    Args:
        program: The registry.
        tree: The tree; it stays as it is.
        scratch: Where the copy goes.
        instead: What the copy has at a path; None for nothing.
        referrers: Those whose tags are deleted in the copy once the collector has removed what they are about, until nothing
            more goes: the collector knows no referrers.
    """
    copy = RegistryTree(scratch / "judged")
    shutil.copytree(tree.root, copy.root)
    for path, content in instead.items():
        file = copy.top / path
        if content is None:
            file.unlink()
            _remove_empty(file.parent)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    before = set(copy.files())
    left = set(referrers)
    while True:
        collect(program, copy)
        orphaned = {one for one in left if not copy.revision(one.repository, one.subject).exists()}
        if not orphaned:
            return before - set(copy.files())
        for one in orphaned:
            shutil.rmtree(copy.tag_folder(one.repository, one.tag), ignore_errors=True)
        left -= orphaned


def _remove_empty(folder: Path) -> None:
    while not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
