"""What is built, in the order a reader expects."""

import pulumi

from infra.project import load, make_host
from infra.release import Release
from infra.secrets import Secrets
from infra.site import machine, ops_part, site_part
from stack_components import cache, edge, gateway, registry
from stack_components.context import Context, stack_labels
from stack_components.networks import Networks

settings, images = load()
host = make_host(settings)
secrets = Secrets("secrets", settings)
networks = Networks("networks", prefix=settings.name, labels=stack_labels(settings, host), host=host)

shipped = host.provision(
    folders=[*registry.FOLDERS, *edge.FOLDERS, *gateway.FOLDERS],
    kept=registry.FOLDERS if settings.registry.keep_data else [],
    release=Release(
        [
            *cache.parts(settings),
            *gateway.parts(settings),
            *edge.parts(settings),
            ops_part(),
            site_part(machine()),
        ]
    ),
    secrets={
        **secrets.named,
        **cache.secret_files(secrets),
        **gateway.secret_files(settings, secrets),
        **registry.secret_files(settings, secrets),
    },
)
context = Context(settings=settings, images=images, host=host, shipped=shipped, networks=networks)

services = [cache.Cache(context), gateway.Gateway(context), registry.Registry(context), edge.Edge(context)]
host.prune(shipped, after=services)

for name, value in edge.outputs(context, secrets).items():
    pulumi.export(name, value)
