"""Installing packages and its refusals, versions, and where Debian is taken from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.offline import debian as subject
from tools.offline.debian import (
    PackageError,
    RootFilesystem,
    apt_install,
    find_program,
    make_root_filesystem,
    unpack_packages,
    upstream_version,
)

STATUS = """\
Package: redis-tools
Status: install ok installed
Version: 5:8.0.2-3+deb13u1
Description: first line
 Version: 9.9.9 in a description
Depends: redis-server

Package: prometheus
Architecture: amd64
Version: 2.53.3+ds1-2+b5

Package: ca-certificates
Version: 20250419
"""


@pytest.mark.parametrize(
    ("package", "version"), [("redis-tools", "8.0.2"), ("prometheus", "2.53.3"), ("ca-certificates", "20250419")]
)
def test_the_upstream_version_is_read(package: str, version: str) -> None:
    assert upstream_version(STATUS, package) == version


def test_a_package_that_is_not_there_has_no_version() -> None:
    with pytest.raises(PackageError, match="package redis-server is not in"):
        upstream_version(STATUS, "redis-server")


def _script(folder: Path, name: str, *lines: str) -> None:
    path = folder / name
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs first on PATH, and the user root."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    _script(tmp_path, "dpkg", f'echo "dpkg $*" >> {tmp_path}/calls')
    return tmp_path


def test_a_program_that_is_there_is_not_installed(programs: Path) -> None:
    _script(programs, "apt-get", "exit 1")
    _script(programs, "some-tool", "exit 0")
    assert apt_install("some-package", "some-tool", purpose="a test") == programs / "some-tool"


def test_a_missing_program_is_installed(programs: Path) -> None:
    # The first source cannot be reached, and the package brings the program.
    lines = [
        f'echo "apt-get $*" >> {programs}/calls',
        'case "$*" in *update) exit 100 ;; esac',
        f"cp {programs}/dpkg {programs}/some-tool",
    ]
    _script(programs, "apt-get", *lines)
    assert apt_install("some-package", "some-tool", purpose="a test") == programs / "some-tool"
    calls = (programs / "calls").read_text().splitlines()
    assert calls[0] == "dpkg --configure --pending"
    assert calls[2].endswith("install --no-install-recommends some-package")


_RUN = """
import os
from tools.offline.debian import apt_install
os.geteuid = lambda: 0
print(apt_install("some-package", "some-tool", purpose="a test"))
"""


def test_runs_beside_each_other_install_it_once(programs: Path) -> None:
    # As with dpkg, the program is there before its package is configured.
    lines = [
        f'case "$*" in *install*) echo install >> {programs}/calls ;; *) exit 0 ;; esac',
        f"cp {programs}/dpkg {programs}/some-tool",
        f"sleep 0.5; echo configured >> {programs}/calls",
    ]
    _script(programs, "apt-get", *lines)
    runs = [subprocess.Popen([sys.executable, "-c", _RUN], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for run in runs:
        found, _ = run.communicate(timeout=60)
        assert (run.returncode, found) == (0, f"{programs}/some-tool\n")
        calls = (programs / "calls").read_text().splitlines()
        assert calls == ["dpkg --configure --pending", "install", "configured"]


def test_what_a_package_only_recommends_is_installed_where_apt_has_it(programs: Path) -> None:
    _script(programs, "apt-get", f'echo "apt-get $*" >> {programs}/calls', f"cp {programs}/dpkg {programs}/some-tool")
    answers = {"has-one": "1.0-1", "has-none": "(none)"}
    lines = [f"{name}) printf '{name}:\\n  Installed: (none)\\n  Candidate: {found}\\n' ;;" for name, found in answers.items()]
    _script(programs, "apt-cache", 'case "$2" in', *lines, "*) echo N: Unable to locate package >&2 ;;", "esac")
    apt_install("some-package", "some-tool", purpose="a test", also=("has-one", "has-none", "is-unknown"))
    assert (programs / "calls").read_text().splitlines()[-1].endswith("install --no-install-recommends some-package has-one")


def test_a_failed_installation_is_told_with_its_reason(programs: Path) -> None:
    _script(programs, "apt-get", 'echo "E: Unable to locate package some-package" >&2', "exit 100")
    with pytest.raises(PackageError, match=r"(?s)a test needs some-tool.*some-package failed.*Unable to locate"):
        apt_install("some-package", "some-tool", purpose="a test")


def test_other_users_are_told_what_to_run(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _script(programs, "apt-get", "exit 1")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(PackageError, match=r"a test needs some-tool.*`sudo apt-get install some-package`"):
        apt_install("some-package", "some-tool", purpose="a test")


def test_other_users_need_user_namespaces_to_build_images(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(subject, "find_program", lambda name: programs / name if name == "mmdebstrap" else None)
    with pytest.raises(PackageError, match=r"newuidmap, which is not installed: run `sudo apt-get install uidmap`"):
        make_root_filesystem(RootFilesystem(("busybox",)), programs / "layer.tar")


def test_other_users_cannot_unpack_packages(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _script(programs, "mmdebstrap")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(PackageError, match="unpacking containerd, buildah needs root"):
        unpack_packages(["containerd", "buildah"], programs)


def test_other_systems_are_told_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PackageError, match=r"no apt-get.*package some-package"):
        apt_install("some-package", "some-tool", purpose="a test")


def test_administrators_programs_are_found_without_their_folder_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_program("chroot") == Path("/usr/sbin/chroot")


def test_sources_are_this_machines_own_mirrors(programs: Path) -> None:
    listed = [
        "Debian main bookworm https://mirror.example/debian/",
        "Debian main bookworm https://mirror.example/debian/",
        "Debian contrib bookworm https://mirror.example/debian/",
        "Debian main bookworm-updates https://mirror.example/debian/",
        "Debian main bookworm-backports https://mirror.example/debian/",
        "Debian main bookworm-security https://mirror.example/debian-security/",
        "Docker stable bookworm https://elsewhere.example/linux/debian/",
        "$(ORIGIN) $(COMPONENT) $(CODENAME) https://never-updated.example/",
    ]
    _script(programs, "apt-get", "cat <<'END'", *listed, "END")
    keys = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    assert subject._sources("trixie") == [
        f"deb {keys} https://mirror.example/debian-security/ trixie-security main",
        f"deb {keys} https://mirror.example/debian/ trixie main",
        f"deb {keys} https://mirror.example/debian/ trixie-updates main",
    ]


def test_without_debian_sources_the_choice_is_left_to_mmdebstrap(programs: Path) -> None:
    _script(programs, "apt-get", "echo 'Ubuntu main noble https://mirror.example/ubuntu/'")
    assert subject._sources("trixie") == []
