"""Runs the Pulumi program against mocks and collects what it declares: every resource by URN, once, secrets unwrapped."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import runpy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from unittest import mock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pulumi.runtime import get_root_resource, mocks, rpc, set_all_config
from pulumi.runtime.proto import callback_pb2, source_pb2
from pulumi.runtime.settings import set_root_resource
from pulumi.runtime.stack import Stack
from pulumi.runtime.sync_await import _ensure_event_loop

from infra.look import Seen
from infra.paths import PROJECT_FOLDER
from infra.release import Part, Release
from infra.settings import PROJECT
from infra.ssh_client import SshAccess
from ops.config import NewContainer, Rollout
from ops.core.layout import SECRET_VERSIONS
from ops.credentials.passwords import password_hash

STACK = "test"
# What is installed, and was never repaired.
SEEN = Seen("revision", {}, {})
# With the least of its cost: what it is really is tested where accounts are made.
_password_hash = cache(partial(password_hash, cost=4))


@dataclass(frozen=True)
class Declared:
    """One resource as the engine would receive it.

    Attributes:
        urn: Its URN.
        type: Its type token.
        name: Its name in the program.
        inputs: Wire names and plain values.
        secret: Names of the inputs that hold a secret.
        ignored: Inputs whose change the engine shall ignore.
        replacing: Inputs whose change replaces the resource, whatever the plugin plans.
        secret_outputs: Outputs that the engine shall treat as secret.
        dependencies: URNs of the resources it depends on.
        provider: URN and id of its provider, as `urn::id`; empty for components.
        protect: Whether the engine refuses to remove or replace it.
        retained: Whether what it stands for stays when the engine forgets it.
    """

    urn: str
    type: str
    name: str
    inputs: dict[str, Any]
    secret: frozenset[str]
    ignored: frozenset[str]
    replacing: frozenset[str]
    secret_outputs: frozenset[str]
    dependencies: frozenset[str]
    provider: str
    protect: bool
    retained: bool


def below_root(source: str) -> str:
    """Return the path of a mounted file below the stack's folder; of a secret file without its version."""
    path = re.sub(rf"^.*/\.state/{STACK}/", "", source)
    return re.sub(rf"^secrets/{re.escape(SECRET_VERSIONS)}/[0-9a-f]+/", "secrets/", path)


def rolled_out(declared: Declarations) -> dict[str, NewContainer]:
    """Return what the host is told about the services, by service."""
    document = declared.named("rollout").inputs["stdin"]
    return {one.service: one for one in Rollout.model_validate_json(document).services}


class Declarations(dict[str, Declared]):
    """Resources by URN, and the stack's outputs.

    Attributes:
        outputs: The stack's outputs.
        secret_outputs: Names of those that are secret.
    """

    def __init__(self) -> None:
        super().__init__()
        self.outputs: dict[str, Any] = {}
        self.secret_outputs: frozenset[str] = frozenset()

    @property
    def secret_files(self) -> dict[str, str]:
        """Content of the secret files by the names under which components declare them."""
        files: dict[str, str] = json.loads(self.named("secrets", "command:local:Command").inputs["stdin"])
        return {re.sub(r"^(live/[^/]+)/[^/]+/", r"\1/", path): content for path, content in files.items()}

    def of_type(self, kind: str) -> list[Declared]:
        """Return all resources of a type."""
        # A copy, since the engine's other threads may be adding some.
        return [resource for resource in list(self.values()) if resource.type == kind]

    def named(self, name: str, kind: str = "") -> Declared:
        """Return the one resource of that name, and of that type when it is given."""
        (found,) = [one for one in self.values() if one.name == name and kind in {"", one.type}]
        return found


# What the API adds to the inputs.
_CLOUD = {
    "hcloud:index/volume:Volume": {"linuxDevice": "/dev/disk/by-id/scsi-0HC_Volume_42"},
    "hcloud:index/primaryIp:PrimaryIp": {"ipAddress": "2001:db8:1::1"},
    "hcloud:index/storageBoxSubaccount:StorageBoxSubaccount": {"server": "u1.example.com", "username": "u1-sub1"},
}


@cache
def private_key(name: str) -> str:
    """Return a private key, always the same one for a name."""
    seed = hashlib.sha256(name.encode()).digest()
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode().rstrip()


def _printed(name: str) -> str:
    return private_key(name) if re.search(r"-key(-\d+)?$", name) else f"mocked-{name}".ljust(43, "x")


class _MockProviders(mocks.Mocks):
    """A MOCK of the providers: a resource's outputs are its inputs; a command has printed text of the real one's length.

    Attributes:
        unknown: Names of commands that have not run yet, as at a preview.
    """

    def __init__(self, unknown: frozenset[str] = frozenset()) -> None:
        self.unknown = unknown

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        text = rpc.UNKNOWN if args.name in self.unknown else _printed(args.name)
        printed = {"stdout": text} if args.typ in {"command:local:Command", "command:remote:Command"} else {}
        # The API numbers what it makes.
        identifier = "42" if args.typ.startswith("hcloud:") else f"{args.name}-id"
        return identifier, {**args.inputs, **printed, **_CLOUD.get(args.typ, {})}

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(f"the program called {args.token}, which no test expects")


