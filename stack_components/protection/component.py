"""The protection component.

The bouncer's key is a generated secret that CrowdSec and the edge read from files. When it is rotated (docs/rotation.md), both
containers are replaced, and CrowdSec forgets the old key when it starts.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from infra.plan import Plan
from infra.release import Part
from infra.secrets import Secrets
from stack_components import access_log
from stack_components.context import Context
from stack_components.protection import edge_image
from stack_components.protection.config import KEY_FILE, acquisition, request_parsers, start_script
from stack_components.service import Exemption, Healthcheck, Service, ServiceArgs
from stack_components.spec import ComponentSpec

NAME = "crowdsec"
API_PORT = 8080
METRICS_PORT = 6060
BOUNCER_KEY = "protection/bouncer-key"
_CONFIG_FOLDER = "data/crowdsec/config"
_DATA_FOLDER = "data/crowdsec/data"
_PART = "protection"
_MOUNTED_AT = "/opt/protection"


def parts(plan: Plan) -> list[Part]:
    """Return the configuration, as parts of the release."""
    files = {
        "start.sh": start_script(f"{_MOUNTED_AT}/etc", allow=plan.settings.protection.allow),
        "etc/acquis.yaml": acquisition(),
        "etc/parsers/s02-enrich/zz-private-registry.yaml": request_parsers(),
    }
    return [Part.of_text(_PART, files), edge_image.part(plan)]


def environment(plan: Plan) -> dict[str, str]:
    """Return the image's variables: https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/build/docker/README.md ."""
    variables = {
        "COLLECTIONS": "crowdsecurity/caddy",
        # The first passes the lines of a file to the collection's parser. With the second no private address is banned, such as
        # that of our own probes.
        "PARSERS": "crowdsecurity/syslog-logs crowdsecurity/whitelists",
        "METRICS_PORT": str(METRICS_PORT),
        "USE_WAL": "true",
    }
    return variables if plan.settings.protection.community else {**variables, "DISABLE_ONLINE_API": "true"}


class Protection(pulumi.ComponentResource):
    """CrowdSec: it reads the edge's log and tells the edge whom to ban."""

    def __init__(self, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:protection:Protection", NAME, {}, opts)
        args = ServiceArgs(
            entrypoint=["/bin/bash"],
            command=[f"{_MOUNTED_AT}/start.sh"],
            # The first start downloads scenarios from the hub.
            healthcheck=Healthcheck(["cscli", "lapi", "status"], interval="10s", timeout="10s", start_period="90s"),
            user="0:0",
            parts={_PART: _MOUNTED_AT},
            secrets={BOUNCER_KEY: KEY_FILE},
            data={_CONFIG_FOLDER: "/etc/crowdsec", _DATA_FOLDER: "/var/lib/crowdsec/data"},
            reads={access_log.FOLDER: access_log.MOUNT},
            environment=environment(context.plan),
            exemptions={
                Exemption.ROOT: "only root may read the image's own files: https://github.com/crowdsecurity/crowdsec/issues/3303"
            },
            capabilities={"CAP_DAC_OVERRIDE": "its folders, its key and the edge's log belong to the services' user"},
        )
        self.service = Service(NAME, args, context, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


def secret_files(_: Plan, secrets: Secrets) -> Mapping[str, pulumi.Output[str]]:
    """Return the secret file that this component and the edge read."""
    return {BOUNCER_KEY: secrets["bouncer_key"]}


SPEC = ComponentSpec(
    services=(NAME,),
    start=Protection,
    folders=lambda _: [_CONFIG_FOLDER, _DATA_FOLDER],
    # Their content belongs to root, so a user who is not root could not remove it from a local stack.
    kept=lambda _: [_CONFIG_FOLDER, _DATA_FOLDER],
    parts=parts,
    secret_files=secret_files,
)
