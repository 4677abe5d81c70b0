"""A server as a Host: commands by SSH, the release as one tarball, and Docker through SSH as well."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pulumi
import pulumi_docker as docker
from pulumi_command import local, remote

from infra.host import Host
from infra.look import Seen, Wanted, judged, new_revision, recalled
from infra.ops_command import REMOVE_RELEASE, OpsCommand, commented, shell
from infra.paths import cache_folder
from infra.release import Release
from infra.server import regops
from infra.server.files import PART, ROOT
from infra.ssh_client import UNREACHABLE, SshAccess, is_away
from ops.config import SERVICE_USER
from ops.core.process import CommandError

_INCOMING = "/var/lib/private-registry/release.tar"
# The exit code of mount(8) for a failed mount; no command of ours uses it.
_UNMOUNTED = 32
_LOOK_LIMIT_S = 60.0
_REMEDY = (
    "if this machine's address is not in hetzner.ssh_from, add it there and run `up`, which opens the firewall first; "
    "if the server is off, start it; if it is gone for good, set `recover: latest` and run "
    "`pulumi refresh --target '**::server'` first (docs/recovery.md)"
)
_LOOK_PATIENCE_S = 45.0  # a server whose type has just changed is still booting
_PER_DIAL_S = 15
DIAL_LIMIT = 40  # a server that restarts is away for some minutes
# If cloud-init failed, for example because a mirror was down, this prints why; the script on standard input does the rest.
_WAIT = "timeout 900 cloud-init status --wait --long >&2 || true; exec sh -s"
_PYTHON = ["python3", "-B"]  # parts of a release are never written to


@dataclass(frozen=True)
class Machine:
    """A machine that a place has made.

    Attributes:
        address: Its address.
        private_key: The program's private key, in OpenSSH format.
        host_key: The server's public key.
        made: The machine itself, and what must exist before it is prepared.
        prepare: Shell script that installs what is missing; it is safe to run again at any time.
        kind: Its type; the machine restarts when this changes.
    """

    address: pulumi.Output[str]
    private_key: pulumi.Output[str]
    host_key: pulumi.Output[str]
    made: Sequence[pulumi.CustomResource]
    prepare: pulumi.Input[str]
    kind: str

    @property
    def connection(self) -> remote.ConnectionArgs:
        """How commands connect: only to the server with this host key."""
        return remote.ConnectionArgs(
            host=self.address,
            user="root",
            private_key=self.private_key,
            host_key=self.host_key,
            dial_error_limit=DIAL_LIMIT,
            per_dial_timeout=_PER_DIAL_S,
        )


class SshHost(Host):
    """A server reached by SSH."""

    def __init__(self, name: str, machine: Machine, wanted: Wanted, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:infra:SshHost", name, opts)
        self.root = ROOT
        self.user = SERVICE_USER
        self.docker_socket = "/var/run/docker.sock"
        self.start_interval = "1s"  # Debian 13 has 26.1
        self.restarts = [machine.kind]
        self.login = pulumi.Output.secret(
            pulumi.Output.json_dumps(
                {"address": machine.address, "private_key": machine.private_key, "host_key": machine.host_key}, sort_keys=True
            )
        )
        self._machine = machine
        self.identity = pulumi.Output.all(machine.address, *(made.id for made in machine.made)).apply(" ".join)
        self.ready = remote.Command(
            "ready",
            connection=machine.connection,
            create=_WAIT,
            stdin=machine.prepare,
            logging=remote.Logging.STDERR,
            add_previous_output_in_env=False,
            triggers=[made.id for made in machine.made],  # a new machine may have the same address and keys
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(machine.made)),
        )
        # A preview gets nothing ready, so it looks at what is there now.
        there = [made.id for made in machine.made] if pulumi.runtime.is_dry_run() else [self.ready.stdout]
        known = pulumi.Output.all(machine.address, machine.private_key, machine.host_key, *there)
        self._access = known.apply(lambda known: SshAccess(*known[:3]))
        self.seen = self._remembered(pulumi.Output.unsecret(self._access.apply(lambda access: look(access, wanted))))
        self.register_outputs({})

    def _remembered(self, looked: pulumi.Output[Seen | None]) -> pulumi.Output[Seen]:
        """Keep what was seen in the state; return what was seen now, or what was seen last where that cannot be seen now."""
        kept = local.Command(
            "seen",
            create=looked.apply(lambda now: f"echo {shlex.quote(now.text)}" if now and now.engine else ""),
            logging=local.Logging.NONE,
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self, transforms=[_kept_if_empty]),
        )

        def now_or_then(now: Seen | None) -> pulumi.Input[Seen]:
            if now and now.engine:
                return now
            return kept.stdout.apply(recalled).apply(lambda then: replace(then, files=now.files) if now else then)

        return looked.apply(now_or_then)

    def _install(self, release: Release) -> Sequence[pulumi.Resource]:
        tarball = remote.CopyToRemote(
            "tarball",
            connection=self._machine.connection,
            source=pulumi.FileAsset(str(release.tarball(cache_folder("releases")))),
            remote_path=_INCOMING,
            triggers=[self.seen.apply(lambda seen: seen.files)],  # a server that has lost its files gets the tarball again
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.ready], delete_before_replace=True),
        )
        # The program that installs the release comes with it.
        ops = release.parts["ops"].folder
        unpack = f'set -e; d=$(mktemp -d); trap \'rm -rf "$d"\' EXIT; tar --extract --file={_INCOMING} --directory="$d" {ops}; '
        create = ["release", "--compile", _INCOMING]
        command = OpsCommand(create=create, delete=REMOVE_RELEASE, after=[tarball], marks=[release.digest])
        self._run("release", command, before=unpack, path=f'"$d/{ops}"')
        after = [self.made["release"]]
        self._run(
            "host-files", OpsCommand(module="host.system_files", create=[], after=after, marks=[release.parts[PART].digest])
        )
        installed = [*after, self.made["host-files"]]
        self.docker = docker.Provider(
            "engine",
            host=self._machine.address.apply(lambda address: f"ssh://root@{address}"),
            ssh_opts=pulumi.Output.unsecret(self._access.apply(lambda access: list(access.options()))),
            # A preview works where the server cannot be reached; else the plugin would connect at once.
            disable_docker_daemon_check=True,
            # Installing these files may restart the engine.
            opts=pulumi.ResourceOptions(parent=self, depends_on=installed),
        )
        return installed

    def _run(
        self, name: str, command: OpsCommand, *, before: str = "", path: str = f"{ROOT}/current/ops:{ROOT}/current/site"
    ) -> pulumi.Output[str]:
        environment = f"{before}PYTHONPATH={path} "

        def line(seen: Seen, words: Sequence[str]) -> str:
            marks = command.marks_of(seen)
            if command.module == "cli":  # `regops` drops root's rights, so that its files belong to the services' user
                first = regops.without_rights(docker=True, new_rights=True) if command.mounts else []
                return commented([*first, regops.PATH, *words], marks)
            return environment + shell(_PYTHON, self.root, command.module, command.arguments_of(seen, words), marks)

        delete = (
            f"PYTHONPATH={ROOT}/current/ops {shell(_PYTHON, self.root, command.module, command.delete)}"
            if command.delete
            else None
        )
        made = remote.Command(
            name,
            connection=self._machine.connection,
            create=self._known(command).apply(lambda known: line(*known)),
            delete=delete,
            stdin=command.stdin,
            logging=remote.Logging.STDERR,
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.ready, *command.after]),
        )
        self.made[name] = made
        # It is only secret because its connection is: no command of `ops` prints a secret.
        return pulumi.Output.unsecret(made.stdout)


async def _kept_if_empty(given: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Leave a command as it is in the state if there is nothing to run."""
    if await pulumi.Output.from_input(given.props["create"]).future():
        return None
    return pulumi.ResourceTransformResult(
        given.props, pulumi.ResourceOptions.merge(given.opts, pulumi.ResourceOptions(ignore_changes=["create"]))
    )


