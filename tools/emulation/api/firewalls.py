"""`/firewalls`: stored and shown, but they filter no packets."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from tools.emulation.api.actions import for_kind, show_action
from tools.emulation.api.errors import ApiError, invalid
from tools.emulation.api.labels import Labels, matches
from tools.emulation.api.listing import listing
from tools.emulation.api.model import Action, Firewall, Server
from tools.emulation.api.primary_ips import of_server
from tools.emulation.api.state import State
from tools.emulation.api.web import Answer, Body, Call, Operation, Operations, created, no_content, ok, update

_KIND = "firewall"
# https://docs.hetzner.com/cloud/firewalls/overview/#limits
_MAX_OF_SERVER = 5
_MAX_RULES = 50
_MAX_PORT = 65535


def _cidr(text: str) -> str:
    if "/" not in text:
        raise ValueError(f"{text} is not a network in CIDR notation")
    ipaddress.ip_network(text)
    return text


def _port(text: str | None) -> str | None:
    if text is None or text == "any":
        return text
    numbers = [int(part) for part in text.split("-")] if re.fullmatch(r"\d{1,5}(-\d{1,5})?", text) else [0]
    if numbers != sorted(numbers) or not all(1 <= number <= _MAX_PORT for number in numbers):
        raise ValueError(f"{text} is neither a port nor a range of ports")
    return text


class Rule(Body):
    """What is allowed in or out."""

    direction: Literal["in", "out"]
    protocol: Literal["tcp", "udp", "icmp", "esp", "gre"]
    port: Annotated[str | None, AfterValidator(_port)] = None
    source_ips: Annotated[list[Annotated[str, AfterValidator(_cidr)]], Field(max_length=100)] = Field(default_factory=list)
    destination_ips: Annotated[list[Annotated[str, AfterValidator(_cidr)]], Field(max_length=100)] = Field(default_factory=list)
    description: Annotated[str | None, Field(max_length=255)] = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Rule:
        if (self.protocol in {"tcp", "udp"}) is (self.port is None):
            raise ValueError("port: tcp and udp need one, other protocols have none")
        if not (self.source_ips if self.direction == "in" else self.destination_ips):
            raise ValueError("source_ips, or destination_ips when the direction is out, may not be empty")
        return self


Rules = Annotated[list[Rule], Field(max_length=_MAX_RULES)]


class _Server(Body):
    id: int


class _Selector(Body):
    selector: str


class Target(Body):
    """A server, or all servers that a selector matches."""

    type: Literal["server", "label_selector"]
    server: _Server | None = None
    label_selector: _Selector | None = None


class _Create(Body):
    name: str
    labels: Labels = Field(default_factory=dict)
    rules: Rules = Field(default_factory=list)
    apply_to: list[Target] = Field(default_factory=list)


class _Apply(Body):
    apply_to: Annotated[list[Target], Field(min_length=1)]


class _Remove(Body):
    remove_from: Annotated[list[Target], Field(min_length=1)]


class _SetRules(Body):
    rules: Rules


def show(state: State, firewall: Firewall) -> dict[str, Any]:
    """Return a firewall as the API shows it."""
    applied: list[dict[str, Any]] = [{"type": "server", "server": {"id": key}} for key in firewall.servers]
    for selector in firewall.selectors:
        found = [{"type": "server", "server": {"id": item.id}} for item in state.servers if matches(selector, item.labels)]
        applied.append({"type": "label_selector", "label_selector": {"selector": selector}, "applied_to_resources": found})
    return {
        "id": firewall.id,
        "name": firewall.name,
        "labels": firewall.labels,
        "rules": firewall.rules,
        "applied_to": applied,
        "created": firewall.created.isoformat(),
    }


def of(state: State, server: Server) -> list[Firewall]:
    """Return the firewalls of a server."""
    return [
        item
        for item in state.firewalls
        if server.id in item.servers or any(matches(selector, server.labels) for selector in item.selectors)
    ]


def check_applicable(state: State, firewall: Firewall, server: Server) -> None:
    """Refuse to apply a firewall to a server.

    Raises:
        ApiError: It cannot be.
    """
    if server.id in firewall.servers:
        raise ApiError("firewall_already_applied", f"{_KIND} {firewall.id} is applied to server {server.id} already")
    if len(of(state, server)) >= _MAX_OF_SERVER:
        raise ApiError("resource_limit_exceeded", f"server {server.id} has {_MAX_OF_SERVER} firewalls already")
    if not of_server(state, server, "ipv4") and not of_server(state, server, "ipv6"):
        raise ApiError("private_net_only_server", f"server {server.id} has no public interface")


def _apply_one(state: State, firewall: Firewall, target: Target) -> Action:
    if target.type == "label_selector" and target.label_selector:
        selector = target.label_selector.selector
        matches(selector, {})
        if selector in firewall.selectors:
            raise ApiError("firewall_already_applied", f"{_KIND} {firewall.id} is applied to {selector!r} already")
        firewall.selectors.append(selector)
        return state.done("apply_firewall", (_KIND, firewall.id))
    if target.server is None:
        raise invalid("apply_to", "what its type names is missing")
    if target.server.id not in state.servers:
        raise ApiError("firewall_resource_not_found", f"server {target.server.id} not found")
    check_applicable(state, firewall, state.servers.get(target.server.id))
    firewall.servers.append(target.server.id)
    return state.done("apply_firewall", (_KIND, firewall.id), ("server", target.server.id))


def _remove_one(state: State, firewall: Firewall, target: Target) -> Action:
    gone = ApiError("firewall_already_removed", f"{_KIND} {firewall.id} is not applied to it")
    if target.type == "label_selector" and target.label_selector:
        if target.label_selector.selector not in firewall.selectors:
            raise gone
        firewall.selectors.remove(target.label_selector.selector)
        return state.done("remove_firewall", (_KIND, firewall.id))
    if target.server is None:
        raise invalid("remove_from", "what its type names is missing")
    if target.server.id not in firewall.servers:
        raise gone
    firewall.servers.remove(target.server.id)
    return state.done("remove_firewall", (_KIND, firewall.id), ("server", target.server.id))


def _each(
    change: Callable[[State, Firewall, Target], Action], state: State, firewall: Firewall, targets: Sequence[Target]
) -> list[dict[str, Any]]:
    """Change all targets, or none if one is refused."""
    before = [*firewall.servers], [*firewall.selectors]
    try:
        return [show_action(change(state, firewall, target)) for target in targets]
    except ApiError:
        firewall.servers, firewall.selectors = before
        raise


def _create(call: Call) -> Answer:
    wanted, state = call.body(_Create), call.state
    rules = [rule.model_dump() for rule in wanted.rules]
    firewall = Firewall(id=state.new_id(), name=wanted.name, labels=wanted.labels, rules=rules)
    state.firewalls.check_name(wanted.name)
    applied = _each(_apply_one, state, firewall, wanted.apply_to)
    state.firewalls.add(firewall)
    actions = [show_action(state.done("set_firewall_rules", (_KIND, firewall.id))), *applied]
    return created(firewall=show(state, firewall), actions=actions)


def _list(call: Call) -> Answer:
    return listing(call, "firewalls", (show(call.state, item) for item in call.state.firewalls))


def _get(call: Call) -> Answer:
    return ok(firewall=show(call.state, call.state.firewalls.get(call.id())))


def _update(call: Call) -> Answer:
    return ok(firewall=show(call.state, update(call, call.state.firewalls)))


def _delete(call: Call) -> Answer:
    firewall = call.state.firewalls.get(call.id())
    if firewall.servers or firewall.selectors:
        raise ApiError("resource_in_use", f"{_KIND} {firewall.id} is still applied")
    call.state.firewalls.remove(firewall.id)
    return no_content()


def _apply(call: Call) -> Answer:
    firewall = call.state.firewalls.get(call.id())
    return created(actions=_each(_apply_one, call.state, firewall, call.body(_Apply).apply_to))


def _remove(call: Call) -> Answer:
    firewall = call.state.firewalls.get(call.id())
    return created(actions=_each(_remove_one, call.state, firewall, call.body(_Remove).remove_from))


def _set_rules(call: Call) -> Answer:
    firewall = call.state.firewalls.get(call.id())
    firewall.rules = [rule.model_dump() for rule in call.body(_SetRules).rules]
    servers = [("server", item.id) for item in call.state.servers if firewall in of(call.state, item)]
    return created(actions=[show_action(call.state.done("set_firewall_rules", (_KIND, firewall.id), *servers))])


OPERATIONS: Operations = (
    *for_kind("/firewalls", _KIND),
    Operation("POST", "/firewalls", _create),
    Operation("GET", "/firewalls", _list),
    Operation("GET", "/firewalls/{id}", _get),
    Operation("PUT", "/firewalls/{id}", _update),
    Operation("DELETE", "/firewalls/{id}", _delete),
    Operation("POST", "/firewalls/{id}/actions/apply_to_resources", _apply),
    Operation("POST", "/firewalls/{id}/actions/remove_from_resources", _remove),
    Operation("POST", "/firewalls/{id}/actions/set_rules", _set_rules),
)
