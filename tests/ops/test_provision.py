"""A stack that an earlier program made can be taken down: what it recorded still runs."""

from __future__ import annotations

import sys
from pathlib import Path

from infra.paths import PROJECT_FOLDER
from ops.core.process import run


def test_the_command_that_earlier_stacks_recorded_removes_what_it_names(tmp_path: Path) -> None:
    for name in ("secrets/registry_pass", "live/edge/current", "data/registry/blob"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("x")
    command: list[str | Path] = [sys.executable, "-m", "ops.provision", "--root", tmp_path, "remove"]
    run([*command, "secrets"], timeout=30, cwd=PROJECT_FOLDER)
    run([*command, "live", "current", "releases", "parts", "installed"], timeout=30, cwd=PROJECT_FOLDER)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == ["data/registry/blob"]
