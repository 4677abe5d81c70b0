"""Makes new containers take over from those before; if one does not become healthy, all of them are rolled back.

The containers are there already, and not started. One that may run alongside the one before is started first, and that one is
stopped when all are healthy; for the others it is the other way round. The container that runs a service has the service's
name, all others have a part of their id in it. So a rollout that was killed is simply begun again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container

from ops.config import NewContainer, Rollout
from ops.core.labels import ROOT_LABEL, SERVICE_LABEL, VERSION_LABEL
from ops.core.process import CommandError, run
from ops.host.releases import set_back

HEALTHY_LIMIT_S = 120.0
_RESTARTS = 2  # a container that ends so often does not want to run
_POLL_S = 0.25  # a look takes two milliseconds of a core, and half of that of the engine's
_UPDATE_LIMIT_S = 30.0
_STARTING_CPUS = 1.0  # a program that starts computes more than it ever will again
_LOG_LINES = 20
_SPACE_MIB = 64
_MIB, _NANO = 2**20, 10**9
_NEVER = "0001-"  # how Docker writes the time of a start that has not been

Stop = Callable[[Path, Container], None]
Item = TypeVar("Item")
Result = TypeVar("Result")


class RolloutError(Exception):
    """Not all services run as they should; the message says which, why, and what runs now."""


class _FailedError(Exception):
    """One service did not become healthy."""


@dataclass(frozen=True)
class Replacement:
    """One service whose container is not the wanted one yet.

    Attributes:
        wanted: What is wanted.
        new: The new container.
        before: The one that runs the service now, or did last; None for a new service.
    """

    wanted: NewContainer
    new: Container
    before: Container | None

    @property
    def early(self) -> bool:
        """Whether the new container starts before the other one is stopped."""
        return self.before is None or self.wanted.alongside

    @property
    def one_way(self) -> bool:
        """Whether the new version changes data in a way that the one before cannot read."""
        way = self.wanted.one_way
        return way is not None and self.before is not None and way.crossed(_version(self.before), self.wanted.version)


def roll_out(
    root: Path, wanted: Rollout, engine: docker.DockerClient, stop: Stop = lambda _, container: container.stop()
) -> None:
    """Make the wanted containers run all services.

    Args:
        root: The stack's folder on this host.
        wanted: The containers.
        engine: The Docker engine.
        stop: Stops a container, given the stack's folder too, when another one runs its service already.

    Raises:
        RolloutError: A new container did not become healthy. Those before run again, unless the message says otherwise.
        DockerException: The engine does not answer.
    """
    replacements = [found for one in wanted.services if (found := _replacement(one, engine))]
    try:
        _refuse(replacements, root)
    except RolloutError:
        set_back(root / name for service in wanted.services for name in service.hot_reloaded)
        raise
    names = {one.wanted.service for one in replacements}
    later = [one for one in replacements if names.intersection(one.wanted.after)]
    failures: dict[str, str] = {}
    for wave in ([one for one in replacements if one not in later], later):
        for start in (_start, _exchange):
            chosen = [one for one in wave if one.early is (start is _start)]
            failures |= {} if failures else _failures(start, chosen)
    if failures:
        raise RolloutError(_rolled_back(replacements, failures, wanted, root))
    for one in replacements:
        _settle(one)
    _each(lambda before: stop(root, before), [one.before for one in replacements if one.before])
    _stop_strays(root, wanted, engine)
    for service in wanted.services:
        _limit(engine.containers.get(service.container), service.cpus)


def _replacement(wanted: NewContainer, engine: docker.DockerClient) -> Replacement | None:
    """Return what is to be done for a service; None if its container runs already."""
    try:
        new = engine.containers.get(wanted.container)
    except NotFound:
        raise RolloutError(f"{wanted.service}: its container {wanted.container[:12]} is gone; run `up --refresh`") from None
    try:
        before = engine.containers.get(wanted.name)
    except NotFound:
        before = None
    if before is not None and before.id == new.id:
        if new.status == "running":
            return None
        return Replacement(wanted, new, None)
    if new.name != _aside(wanted, new):
        new.rename(_aside(wanted, new))
        new.reload()
    return Replacement(wanted, new, before)


def _aside(wanted: NewContainer, container: Container) -> str:
    """Return the name of a container that does not run its service."""
    return f"{wanted.name}-{str(container.id)[:7]}"


def _version(container: Container) -> str:
    return str(container.labels.get(VERSION_LABEL, ""))


def _refuse(replacements: Sequence[Replacement], root: Path) -> None:
    """Refuse what could not be undone, before anything is stopped."""
    refused = [one for one in replacements if one.one_way and not one.wanted.accepted]
    if refused:
        asked = ", ".join(f"{one.wanted.service}@{one.wanted.version}" for one in refused)
        raise RolloutError(
            "\n".join(
                [
                    *map(_no_way_back, refused),
                    f"Nothing was replaced. If you want it, back up its data, set one_way: [{asked}], and run `up` again.",
                ]
            )
        )
    free = shutil.disk_usage(root).free // _MIB
    if free < _SPACE_MIB and any(one.before for one in replacements):
        raise RolloutError(f"only {free} MiB are free at {root}: nothing was replaced. Free some space, then run `up` again.")


def _no_way_back(one: Replacement) -> str:
    assert one.before is not None  # noqa: S101
    assert one.wanted.one_way is not None  # noqa: S101
    versions = f"from {_version(one.before)} to {one.wanted.version}"
    return f"{one.wanted.service}: {versions} there is no way back: {one.wanted.one_way.why}"


def _start(one: Replacement, *, after: Container | None = None) -> None:
    """Start the new container, with at least one CPU core, once another one is stopped, and wait until it is healthy."""
    own = one.new.attrs["HostConfig"]["NanoCpus"] / _NANO
    try:
        _limit(one.new, max(own, _STARTING_CPUS))  # while the other one still runs
        if after is not None:
            _stop(after)
        one.new.start()
        _wait(one.new)
    except APIError as error:
        raise _FailedError(f"it does not start: {error.explanation}") from error
    _limit(one.new, own)


def _exchange(one: Replacement) -> None:
    _start(one, after=one.before)


def _stop(container: Container) -> None:
    """Stop a container; its own stop timeout counts."""
    container.stop()


def _give_up(one: Replacement) -> None:
    _stop(one.new)
    _limit(one.new, one.wanted.cpus)


def _wait(container: Container) -> None:
    """Wait until a container is healthy.

    Raises:
        _FailedError: It ended, is unhealthy, or took too long.
    """
    give_up = time.monotonic() + HEALTHY_LIMIT_S
    while True:
        container.reload()
        state = container.attrs["State"]
        health = state.get("Health") or {}
        restarts = int(container.attrs["RestartCount"])
        if health.get("Status") == "healthy":
            return
        ended = f"it ended with exit code {state['ExitCode']}" + (f", {restarts} times" if restarts > 1 else "")
        running = state["Status"] == "running" and not restarts
        reasons = [
            (state["Status"] in {"exited", "dead"} or (state["Status"] == "restarting" and restarts >= _RESTARTS), ended),
            (running and health.get("Status") == "unhealthy", "it is unhealthy"),
            (time.monotonic() > give_up, f"it is not healthy after {HEALTHY_LIMIT_S:.0f} s"),
        ]
        for true, reason in reasons:
            if true:
                raise _FailedError("\n".join([reason, *_last_words(container)]))
        time.sleep(_POLL_S)


def _last_words(container: Container) -> Iterable[str]:
    """Return a container's last healthcheck and the end of its log."""
    checks = (container.attrs["State"].get("Health") or {}).get("Log") or []
    if checks and checks[-1]["ExitCode"] != 0:
        yield f"last healthcheck: {checks[-1]['Output'].strip()}"
    log = container.logs(tail=_LOG_LINES).decode(errors="replace").rstrip()
    yield f"end of its log, of which `docker logs {container.name}` shows all:\n{log}" if log else "it has logged nothing"


