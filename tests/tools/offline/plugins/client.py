"""Starts a plugin, the official or the stand-in, and asks it what the engine asks, in plain values."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from tools.offline.plugins.values import Properties, decode, encode

CONTAINER = "docker:index/container:Container"
NETWORK = "docker:index/network:Network"
VOLUME = "docker:index/volume:Volume"
IMAGE = "docker:index/remoteImage:RemoteImage"
COMMAND = "command:local:Command"
REMOTE = "command:remote:Command"
COPY = "command:remote:CopyToRemote"

# What only the official docker plugin's bridge needs of a state.
_BRIDGE = ("__meta", "__pulumi_raw_state_delta")
_START_LIMIT_S = 60


@dataclass(frozen=True)
class Answer:
    """A resource as a plugin gave it; `error` says that it is there but is not as it should be."""

    identifier: str
    state: Properties
    error: str = ""


class Refused(Exception):  # noqa: N818
    """The plugin answered with an error."""


class Client:
    """The engine's side of the provider protocol."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = provider_pb2_grpc.ResourceProviderStub(channel)

    def configure(self, **config: Any) -> None:
        request = provider_pb2.CheckRequest(urn=_urn("pulumi:providers:x", "default"), news=encode(config))
        checked = self._call("CheckConfig", request)
        if checked.failures:
            raise Refused("; ".join(fault.reason for fault in checked.failures))
        self._call("Configure", provider_pb2.ConfigureRequest(args=checked.inputs, acceptSecrets=True, acceptResources=True))

    def check(self, kind: str, inputs: Properties, olds: Properties | None = None) -> tuple[Properties, list[str]]:
        """Return the checked inputs and the reasons against them."""
        request = provider_pb2.CheckRequest(
            urn=_urn(kind, "res"), news=encode(inputs), olds=encode(olds or {}), randomSeed=b"seed" * 8
        )
        answer = self._call("Check", request)
        return decode(answer.inputs), [fault.reason for fault in answer.failures]

    def diff(self, kind: str, state: Properties, olds: Properties, news: Properties) -> dict[str, Any]:
        """Return what the engine makes of a difference."""
        request = provider_pb2.DiffRequest(
            id="id", urn=_urn(kind, "res"), olds=encode(state), old_inputs=encode(olds), news=encode(news)
        )
        answer = self._call("Diff", request)
        kinds = provider_pb2.PropertyDiff.Kind
        return {
            "changed": answer.changes == provider_pb2.DiffResponse.DIFF_SOME,
            "diffs": sorted(answer.diffs),
            "replaces": sorted(set(answer.replaces)),
            "delete_first": answer.deleteBeforeReplace,
            "detailed": {path: kinds.Name(change.kind) for path, change in sorted(answer.detailedDiff.items())},
        }

    def create(self, kind: str, inputs: Properties, *, preview: bool = False) -> Answer:
        request = provider_pb2.CreateRequest(urn=_urn(kind, "res"), properties=encode(inputs), preview=preview)
        try:
            answer = self._stub.Create(request)
        except grpc.RpcError as error:
            return _initialised(error)
        return Answer(answer.id, decode(answer.properties))

    def read(self, kind: str, identifier: str, state: Properties, inputs: Properties) -> tuple[Answer, Properties] | None:
        """Return the resource and the inputs that lead to it; None when it is gone."""
        request = provider_pb2.ReadRequest(id=identifier, urn=_urn(kind, "res"), properties=encode(state), inputs=encode(inputs))
        answer = self._call("Read", request)
        return (Answer(answer.id, decode(answer.properties)), decode(answer.inputs)) if answer.id else None

    def update(self, kind: str, identifier: str, state: Properties, olds: Properties, news: Properties) -> Properties:
        """Return the new state."""
        request = provider_pb2.UpdateRequest(
            id=identifier, urn=_urn(kind, "res"), olds=encode(state), old_inputs=encode(olds), news=encode(news)
        )
        return decode(self._call("Update", request).properties)

    def delete(self, kind: str, identifier: str, state: Properties) -> None:
        self._call("Delete", provider_pb2.DeleteRequest(id=identifier, urn=_urn(kind, "res"), properties=encode(state)))

    def _call(self, method: str, request: Any) -> Any:
        try:
            return getattr(self._stub, method)(request)
        except grpc.RpcError as error:
            raise Refused(error.details()) from error


@contextlib.contextmanager
def running(program: Path) -> Iterator[Client]:
    """Run a plugin."""
    with subprocess.Popen([program, "127.0.0.1:1"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                grpc.channel_ready_future(channel).result(_START_LIMIT_S)
                yield Client(channel)
        finally:
            process.terminate()


def without_bridge(state: Properties) -> Properties:
    """Return a state without what only the official plugin's bridge needs."""
    return {name: value for name, value in state.items() if name not in _BRIDGE}


def _urn(kind: str, name: str) -> str:
    return f"urn:pulumi:stack::project::{kind}::{name}"


def _initialised(error: Any) -> Answer:
    for entry in error.trailing_metadata() or ():
        if entry.key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(entry.value)
            failed = provider_pb2.ErrorResourceInitFailed()
            if status.details[0].Unpack(failed):
                return Answer(failed.id, decode(failed.properties), "; ".join(failed.reasons))
    raise Refused(error.details()) from error
