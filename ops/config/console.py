"""The console's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ops.config.base import Port, Strict

# What the console logs when it has read the configuration of `regops` again, or kept what it had.
SETTINGS_TAKEN_IN = "settings taken in"
SETTINGS_REFUSED = "settings refused; the former ones stay in force"


class ConsoleConfig(Strict):
    """The configuration of `python3 -m ops.console`.

    Attributes:
        listen_host: Address to listen on. Whoever reaches it may see everything: only the edge should, which asks who it is.
        listen_port: Port to listen on.
        metrics_host: Address on which `/metrics` is served, if any. Only Prometheus should be able to reach it.
        metrics_port: Its port.
        root: The stack's folder, as far as it is mounted: the live copy of the `regops` part, and the folders that are read.
        title: The heading of each page.
        registry: The name by which clients reach the registry, with the port if there is one.
        own_authority: Whether its certificate is from the edge's own authority, which clients must trust first.
        registry_url: Where the console asks whether the registry answers, without a trailing slash.
        prometheus_url: Where Prometheus is, without a trailing slash; None without monitoring.
        links: Other pages behind the same sign-on: path by name.
        command: How `regops` is called on the host.
        scheduled: Whether the host runs the tasks by itself; else people start them.
        offers: Tasks that can be asked for: a file in `request_folder` starts them.
        actions: Actions that can be asked for, by their names in `ops.config.actions`: one file in a folder starts them.
        operators: Who of those who are signed on may ask; None for everybody, as where only the operator can sign on.
    """

    listen_host: str = "0.0.0.0"  # noqa: S104  # in a container; only the edge publishes ports
    listen_port: Port = 8080
    metrics_host: str | None = None
    metrics_port: Port = 8081
    root: Path
    title: Annotated[str, Field(min_length=1)]
    registry: Annotated[str, Field(min_length=1)]
    own_authority: bool = False
    registry_url: str
    prometheus_url: str | None = None
    links: Mapping[str, str] = Field(default_factory=dict)
    command: str = "regops"
    scheduled: bool = True
    offers: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    operators: tuple[str, ...] | None = None
