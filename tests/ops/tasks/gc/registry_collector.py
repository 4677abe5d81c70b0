"""The registry's own collector, the judge of ours: run on a copy of a tree, it tells what it would remove."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ops.core.process import run
from ops.registry.tree import RegistryTree

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


def removed_by(program: Path, tree: RegistryTree, scratch: Path) -> set[str]:
    """Return the paths that the collector removes from a copy, below the tree's version folder."""
    copy = RegistryTree(scratch / "judged")
    shutil.copytree(tree.root, copy.root)
    before = set(copy.files())
    collect(program, copy)
    return before - set(copy.files())
