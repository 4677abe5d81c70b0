"""The registry clients that tests use are there and run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.paths import cache_folder
from ops.core.process import run
from tools.offline import containerd, helm
from tools.offline import tools as subject
from tools.offline.containerd import ensure_containerd
from tools.offline.debian import PackageError
from tools.offline.golang import GoProgram
from tools.offline.helm import ensure_helm_client
from tools.offline.tools import ensure_crane, ensure_debian_clients, ensure_oras, ensure_skopeo


@pytest.mark.system
@pytest.mark.parametrize(
    ("ensure", "pinned"),
    [(ensure_crane, subject._CRANE), (ensure_oras, subject._ORAS), (ensure_helm_client, helm._HELM)],
)
def test_a_client_that_is_built_has_the_pinned_version(ensure: Callable[[Path], Path], pinned: GoProgram) -> None:
    assert pinned.version in run([ensure(cache_folder("offline")), "version"], timeout=60).stdout


@pytest.mark.system
def test_containerd_2_has_the_pinned_version() -> None:
    for program in ensure_containerd(cache_folder("offline")):
        assert containerd._VERSION in run([program, "--version"], timeout=60).stdout


@pytest.mark.system
@pytest.mark.skipif(os.geteuid() != 0, reason="unpacking packages, and confining a program to them, needs root")
@pytest.mark.parametrize("program", ["dockerd", "docker", "containerd", "ctr"])
def test_the_clients_of_debian_find_their_libraries(program: str) -> None:
    folder = ensure_debian_clients(cache_folder("offline"))
    shown = run(["chroot", folder, program, "--version"], timeout=60, env={"PATH": "/usr/sbin:/usr/bin"}).stdout
    assert program.removesuffix("d") in shown.lower()


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
