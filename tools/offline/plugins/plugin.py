"""The engine's provider protocol: turns gRPC requests into calls of `Resource` and their answers back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, NoReturn

import grpc  # type: ignore[import-untyped]
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from tools.offline.plugins.resource import Checked, Difference, InitFailedError, PluginError, Resource, name_of
from tools.offline.plugins.serve import engine_address, serve
from tools.offline.plugins.session import Session
from tools.offline.plugins.values import Properties, decode, encode
from tools.offline.plugins.version import plugin_version

_STATUS_DETAILS = "grpc-status-details-bin"
_NAME_DIGITS = 7


@dataclass(frozen=True)
class Package:
    """A plugin.

    Attributes:
        name: The package, as in `pulumi-resource-<name>`.
        accepts_secrets: Whether it tells secrets from other values; the engine marks them itself otherwise.
        check_config: Validates the provider's own inputs.
        resources: Makes the resources by type token.
    """

    name: str
    accepts_secrets: bool
    check_config: Callable[[Properties], Checked]
    resources: Callable[[Session], Mapping[str, Resource]]


def run(package: Package) -> None:
    """Serve a plugin until the engine ends it."""
    session = Session(engine_address())
    servicer = Servicer(package, session)
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server), at_end=session.end)


def _answers(method: Callable[..., Any]) -> Callable[..., Any]:
    """Turn the exceptions of `Resource` into what the engine understands."""

    @wraps(method)
    def call(self: Servicer, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request)
        except InitFailedError as error:
            return _abort_initialised(error, context)
        except PluginError as error:
            return context.abort(grpc.StatusCode.UNKNOWN, str(error))

    return call


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine for one package."""

    def __init__(self, package: Package, session: Session) -> None:
        self._package = package
        self._session = session
        self._resources = package.resources(session)

    def Handshake(self, _request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Decline: like the official plugins of these versions, everything is said by Configure."""
        return context.abort(grpc.StatusCode.UNIMPLEMENTED, "method Handshake not implemented")

    def Attach(self, request: plugin_pb2.PluginAttach, _context: grpc.ServicerContext) -> Empty:  # noqa: N802
        """Take the address of an engine that has not started this plugin itself: PULUMI_DEBUG_PROVIDERS."""
        self._session.engine = request.address
        return Empty()

    def GetPluginInfo(self, _request: Empty, _context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:  # noqa: N802
        """Tell the version."""
        return plugin_pb2.PluginInfo(version=plugin_version(self._package.name))

    def Cancel(self, _request: Empty, _context: grpc.ServicerContext) -> Empty:  # noqa: N802
        """Ask running operations to end."""
        self._session.cancelled.set()
        return Empty()

    @_answers
    def CheckConfig(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:  # noqa: N802
        """Validate the provider's inputs."""
        return _check_response(self._package.check_config(decode(request.news)))

    @_answers
    def DiffConfig(self, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:  # noqa: N802
        """Say which of the provider's inputs changed; none of them replaces it."""
        olds, news = decode(request.old_inputs), decode(request.news)
        changed = sorted(name for name in {*olds, *news} if olds.get(name) != news.get(name))
        some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some if changed else none, diffs=changed)

    @_answers
    def Configure(self, request: provider_pb2.ConfigureRequest) -> provider_pb2.ConfigureResponse:  # noqa: N802
        """Take the provider's inputs."""
        self._session.config = decode(request.args)
        return provider_pb2.ConfigureResponse(
            supportsPreview=True,
            supports_autonaming_configuration=True,
            acceptSecrets=self._package.accepts_secrets,
            acceptResources=self._package.accepts_secrets,
        )

    @_answers
    def Invoke(self, request: provider_pb2.InvokeRequest) -> NoReturn:  # noqa: N802
        """Decline: no function is covered."""
        raise PluginError(self._not_covered(request.tok))

    @_answers
    def Check(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:  # noqa: N802
        """Validate a resource's inputs."""
        resource = self._resource(request.urn)
        proposed = _proposed_name(request)
        return _check_response(resource.check(request.urn, decode(request.news), decode(request.olds), proposed))

    @_answers
    def Diff(self, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:  # noqa: N802
        """Compare a resource with its inputs."""
        resource = self._resource(request.urn)
        difference = resource.diff(decode(request.olds), decode(request.old_inputs), decode(request.news))
        # The engine keeps the old inputs of what is ignored, which may still differ from the state.
        kept = {path: change for path, change in difference.changes.items() if not _is_ignored(path, request.ignoreChanges)}
        return _diff_response(replace(difference, changes=kept))

    @_answers
    def Create(self, request: provider_pb2.CreateRequest) -> provider_pb2.CreateResponse:  # noqa: N802
        """Create a resource."""
        resource = self._resource(request.urn)
        identifier, state = resource.create(request.urn, decode(request.properties), preview=request.preview)
        return provider_pb2.CreateResponse(id=identifier, properties=encode(state))

    @_answers
    def Read(self, request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:  # noqa: N802
        """Read a resource: a refresh, or an import."""
        resource = self._resource(request.urn)
        found = resource.read(request.id, decode(request.properties), decode(request.inputs))
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=found.identifier, properties=encode(found.state), inputs=encode(found.inputs))

    @_answers
    def Update(self, request: provider_pb2.UpdateRequest) -> provider_pb2.UpdateResponse:  # noqa: N802
        """Update a resource in place."""
        resource = self._resource(request.urn)
        olds, news = decode(request.olds), decode(request.news)
        state = resource.update(request.urn, request.id, olds, news, preview=request.preview)
        return provider_pb2.UpdateResponse(properties=encode(state))

    @_answers
    def Delete(self, request: provider_pb2.DeleteRequest) -> Empty:  # noqa: N802
        """Delete a resource."""
        self._resource(request.urn).delete(request.urn, request.id, decode(request.properties))
        return Empty()

    def _resource(self, urn: str) -> Resource:
        # urn:pulumi:<stack>::<project>::<parent type>$<type>::<name>
        kind = urn.split("::")[2].rsplit("$", 1)[-1]
        if kind not in self._resources:
            raise PluginError(self._not_covered(kind))
        return self._resources[kind]

    def _not_covered(self, token: str) -> str:
        return f"{token} is not covered by the stand-in for the {self._package.name} plugin; use the official plugin"


def _proposed_name(request: provider_pb2.CheckRequest) -> str:
    """Return the physical name that the project's autonaming setting or, without one, the engine's seed leads to."""
    if request.HasField("autonaming"):
        disabled = request.autonaming.mode == provider_pb2.CheckRequest.AutonamingOptions.Mode.DISABLE
        return "" if disabled else request.autonaming.proposed_name
    digits = hashlib.sha256(request.randomSeed or os.urandom(16)).hexdigest()[:_NAME_DIGITS]
    return f"{name_of(request.urn)}-{digits}"


def _check_response(checked: Checked) -> provider_pb2.CheckResponse:
    failures = [provider_pb2.CheckFailure(property=fault.property, reason=fault.reason) for fault in checked.failures]
    return provider_pb2.CheckResponse(inputs=encode(checked.inputs), failures=failures)


def _diff_response(difference: Difference) -> provider_pb2.DiffResponse:
    kinds = provider_pb2.PropertyDiff.Kind
    detailed = {
        path: provider_pb2.PropertyDiff(kind=kinds.Value(f"{change.kind}_REPLACE" if change.replaces else change.kind))
        for path, change in difference.changes.items()
    }
    replaces = {_root(path) for path, change in difference.changes.items() if change.replaces}
    response = provider_pb2.DiffResponse
    return response(
        changes=response.DIFF_SOME if detailed else response.DIFF_NONE,
        diffs=sorted({_root(path) for path in detailed}),
        replaces=sorted(replaces),
        deleteBeforeReplace=bool(replaces) and difference.delete_first,
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _is_ignored(path: str, ignored: Iterable[str]) -> bool:
    return any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in ignored)


def _root(path: str) -> str:
    return path.split(".", 1)[0].split("[", 1)[0]


def _abort_initialised(error: InitFailedError, context: grpc.ServicerContext) -> Any:
    """Tell the engine that the resource exists all the same, in the form that it knows from the official plugins."""
    failed = provider_pb2.ErrorResourceInitFailed(id=error.identifier, properties=encode(error.state), reasons=[str(error)])
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(failed)
    context.set_trailing_metadata(((_STATUS_DETAILS, status.SerializeToString()),))
    return context.abort(grpc.StatusCode.UNKNOWN, str(error))
