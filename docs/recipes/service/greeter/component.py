"""The greeter component."""

from __future__ import annotations

import pulumi

from stack_components.context import Context
from stack_components.service import Healthcheck, Service, ServiceArgs
from stack_components.spec import ComponentSpec

NAME = "greeter"
_PORT = 8080


class Greeter(pulumi.ComponentResource):
    """A web server that says hello to everybody, and that needs nothing beyond the rule."""

    def __init__(self, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:greeter:Greeter", NAME, {}, opts)
        args = ServiceArgs(
            command=["caddy", "respond", "--listen", f":{_PORT}", "--body", "hello"],
            healthcheck=Healthcheck.of_page(f"127.0.0.1:{_PORT}/"),
        )
        self.service = Service(NAME, args, context, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


SPEC = ComponentSpec(services=(NAME,), start=Greeter)
