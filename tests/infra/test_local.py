"""Where a local stack lives, and as whom its services run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.local import service_user, stack_root
from infra.paths import PROJECT_FOLDER
from infra.settings import Settings, parse


def of(**local: Any) -> Settings:
    return parse({"local": local}, stack="test")


@pytest.mark.parametrize(
    ("root", "folder"),
    [
        (None, PROJECT_FOLDER / ".state/test"),
        ("elsewhere", PROJECT_FOLDER / "elsewhere"),
        ("/srv/registry", Path("/srv/registry")),
    ],
)
def test_a_stack_has_a_folder(root: str | None, folder: Path) -> None:
    assert stack_root(of(root=root), "test") == folder


def test_a_home_folder_is_meant_as_a_shell_means_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert stack_root(of(root="~/registry"), "test") == tmp_path / "registry"


@pytest.mark.parametrize(("uid", "user"), [(1000, "1000:1000"), (0, "10001:10001")])
def test_services_run_as_the_invoking_user_and_never_as_root(monkeypatch: pytest.MonkeyPatch, uid: int, user: str) -> None:
    monkeypatch.setattr("os.getuid", lambda: uid)
    monkeypatch.setattr("os.getgid", lambda: uid)
    assert service_user(of()) == user
    assert service_user(of(user="1234:5678")) == "1234:5678"
