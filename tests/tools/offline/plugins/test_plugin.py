"""The provider protocol: names, versions, and what is declined."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from tools.offline.plugins.command.provider import PACKAGE as COMMAND
from tools.offline.plugins.docker.provider import PACKAGE as DOCKER
from tools.offline.plugins.plugin import Package, Servicer
from tools.offline.plugins.session import Session
from tools.offline.plugins.values import encode

_NETWORK = "urn:pulumi:s::p::a:b:C$docker:index/network:Network::net"
_MODE = provider_pb2.CheckRequest.AutonamingOptions.Mode


@pytest.fixture(params=[DOCKER, COMMAND], ids=lambda package: package.name)
def package(request: pytest.FixtureRequest) -> Package:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def session() -> Session:
    return Session("")


@pytest.fixture
def stub(package: Package, session: Session) -> Iterator[Any]:
    server = grpc.server(ThreadPoolExecutor(2))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(package, session), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(None).wait()


def _network(stub: Any, **more: Any) -> provider_pb2.CheckResponse:
    return stub.Check(provider_pb2.CheckRequest(urn=_NETWORK, news=encode({}), **more))  # type: ignore[no-any-return]


def test_it_has_the_version_that_the_engine_accepts(package: Package, stub: Any) -> None:
    assert stub.GetPluginInfo(Empty()).version == {"docker": "5.1.0", "command": "1.2.1"}[package.name]


def test_an_engine_that_has_not_started_it_tells_its_address(stub: Any, session: Session) -> None:
    stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:7"))
    assert session.engine == "127.0.0.1:7"


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("Check", provider_pb2.CheckRequest(urn="urn:pulumi:s::p::docker:index/secret:Secret::a")),
        ("Create", provider_pb2.CreateRequest(urn="urn:pulumi:s::p::command:remote:CopyFile::a")),
        ("Invoke", provider_pb2.InvokeRequest(tok="docker:index/getNetwork:getNetwork")),
        ("Invoke", provider_pb2.InvokeRequest(tok="command:local:run")),
    ],
)
def test_what_is_not_covered_is_said(method: str, request_: Any, package: Package, stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        getattr(stub, method)(request_)
    assert raised.value.details().endswith(
        f" is not covered by the stand-in for the {package.name} plugin; use the official plugin"
    )


def test_the_handshake_is_declined_as_by_the_official_plugins(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        stub.Handshake(provider_pb2.ProviderHandshakeRequest())
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_cancelling_reaches_the_session(stub: Any, session: Session) -> None:
    stub.Cancel(Empty())
    assert session.cancelled.is_set()


@pytest.mark.parametrize("package", [DOCKER], ids=["docker"])
def test_names_come_from_the_engines_seed(stub: Any) -> None:
    first, again, other = (_network(stub, randomSeed=seed).inputs["name"] for seed in (b"a", b"a", b"b"))
    assert first == again != other
    assert first.startswith("net-")
    assert len({_network(stub).inputs["name"] for _ in range(5)}) == 5


@pytest.mark.parametrize("package", [DOCKER], ids=["docker"])
def test_the_projects_autonaming_is_respected(stub: Any) -> None:
    options = provider_pb2.CheckRequest.AutonamingOptions
    assert _network(stub, autonaming=options(mode=_MODE.PROPOSE, proposed_name="given")).inputs["name"] == "given"
    (failure,) = _network(stub, autonaming=options(mode=_MODE.DISABLE)).failures
    assert '"name" is required' in failure.reason


@pytest.mark.parametrize("package", [DOCKER], ids=["docker"])
@pytest.mark.parametrize(("old", "new", "changed"), [("a", "a", []), ("a", "b", ["host"]), (None, "b", ["host"])])
def test_another_host_replaces_nothing(old: str | None, new: str, changed: list[str], stub: Any) -> None:
    olds = {"host": old} if old else {}
    answer = stub.DiffConfig(provider_pb2.DiffRequest(old_inputs=encode(olds), news=encode({"host": new})))
    assert list(answer.diffs) == changed
    assert list(answer.replaces) == []


@pytest.mark.parametrize("package", [DOCKER], ids=["docker"])
@pytest.mark.parametrize(
    ("ignored", "changed"),
    [([], ["internal", "ipamConfigs"]), (["ipamConfigs"], ["internal"]), (["ipam"], ["internal", "ipamConfigs"])],
)
def test_what_the_engine_ignores_is_no_difference(ignored: list[str], changed: list[str], stub: Any) -> None:
    inputs = {"name": "net", "internal": True, "ipamConfigs": [{"subnet": "fd00::/64"}]}
    state = {"name": "net", "internal": False, "ipamConfigs": [{"subnet": "fd00::/64"}, {"subnet": "10.0.0.0/24"}]}
    request = provider_pb2.DiffRequest(
        id="id", urn=_NETWORK, olds=encode(state), old_inputs=encode(inputs), news=encode(inputs), ignoreChanges=ignored
    )
    assert sorted({"internal", "ipamConfigs"} & set(stub.Diff(request).diffs)) == changed
