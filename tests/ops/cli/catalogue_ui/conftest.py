"""Fixtures of the full screen's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ops.cli.catalogue_ui.pilots import TEXT


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A catalogue of three entries."""
    path = tmp_path / "catalogue.yml"
    path.write_text(TEXT)
    return path
