"""How a remote resource connects: the properties of `connection`, their defaults, and which of them are secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tools.offline.plugins.command.inputs import Shape, check_inputs
from tools.offline.plugins.resource import Checked
from tools.offline.plugins.values import Properties, Secret

_TYPES: dict[str, str | Shape] = {
    "user": "string",
    "password": "string",
    "host": "string",
    "port": "float64",
    "privateKey": "string",
    "privateKeyPassword": "string",
    "agentSocketPath": "string",
    "dialErrorLimit": "int",
    "perDialTimeout": "int",
    "hostKey": "string",
}
_PROXY = Shape("remote.ProxyConnection", _TYPES, required=("host",))
CONNECTION = Shape("remote.Connection", {**_TYPES, "proxy": _PROXY}, required=("host",))

_DEFAULTS: Properties = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
_SECRETS = ("password", "privateKey", "privateKeyPassword")


@dataclass(frozen=True)
class Target:
    """A server to connect to.

    Attributes:
        host: Its name or address.
        port: Its port.
        user: Who logs in.
        private_key: What to log in with.
        private_key_password: What the key is encrypted with.
        password: What else to log in with.
        agent_socket: Of the SSH agent that has keys; the environment's one when None.
        host_key: The server's public key; any is accepted when None.
        dial_error_limit: How often a failure to connect is tried again; without end when it is -1.
        per_dial_timeout: Seconds for one try; without end when it is 0.
        proxy: The server to connect through.
    """

    host: str
    port: int
    user: str
    private_key: str | None
    private_key_password: str | None
    password: str | None
    agent_socket: str | None
    host_key: str | None
    dial_error_limit: int
    per_dial_timeout: int
    proxy: Target | None


def check_remote(shape: Shape, inputs: Properties) -> Checked:
    """Return the inputs of a resource that has a `connection`: with its defaults if nothing is wrong, and secret as a whole."""
    checked = check_inputs(shape, inputs)
    connection = checked.inputs.get("connection")
    if connection is None:
        return checked
    if not checked.failures:
        connection = _complete(connection)
    return Checked({**checked.inputs, "connection": _hidden(connection)}, checked.failures)


def target_of(connection: Properties) -> Target:
    """Return the server of a checked `connection` without secret marks."""
    proxy = connection.get("proxy")
    return Target(
        host=connection["host"],
        port=int(connection["port"]),
        user=connection["user"],
        private_key=connection.get("privateKey"),
        private_key_password=connection.get("privateKeyPassword"),
        password=connection.get("password"),
        agent_socket=connection.get("agentSocketPath"),
        host_key=connection.get("hostKey"),
        dial_error_limit=connection["dialErrorLimit"],
        per_dial_timeout=connection["perDialTimeout"],
        proxy=target_of(proxy) if proxy else None,
    )


def _complete(connection: Any) -> Any:
    match connection:
        case Secret():
            return Secret(_complete(connection.value))
        case dict():
            given = {name: value for name, value in connection.items() if value is not None}
            return {**_DEFAULTS, **{name: _property(name, value) for name, value in given.items()}}
    return connection  # not known yet


def _property(name: str, value: Any) -> Any:
    if name in _SECRETS:
        return _hidden(value)
    if name == "proxy":
        return _complete(value)
    # Of these the official plugin takes the whole part.
    return int(value) if CONNECTION.types[name] == "int" and isinstance(value, float) else value


def _hidden(value: Any) -> Secret:
    return value if isinstance(value, Secret) else Secret(value)
