"""The management component: Portainer, and the proxy between it and the Docker engine."""

from __future__ import annotations

import pulumi

from infra.plan import Plan
from infra.secrets import Secrets
from stack_components import socket_proxy
from stack_components.context import Context
from stack_components.service import Healthcheck, Service, ServiceArgs
from stack_components.spec import ComponentSpec

NAME = "portainer"
SOCKET = "portainer-socket"
PORT = 9000
PATH = "/portainer"
DATA_FOLDER = "data/portainer"
_PASSWORD = "portainer/admin-password"  # noqa: S105  # a path
_MOUNTED_PASSWORD = "/run/secrets/admin-password"  # noqa: S105  # a path; /run/secrets/portainer would encrypt the database
# Whoever may manage containers is root on the host, because a container can mount the host's files; blocking single requests
# would not help. With the proxy Portainer itself needs neither the socket nor root, and nobody else can reach the engine.
_ALLOWED: dict[socket_proxy.Method, str] = {"GET": ".*", "HEAD": ".*", "POST": ".*", "PUT": ".*", "DELETE": ".*"}


def secret_files(_: Plan, secrets: Secrets) -> dict[str, pulumi.Output[str]]:
    """Return the secret file that this component reads: the password of Portainer's own account `admin`."""
    return {_PASSWORD: secrets["portainer_password"]}


class Management(pulumi.ComponentResource):
    """Portainer behind the edge, at /portainer/. Whoever signs on and knows its password is root on the host."""

    def __init__(self, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:management:Management", "management", {}, opts)
        allowed = socket_proxy.socket_proxy_args(_ALLOWED, client=NAME)
        self.socket = Service(SOCKET, allowed, context, pulumi.ResourceOptions(parent=self))
        self.service = Service(NAME, _portainer(), context, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


def _portainer() -> ServiceArgs:
    """Return Portainer's service. Flags: https://docs.portainer.io/advanced/cli.

    The edge removes the path and keeps the host name, so requests have Portainer's own origin, and no other must be trusted.
    """
    return ServiceArgs(
        command=[
            f"--bind=:{PORT}",
            "--http-enabled",
            f"--base-url={PATH}",
            f"--host=tcp://{SOCKET}:{socket_proxy.PORT}",
            f"--admin-password-file={_MOUNTED_PASSWORD}",  # only read while there is no account yet
            # These two are not needed: the edge does TLS, and there are no agents elsewhere.
            "--bind-https=127.0.0.1:9443",
            "--tunnel-addr=127.0.0.1",
        ],
        # The image has no shell and no HTTP client, so "healthy" only means that the program can start.
        healthcheck=Healthcheck(["/portainer", "--version"], interval="10s"),
        secrets={_PASSWORD: _MOUNTED_PASSWORD},
        data={DATA_FOLDER: "/data"},
        # On its first start Portainer connects to the engine. If that fails it exits, and never creates its environment again.
        after=(SOCKET,),
    )


# Without Portainer nobody needs the proxy.
SPEC = ComponentSpec(services=(NAME,), start=Management, folders=lambda _: [DATA_FOLDER], secret_files=secret_files)