class _Uncalled:
    """A MOCK of what the engine calls back for transforms: it never does."""

    def register_transform(self, _: object) -> callback_pb2.Callback:
        return callback_pb2.Callback()


class _Monitor(mocks.MockMonitor):
    """Records what was registered, and refuses a second resource with the same URN, as the engine does."""

    def __init__(self, providers: _MockProviders) -> None:
        super().__init__(providers)
        self.declared = Declarations()
        self.loops = set[asyncio.AbstractEventLoop]()

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # the monitor's name for it
        self.loops.add(_ensure_event_loop())  # type: ignore[no-untyped-call]  # the SDK makes one for each thread, and closes none
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        assert response.urn not in self.declared, f"two resources have the URN {response.urn}"
        raw = rpc.deserialize_properties(request.object)
        self.declared[response.urn] = Declared(
            urn=response.urn,
            type=request.type,
            name=request.name,
            inputs={key: _plain(value) for key, value in raw.items()},
            secret=frozenset(key for key, value in raw.items() if _holds_secret(value)),
            ignored=frozenset(request.ignoreChanges),
            replacing=frozenset(request.replaceOnChanges),
            secret_outputs=frozenset(request.additionalSecretOutputs),
            dependencies=frozenset(request.dependencies),
            provider=request.provider,
            protect=request.protect,
            retained=request.retainOnDelete,
        )
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802  # the monitor's name for it
        if request.urn in {stack.urn for stack in self.declared.of_type("pulumi:pulumi:Stack")}:
            raw = rpc.deserialize_properties(request.outputs)
            self.declared.outputs = {key: _plain(value) for key, value in raw.items()}
            self.declared.secret_outputs = frozenset(key for key, value in raw.items() if _holds_secret(value))
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


def declare(
    config: Mapping[str, str] | None = None, *, unknown: frozenset[str] = frozenset(), catalogue: bytes | None = None
) -> Declarations:
    """Return what the program declares with a configuration. Like `declare_again`, but runs each configuration only once."""
    return _kept(frozenset((config or {}).items()), unknown, catalogue)


@cache
def _kept(config: frozenset[tuple[str, str]], unknown: frozenset[str], catalogue: bytes | None) -> Declarations:
    return declare_again(dict(config), unknown=unknown, catalogue=catalogue)


def declare_again(
    config: Mapping[str, str] | None = None, *, unknown: frozenset[str] = frozenset(), catalogue: bytes | None = None
) -> Declarations:
    """Run the program with a configuration and return what it declares. No package is installed and no release written.

    Args:
        config: Keys without the project's prefix, values as the engine hands them over: text, objects as JSON.
        unknown: Names of commands whose output only `up` will know; with any it is a preview.
        catalogue: The file that says what is mirrored; None for none.

    Raises:
        AssertionError: Two resources have one URN, or the program called a provider function.
        pulumi.RunError: The configuration is invalid.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # the SDK wants one in this thread, and other tests leave none
    set_all_config({f"{PROJECT}:{key}": value for key, value in (config or {}).items()}, [])
    providers = _MockProviders(unknown)
    monitor = _Monitor(providers)
    set_root_resource(None)  # type: ignore[arg-type]  # else the stack of an earlier run would be the parent
    mocks.set_mocks(providers, project=PROJECT, stack=STACK, preview=bool(unknown), monitor=monitor)

    @mocks.test  # type: ignore[untyped-decorator]
    def run() -> None:
        runpy.run_path(str(PROJECT_FOLDER / "__main__.py"), run_name="__main__")
        stack = get_root_resource()
        assert isinstance(stack, Stack)
        stack.register_outputs(stack.outputs)  # the engine's executor does this, mocks do not

    with (
        mock.patch("infra.site.site_part", lambda architecture: Part.of_text("site", {"architecture": architecture})),
        mock.patch.object(Release, "tarball", lambda release, folder: folder / f"{release.digest}.tar"),
        mock.patch("infra.project.read_catalogue", return_value=catalogue),
        # There is no server to ask, and nothing to look for on this machine.
        mock.patch("infra.ssh_host.look", return_value=SEEN),
        mock.patch("infra.local.look", return_value=SEEN),
        # Mocks have no engine that could call back.
        mock.patch("pulumi.runtime.resource._get_callbacks", mock.AsyncMock(return_value=_Uncalled())),
        mock.patch.object(SshAccess, "options", return_value=["-F", "/dev/null"]),
        # These two took a third of a run: source positions for error messages, and bcrypt.
        mock.patch("pulumi.runtime.resource._get_stack_trace", return_value=source_pb2.StackTrace()),
        mock.patch("stack_components.gateway.component.password_hash", _password_hash),
    ):
        try:
            run()
        finally:
            for made in {loop, *monitor.loops}:
                made.close()
    return monitor.declared


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if rpc._special_sig_key in value:
            return _plain(value["value"])
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _holds_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get(rpc._special_sig_key) == rpc._special_secret_sig or any(map(_holds_secret, value.values()))
    return isinstance(value, list) and any(map(_holds_secret, value))
