"""`regops version`: of the program, and of the release that a stack runs, which may be an older one."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from infra.release import Release
from infra.site import ops_part
from ops import __version__
from ops.host.releases import install_release
from tests.ops.command_line import regops

AT = 1_795_946_400.0
NUMBERS = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")


def release_in(root: Path, *, package: str | None = None) -> str:
    """Install a release of this checkout, or of one whose package begins with another text; return its digest."""
    part = ops_part()
    if package is not None:
        part = type(part)("ops", {**part.files, "ops/__init__.py": package.encode()})
    digest = install_release(root, Release([part]).tarball(root / "tarballs"))
    os.utime(root / "current", (AT, AT), follow_symlinks=False)
    return digest


def test_without_a_stack_the_program_says_its_own(tmp_path: Path) -> None:
    for root in (None, tmp_path):
        assert regops(root, "version", environment={}).stdout == f"regops {__version__}\n"
    assert NUMBERS.fullmatch(__version__)
    assert json.loads(regops(None, "version", "--json", environment={}).stdout) == {
        "schema": 1,
        "version": __version__,
        "installed": None,
    }


@pytest.mark.parametrize(
    ("package", "version"), [(None, __version__), ('"""Ops."""\n\n__version__ = "0.9.1"\n', "0.9.1"), ('"""Ops."""\n', None)]
)
def test_the_release_that_a_stack_runs_is_named(tmp_path: Path, package: str | None, version: str | None) -> None:
    digest = release_in(tmp_path, package=package)
    told = regops(tmp_path, "version").stdout.splitlines()
    assert told == [f"regops {__version__}", f"release {digest}, of version {version or 'before 1.0.0'}, since 2026-11-29 10:00Z"]
    document = json.loads(regops(tmp_path, "version", "--json").stdout)
    assert document["version"] == __version__
    assert document["installed"] == {"release": digest, "version": version, "since": "2026-11-29T10:00:00+00:00"}
