"""What is built, in the order a reader expects."""

import pulumi

from infra.project import load, make_host
from infra.regops import FOLDERS, kept_folders, regops_part
from infra.release import Release
from infra.secrets import Secrets
from infra.server import server_parts
from infra.site import machine, ops_part, site_part
from stack_components import cache, edge, gateway, management, monitoring, protection, registry, sign_on, sync, ui
from stack_components.concern import Concerns
from stack_components.context import Context
from stack_components.networks import Networks

plan = load()
host = make_host(plan.settings)
secrets = Secrets("secrets", plan)
concerns = Concerns(
    plan,
    [
        cache.CONCERN,
        gateway.CONCERN,
        registry.CONCERN,
        ui.CONCERN,
        management.CONCERN,
        sign_on.CONCERN,
        protection.CONCERN,
        monitoring.CONCERN,
        edge.CONCERN,
        sync.CONCERN,
    ],
)

shipped = host.provision(
    folders=[*concerns.folders, *FOLDERS],
    kept=[*concerns.kept, *kept_folders(plan.settings)],
    release=Release([*concerns.parts, *server_parts(plan), regops_part(plan, host.root), ops_part(), site_part(machine())]),
    live=[edge.NAME],
    secrets={**secrets.named, **concerns.secret_files(secrets)},
)
networks = Networks("networks", plan, host)
context = Context(plan, host, shipped, networks, secrets)

services = concerns.start(context)
host.check(shipped, plan, after=services)
host.prune(shipped, after=services)

for name, value in edge.outputs(context, services).items():
    pulumi.export(name, value)
