"""The commands of the guards, to be run without systemd."""

from infra.server.units import clients_guard, metadata_guard, users_guard


def _commands(unit: str) -> list[str]:
    return [line.removeprefix("ExecStart=") for line in unit.splitlines() if line.startswith("ExecStart=")]


(GUARD_COMMAND,) = _commands(metadata_guard())
USERS_GUARD_COMMANDS = _commands(users_guard(ipv6=True))
CLIENTS_GUARD_COMMANDS = _commands(clients_guard(port=443, connections=8, one_address=False, ipv6=True))
