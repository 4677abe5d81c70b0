"""The kernel's table of connections, as its files have it."""

from __future__ import annotations

from pathlib import Path

from ops.host.connections import Connections, connections


def test_what_the_kernel_says_is_read(tmp_path: Path) -> None:
    (tmp_path / "nf_conntrack_count").write_text("567\n")
    assert connections(tmp_path) is None, "half of it says nothing"
    (tmp_path / "nf_conntrack_max").write_text("262144\n")
    assert connections(tmp_path) == Connections(567, 262_144)


def test_this_machines_own_table_is_not_over_its_limit() -> None:
    table = connections()
    assert table is None or 0 <= table.entries <= table.limit
