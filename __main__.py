"""What is built, in the order a reader expects."""

import pulumi

from infra.backups import Backups
from infra.kit import write_kit
from infra.project import load, make_host
from infra.regops import FOLDERS, kept_folders, regops_part
from infra.release import Release
from infra.secrets import Secrets
from infra.server import server_parts
from infra.site import machine, ops_part, site_part
from stack_components import cache, console, edge, gateway, management, monitoring, protection, registry, sign_on, sync, ui
from stack_components.context import Context
from stack_components.networks import Networks, wanted
from stack_components.spec import ComponentSpecs

plan = load()
host = make_host(plan.settings, wanted(plan))
secrets = Secrets("secrets", plan)
backups = Backups(plan, host, secrets)
components = ComponentSpecs(
    plan,
    [
        cache.SPEC,
        gateway.SPEC,
        registry.SPEC,
        console.SPEC,
        ui.SPEC,
        management.SPEC,
        sign_on.SPEC,
        protection.SPEC,
        monitoring.SPEC,
        edge.SPEC,
        sync.SPEC,
    ],
)

provisioned = host.provision(
    folders=[*components.folders, *FOLDERS],
    kept=[*components.kept, *kept_folders(plan.settings)],
    release=Release([*components.parts, *server_parts(plan), regops_part(plan, host.root), ops_part(), site_part(machine())]),
    hot_reloaded=components.hot_reloaded,
    secrets={**secrets.named, **components.secret_files(secrets), **backups.secret_files},
)
networks = Networks("networks", plan, host)
context = Context(plan, host, provisioned, networks, secrets)

components.start(context)
running = host.roll_out(context.rollout, after=host.recover(provisioned, plan))
running = [*running, *components.reload(context, after=running)]
host.check(provisioned, plan, after=running)
host.prune(provisioned, after=running)
write_kit(plan, host, provisioned, backups, after=running)

for name, value in {**edge.outputs(context, running), **backups.outputs}.items():
    pulumi.export(name, value)
