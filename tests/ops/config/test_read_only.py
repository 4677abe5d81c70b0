"""What the file says that turns on read-only mode."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ops.config import read_only_until


@pytest.mark.parametrize(
    ("content", "until"),
    [
        (b"1795864125 {}\n", 1795864125),
        (b"1795864125", 1795864125),
        (b"", math.inf),
        (b"179586412", math.inf),
        (b"17958641x5 ", math.inf),
        ("١٧٩٥٨٦٤١٢٥".encode(), math.inf),
        (b"\xff\xfe", math.inf),
    ],
)
def test_it_begins_with_its_expiry_or_never_expires(tmp_path: Path, content: bytes, until: float) -> None:
    (tmp_path / "read-only").write_bytes(content)
    assert read_only_until(tmp_path / "read-only") == until


def test_without_the_file_it_is_off(tmp_path: Path) -> None:
    assert read_only_until(tmp_path / "read-only") == 0
