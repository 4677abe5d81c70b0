"""What a container of a stack may use, and what it has used."""

from __future__ import annotations

from typing import Any

from docker.models.containers import Container

from tools.bench.memory import peak_kib
from tools.bench.report import Row


def limits(container: Container) -> str:
    """Return its limits, for people."""
    host = container.attrs["HostConfig"]
    return f"{host['NanoCpus'] / 1e9:g} CPU, {_memory_mib(container)} MB"


def peak(what: str, container: Container) -> Row:
    """Return the memory that its first process has had at most, against its limit."""
    status: Any = container.exec_run(["cat", "/proc/1/status"]).output
    used = peak_kib(status.decode()) / 1024
    return Row(f"{what}, at most", limits(container), f"≤ {_memory_mib(container)} MB", used, "MB")


def _memory_mib(container: Container) -> int:
    return int(container.attrs["HostConfig"]["Memory"]) // 2**20
