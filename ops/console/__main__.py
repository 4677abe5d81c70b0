"""Starts the console: `python3 -m ops.console --config FILE`."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector

from ops.config import ConfigError, ConsoleConfig, load
from ops.console.app import Console
from ops.core import exit_codes, logs
from ops.gateway import server
from ops.gateway.metrics import served_if_possible

# Each page is made in a thread, and people look at few at once.
_MAX_CONNECTIONS = 128

_log = logging.getLogger("ops.console")


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python3 -m ops.console",
        description="Serve the web pages on which people see what the registry has, and whether all is well.",
        epilog="example: python3 -m ops.console --config /etc/console/console.json; SIGUSR1 makes it read the settings again",
    )
    parser.add_argument("--config", metavar="FILE", type=Path, required=True, help="the ConsoleConfig file (JSON)")
    options = parser.parse_args(arguments)
    logs.configure(logging.INFO)
    try:
        config = load(options.config, ConsoleConfig)
        console = Console(config)
    except ConfigError as error:
        _log.error("the configuration is invalid", extra={"problems": error.problems})
        print(error, file=sys.stderr)  # noqa: T201  # for people who start it by hand
        return ConfigError.exit_code
    signal.signal(signal.SIGUSR1, lambda *_: console.take_in())
    try:
        listener = server.listen(config.listen_host, config.listen_port)
    except OSError as error:
        _log.error(f"cannot listen on {config.listen_host}:{config.listen_port}: {error.strerror or error}")
        return exit_codes.FAILED
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    with served_if_possible(registry, config.metrics_host, config.metrics_port):
        console.begin()
        server.serve(console.app(), listener, connections=_MAX_CONNECTIONS)
    return exit_codes.OK


if __name__ == "__main__":
    sys.exit(main())