def _failures(action: Callable[[Replacement], None], chosen: Sequence[Replacement]) -> dict[str, str]:
    """Run an action for several services at once; return why it failed, by service."""

    def reason(one: Replacement) -> str:
        try:
            action(one)
        except (_FailedError, CommandError, DockerException, OSError) as error:
            return str(error)
        return ""

    return {one.wanted.service: why for one, why in zip(chosen, _each(reason, chosen), strict=True) if why}


def _each(action: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    with ThreadPoolExecutor(max(1, len(items))) as pool:
        return list(pool.map(action, items))


def _settle(one: Replacement) -> None:
    """Give the new container the service's name."""
    if one.before is not None:
        one.before.rename(_aside(one.wanted, one.before))
    if one.new.name != one.wanted.name:
        one.new.rename(one.wanted.name)


def _rolled_back(replacements: Sequence[Replacement], failures: dict[str, str], wanted: Rollout, root: Path) -> str:
    """Put everything back; return what to say."""
    kept = [one for one in replacements if _stays(one, failures)]
    back = [one for one in replacements if one not in kept]
    _failures(_give_up, back)
    new = {one.wanted.service for one in kept}
    set_back(root / name for one in wanted.services if one.service not in new for name in one.hot_reloaded)
    changed = [one for one in back if one.one_way and _has_run(one.new)]
    returning = [one for one in back if one.before and one not in changed]
    lost = _failures(lambda one: _start(Replacement(one.wanted, one.before or one.new, None)), returning)
    for one in kept:
        _settle(one)
    _each(_stop, [one.before for one in kept if one.before])
    lines = [f"{service}: the new container does not run: {why}" for service, why in failures.items()]
    lines += [f"{service}: the container before does not run again: {why}" for service, why in lost.items()]
    lines += [f"{one.wanted.service}: it is stopped, since its data may have changed for good; restore them" for one in changed]
    restored = sorted({one.wanted.service for one in returning} - lost.keys())
    if restored:
        lines.append(f"Put back as before, image and configuration: {', '.join(restored)}.")
    return "\n".join(lines)


def _has_run(container: Container) -> bool:
    container.reload()
    return not str(container.attrs["State"]["StartedAt"]).startswith(_NEVER)


def _stays(one: Replacement, failures: dict[str, str]) -> bool:
    """Whether a new container goes on running although another one has failed, since there is nothing to go back to."""
    if one.wanted.service in failures:
        return False
    one.new.reload()
    return one.new.status == "running" and (one.before is None or one.one_way)


def _stop_strays(root: Path, wanted: Rollout, engine: docker.DockerClient) -> None:
    """Stop what a killed rollout has left running beside the wanted containers."""
    ids = {service.container for service in wanted.services}
    running = engine.containers.list(filters={"label": [f"{ROOT_LABEL}={root}", SERVICE_LABEL]}, ignore_removed=True)
    services = {service.service for service in wanted.services}
    _each(_stop, [one for one in running if one.id not in ids and one.labels[SERVICE_LABEL] in services])


def _limit(container: Container, cpus: float) -> None:
    """Give a container a number of CPU cores. The plugin would replace it for that."""
    container.reload()
    if container.attrs["HostConfig"]["NanoCpus"] != round(cpus * _NANO):
        # The Docker library does not know this limit.
        run(["docker", "update", "--cpus", f"{cpus:g}", str(container.id)], timeout=_UPDATE_LIMIT_S)