def look(access: SshAccess, wanted: Wanted) -> Seen | None:
    """Look at a server's files and containers.

    Args:
        access: How it is reached.
        wanted: What should be in its Docker engine.

    Returns:
        What is there; None at a preview if the server cannot be reached.

    Raises:
        pulumi.RunError: The server does not answer, or its data is not mounted, so its files cannot be checked.
    """
    preview = pulumi.runtime.is_dry_run()
    mounted = f"! grep -qs ' {ROOT} ' /etc/fstab || mountpoint -q {ROOT} || exit {_UNMOUNTED}"
    program = f"PYTHONPATH={ROOT}/current/ops {shell(_PYTHON, ROOT, 'host.drift', [])}"
    try:
        seen = access.run(
            f"{mounted}; if [ -e {ROOT}/current/ops/ops/host/drift.py ]; then {program}; fi",
            timeout=_LOOK_LIMIT_S,
            patience=0.0 if preview else _LOOK_PATIENCE_S,
        )
    except CommandError as error:
        if error.completed is not None and error.completed.returncode == _UNMOUNTED:
            raise pulumi.RunError(
                f"{ROOT} is not mounted on the server {access.address}, although it is in /etc/fstab; "
                "attach the volume and restart the server"
            ) from error
        if error.completed is not None and error.completed.returncode != UNREACHABLE:
            pulumi.warn(f"cannot check the files of {access.address}, so all of them are written again: {error}")
            return Seen(new_revision(), {}, {}, engine=False)
        silent = f"the server {access.address} does not answer by SSH ({_reason(error)})"
        if preview and is_away(error):
            pulumi.warn(
                f"{silent}, so its files and containers are shown as they were last seen. Before the next `up`: {_REMEDY}"
            )
            return None
        raise pulumi.RunError(f"{silent}. {_REMEDY[0].upper()}{_REMEDY[1:]}") from error
    return judged(seen.stdout, wanted, access.address, pulumi.warn)


def _reason(error: CommandError) -> str:
    """Return what ssh said last."""
    said = error.completed.stderr.strip().splitlines() if error.completed else []
    return said[-1] if said else str(error)
