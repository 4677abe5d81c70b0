"""The UI component: pages that run in the browser and use the registry like any client."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from infra.settings import Settings
from stack_components.context import Context
from stack_components.service import Exemption, Healthcheck, Service, ServiceArgs
from stack_components.spec import ComponentSpec

NAME = "ui"
PORT = 8080
_NGINX = "101:101"  # the owner of the files that the start script changes
_CATALOG_PAGE = 1000  # the registry refuses more than its catalog.maxentries


def environment(settings: Settings) -> Mapping[str, str]:
    """Return the variables that the start script inserts into the page, with sed.

    Without REGISTRY_URL the page uses its own origin, so that pages, registry and tokens all have the same one.
    Source: https://github.com/Joxit/docker-registry-ui/blob/2.6.0/bin/90-docker-registry-ui.sh
    """
    return {
        "SINGLE_REGISTRY": "true",
        "DOCKER_REGISTRY_UI_TITLE": settings.ui.title,
        "REGISTRY_TITLE": settings.registry_host,
        "PULL_URL": settings.registry_host,
        "CATALOG_ELEMENTS_LIMIT": str(_CATALOG_PAGE),
        "SHOW_CONTENT_DIGEST": "true",
        # Everybody sees the button; the registry only accepts it with a token that allows it.
        "DELETE_IMAGES": "true",
        "THEME": "dark",
        "ENABLE_VERSION_NOTIFICATION": "false",
    }


class Ui(pulumi.ComponentResource):
    """nginx with static pages. It does not connect to anything."""

    def __init__(self, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:ui:Ui", NAME, {}, opts)
        args = ServiceArgs(
            command=[],
            healthcheck=Healthcheck.of_page(f"127.0.0.1:{PORT}/"),
            user=_NGINX,
            environment=environment(context.settings),
            exemptions={Exemption.WRITABLE: "its start script writes the settings into index.html and nginx.conf"},
            alongside=True,
        )
        self.service = Service(NAME, args, context, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


SPEC = ComponentSpec(services=(NAME,), start=Ui)
