"""The CLI built from packages is the real one, of the SDK's version."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import pytest

from infra.paths import cache_folder
from ops.core.process import run
from tools.offline import cli as subject
from tools.offline.cli import ensure_cli

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def folder() -> Path:
    return ensure_cli(cache_folder("offline"))


def test_the_cli_has_the_version_of_the_python_sdk(folder: Path, tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    assert run([folder / "pulumi", "version"], timeout=60, env=environment).stdout.strip() == f"v{version('pulumi')}"


def test_the_executor_lies_beside_it_and_can_be_run(folder: Path) -> None:
    executor = folder / "pulumi-language-python-exec"
    assert os.access(executor, os.X_OK)
    assert "pulumi.runtime" in executor.read_text()


def test_an_sdk_of_another_version_gets_another_entry(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(subject, "version", lambda _: "3.0.0")
    monkeypatch.setattr(subject, "cached", lambda _, name, *__, **___: asked.append(name))
    ensure_cli(folder.parent)
    assert asked[0].startswith("pulumi-cli-3.0.0-")
    assert not folder.name.startswith(asked[0])
