"""What the resources of one running plugin share: its configuration, the engine's log, and whether the run was cancelled."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

from tools.offline.plugins.values import Properties

Log = Callable[[str], None]
Severity = Literal["INFO", "WARNING"]


class Session:
    """One start of a plugin, as configured by the engine.

    Attributes:
        engine: The address of the engine's own service.
        config: The provider's inputs.
        cancelled: Whether running operations shall end.
    """

    def __init__(self, engine: str) -> None:
        self.config: Properties = {}
        self.cancelled = threading.Event()
        self.engine = engine
        self._at_end: list[Callable[[], None]] = []

    def at_end(self, work: Callable[[], None]) -> None:
        """Have something done before the plugin ends."""
        self._at_end.append(work)

    def end(self) -> None:
        """Do what is to be done before the plugin ends."""
        for work in self._at_end:
            work()

    def log(self, urn: str, severity: Severity = "INFO") -> Log:
        """Return a function that shows a line beside a resource: a warning for good, other lines while it is worked on."""

        def show(line: str) -> None:
            import grpc  # type: ignore[import-untyped]  # noqa: PLC0415
            from pulumi.runtime.proto import engine_pb2  # noqa: PLC0415  # most runs log nothing

            level = engine_pb2.LogSeverity.Value(severity)
            request = engine_pb2.LogRequest(severity=level, message=line, urn=urn, ephemeral=severity == "INFO")
            # What is only shown must not make what is done fail.
            with contextlib.suppress(grpc.RpcError):
                self._stub.Log(request)

        return show

    @cached_property
    def _stub(self) -> Any:
        import grpc  # noqa: PLC0415
        from pulumi.runtime.proto import engine_pb2_grpc  # noqa: PLC0415

        return engine_pb2_grpc.EngineStub(grpc.insecure_channel(self.engine))
