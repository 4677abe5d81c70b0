"""`regops doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from ops.cli.shared import Json, end_with, print_findings, print_json, say, stack_of

if TYPE_CHECKING:
    from ops.core.findings import Findings
    from ops.registry.transport import Endpoint

EXAMPLES = """\
Examples: `regops doctor` · `regops doctor --json` · `regops doctor registry.example.com` ·
`regops doctor registry.example.com --user anna`
"""
_LOCK = "canary"


def _url(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        url = urlsplit(text)
        sound = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        sound = False
    if not sound or url.username is not None or url.path.strip("/") or url.query or url.fragment:
        raise typer.BadParameter("should be https://HOST[:PORT], without an account")
    return f"{url.scheme}://{url.netloc}"


def _name(text: str | None) -> str | None:
    return _url(text if text is None or "://" in text else f"https://{text}")


def _resolve(texts: list[str]) -> list[str]:
    for text in texts:
        host, _, address = text.partition(":")
        if not host or not address:
            raise typer.BadParameter(f"{text!r} should be HOST:ADDRESS")
    return texts


def doctor(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", callback=_name, help="A registry anywhere, seen from this machine alone.")
    ] = None,
    *,
    user: Annotated[str | None, typer.Option(metavar="ACCOUNT", help="With NAME: push a canary; asks for the password.")] = None,
    url: Annotated[str | None, typer.Option(callback=_url, help="Where clients reach it, when not as the stack says.")] = None,
    ca: Annotated[Path | None, typer.Option(metavar="FILE", help="The authority of its certificate, when an own one.")] = None,
    resolve: Annotated[list[str], typer.Option(callback=_resolve, metavar="HOST:ADDRESS", help="Do not look this up.")] = [],  # noqa: B006
    registry: Annotated[bool, typer.Option("--registry", help="Only what its users see, and nothing of this host.")] = False,
    post_deploy: Annotated[bool, typer.Option("--post-deploy", help="As `up` does: --registry, anew, with patience.")] = False,
    patience: Annotated[float | None, typer.Option(metavar="SECONDS", help="How long to wait for what is away.")] = None,
    as_json: Json = False,
) -> None:
    """Say what is wrong, and what to do about it: the host, what runs on it, and a canary pushed and pulled as users do.

    With NAME it needs no stack: it looks at that registry from this machine, as a client of it.
    """
    from ops.core.findings import Findings
    from ops.registry.transport import Endpoint
    from ops.runs.task import Outcome
    from ops.tasks.doctor.run import DEPLOYED_PATIENCE_S, PATIENCE_S, examine, look_around

    named = {host.lower(): address for host, _, address in (text.partition(":") for text in resolve)}
    if name is not None:
        if url or registry or post_deploy:
            raise typer.BadParameter("is another machine's; --url, --registry and --post-deploy are for the own stack")
        raise typer.Exit(_outside(Endpoint(name, ca, named), user, patience or 0.0, as_json=as_json))
    if user is not None:
        raise typer.BadParameter("needs NAME; on its own host the doctor signs in as the operator", param_hint="--user")
    stack = stack_of(context)
    config = stack.config
    patience_s = patience if patience is not None else DEPLOYED_PATIENCE_S if post_deploy else PATIENCE_S
    endpoint = Endpoint(url or config.url, ca or config.ca, named or config.resolve)

    def work() -> Outcome:
        around = [] if registry or post_deploy else look_around(stack, endpoint)
        seen = examine(stack, endpoint, new=post_deploy, patience_s=patience_s, tell=lambda reason: say(f"waiting: {reason}"))
        findings = Findings([*around, *seen])
        _show(endpoint, findings, as_json=as_json)
        return Outcome(findings.exit_code, findings.summary)

    end_with(stack, "doctor", work, lock=_LOCK, wait_s=patience_s)


def _outside(endpoint: Endpoint, user: str | None, patience_s: float, *, as_json: bool) -> int:
    from ops.core.findings import Findings
    from ops.registry.client import Login
    from ops.tasks.doctor.remote import look

    login = Login(user, _password(user)) if user is not None else None
    findings = Findings(look(endpoint, login, patience_s=patience_s, tell=lambda reason: say(f"waiting: {reason}")))
    _show(endpoint, findings, as_json=as_json)
    return findings.exit_code


def _password(user: str) -> str:
    """Ask for a password; one that comes from another program is a line of its own."""
    if sys.stdin.isatty():
        return str(typer.prompt(f"Password of {user}", hide_input=True, err=True))
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise typer.BadParameter("needs a password: type it, or send it as a line to standard input", param_hint="--user")
    return password


def _show(endpoint: Endpoint, findings: Findings, *, as_json: bool) -> None:
    if as_json:
        print_json({"url": endpoint.url, **findings.document()})
    else:
        print_findings(findings)
