"""The command of the metadata guard, to be run without systemd."""

from infra.server.units import metadata_guard

(GUARD_COMMAND,) = [line.removeprefix("ExecStart=") for line in metadata_guard().splitlines() if line.startswith("ExecStart=")]
