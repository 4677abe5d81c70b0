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
# To manage containers is to be root on the host, whatever of it is left out: one may mount the host's files. What the proxy
# gives is that Portainer itself needs neither the socket nor root, and that nobody else gets there.
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
        # On its first start Portainer asks the engine, once; without an answer it ends, and never again makes the environment.
        options = pulumi.ResourceOptions(parent=self, depends_on=[self.socket])
        self.service = Service(NAME, _portainer(), context, options)
        self.register_outputs({})


def _portainer() -> ServiceArgs:
    """Return what makes Portainer. Flags: https://docs.portainer.io/advanced/cli.

    The edge strips the path, and passes the host name on: a request's origin is Portainer's own, and none needs to be trusted.
    """
    return ServiceArgs(
        command=[
            f"--bind=:{PORT}",
            "--http-enabled",
            f"--base-url={PATH}",
            f"--host=tcp://{SOCKET}:{socket_proxy.PORT}",
            f"--admin-password-file={_MOUNTED_PASSWORD}",  # read when there is no account yet, and not again
            # Nobody needs these two: TLS is the edge's, and there are no agents elsewhere.
            "--bind-https=127.0.0.1:9443",
            "--tunnel-addr=127.0.0.1",
        ],
        # The image has no shell and nothing that could ask for a page: healthy only says that the program can be started.
        healthcheck=Healthcheck(["/portainer", "--version"], interval="10s"),
        secrets={_PASSWORD: _MOUNTED_PASSWORD},
        data={DATA_FOLDER: "/data"},
    )


# Without Portainer the proxy has nobody to stand before.
SPEC = ComponentSpec(services=(NAME,), start=Management, folders=lambda _: [DATA_FOLDER], secret_files=secret_files)
