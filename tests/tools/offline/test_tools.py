"""The registry clients that tests use are there and run."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.paths import cache_folder
from ops.core.process import run
from tools.offline import tools as subject
from tools.offline.debian import PackageError
from tools.offline.tools import ensure_crane, ensure_skopeo


@pytest.mark.system
def test_crane_has_the_pinned_version() -> None:
    crane = ensure_crane(cache_folder("offline"))
    assert run([crane, "version"], timeout=60).stdout.strip() == f"v{subject._CRANE.version}"


@pytest.mark.system
def test_skopeo_runs() -> None:
    skopeo = ensure_skopeo()
    if skopeo is None:
        pytest.skip("skopeo cannot be installed by this user")
    assert run([skopeo, "--version"], timeout=60).stdout.startswith("skopeo version ")


def test_without_skopeo_the_reason_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(*_: object, **__: object) -> Path:
        raise PackageError("run `sudo apt-get install skopeo`")

    monkeypatch.setattr(subject, "apt_install", refuse)
    assert ensure_skopeo() is None
    assert "sudo apt-get install skopeo" in capsys.readouterr().err
