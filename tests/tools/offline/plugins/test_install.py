"""The installed scripts: right names, any path, atomically and only when they change."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from tests.tools.offline.plugins.client import COMMAND, running
from tools.offline.plugins import install as subject
from tools.offline.plugins.install import install_language_host, install_standins
from tools.offline.plugins.resource import PluginError
from tools.offline.plugins.version import plugin_version

_FILES = [
    "plugins/resource-command-v1.2.1/pulumi-resource-command",
    "plugins/resource-docker-v5.1.0/pulumi-resource-docker",
    "plugins/resource-hcloud-v1.39.1/pulumi-resource-hcloud",
]


def test_they_lie_where_the_engine_looks_for_exactly_these_versions(tmp_path: Path) -> None:
    install_standins(tmp_path, Path(sys.executable), PROJECT_FOLDER)
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert found == _FILES
    assert all(os.access(tmp_path / name, os.X_OK) for name in found)


def test_paths_may_have_spaces_and_quotes(tmp_path: Path) -> None:
    source = tmp_path / 'it\'s a "checkout" $HOME'
    source.symlink_to(PROJECT_FOLDER, target_is_directory=True)
    python = tmp_path / "my python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    home = tmp_path / "pulumi home"
    install_standins(home, python, source)
    with running(home / _FILES[0]) as client:
        client.configure()
        assert client.create(COMMAND, {"create": "echo hi"}).state["stdout"] == "hi"


def test_neither_the_working_folder_nor_pythonpath_can_replace_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_standins(tmp_path / "home", Path(sys.executable), PROJECT_FOLDER)
    for name in ("grpc", "json", "offline"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken from the wrong folder')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with running(tmp_path / "home" / _FILES[0]) as client:
        client.configure()


def test_a_second_installation_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_standins(tmp_path, Path(sys.executable), PROJECT_FOLDER)
    monkeypatch.setattr(subject, "write_atomic", lambda *_, **__: pytest.fail("written again"))
    install_standins(tmp_path, Path(sys.executable), PROJECT_FOLDER)


def test_another_python_is_taken_over(tmp_path: Path) -> None:
    install_language_host(tmp_path, Path("/usr/bin/python-of-yesterday"), PROJECT_FOLDER)
    install_language_host(tmp_path, Path(sys.executable), PROJECT_FOLDER)
    script = (tmp_path / "pulumi-language-python").read_text()
    assert sys.executable in script
    assert "yesterday" not in script


def test_an_sdk_that_is_missing_is_named() -> None:
    with pytest.raises(PluginError, match="the Python package pulumi-unheardof is not installed"):
        plugin_version("unheardof")


def test_a_script_that_names_the_module_by_where_it_was_is_replaced(tmp_path: Path) -> None:
    install_standins(tmp_path, Path(sys.executable), PROJECT_FOLDER)
    scripts = list(tmp_path.glob("plugins/*/*"))
    right = [script.read_text() for script in scripts]
    for script in scripts:
        script.write_text(script.read_text().replace("tools.offline.", "offline."))
    install_standins(tmp_path, Path(sys.executable), PROJECT_FOLDER)
    assert [script.read_text() for script in scripts] == right
