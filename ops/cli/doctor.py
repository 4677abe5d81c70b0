"""`regops doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from ops.cli.printing import print_findings, print_json
from ops.cli.say import say
from ops.cli.shared import Json, end_with, stack_of
from ops.core.findings import Findings
from ops.core.locks import lock
from ops.registry.client import Login
from ops.registry.transport import Endpoint
from ops.runs.task import Outcome
from ops.tasks.doctor.remote import check_remote
from ops.tasks.doctor.run import DEPLOYED_PATIENCE_S, PATIENCE_S, check_host, check_registry

EXAMPLES = """\
Examples: `regops doctor` · `regops doctor --json` · `regops doctor registry.example.com` ·
`regops doctor registry.example.com --user anna`
"""
_LOCK = "canary"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


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


@app.command(epilog=EXAMPLES)
def doctor(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", callback=_name, help="Check any registry, from this machine alone.")
    ] = None,
    *,
    user: Annotated[str | None, typer.Option(metavar="ACCOUNT", help="With NAME: push a canary; asks for the password.")] = None,
    url: Annotated[str | None, typer.Option(callback=_url, help="Where clients reach it, if not where the stack says.")] = None,
    ca: Annotated[Path | None, typer.Option(metavar="FILE", help="The CA of its certificate, if not a public one.")] = None,
    resolve: Annotated[
        list[str], typer.Option(callback=_resolve, metavar="HOST:ADDRESS", help="Do not ask DNS for this one.")
    ] = [],  # noqa: B006
    registry: Annotated[bool, typer.Option("--registry", help="Only check what users see, nothing of this host.")] = False,
    post_deploy: Annotated[bool, typer.Option("--post-deploy", help="As `up` does: --registry, more patiently.")] = False,
    patience: Annotated[float | None, typer.Option(metavar="SECONDS", help="How long to wait for an answer.")] = None,
    as_json: Json = False,
) -> None:
    """Find what is wrong, and say what to do about it.

    It checks the host and what runs on it, and pushes and pulls a canary as users do. With NAME it needs no stack: it checks
    that registry from this machine, as a client.
    """
    named = {host.lower(): address for host, _, address in (text.partition(":") for text in resolve)}
    if name is not None:
        if url or registry or post_deploy:
            raise typer.BadParameter("checks another machine; --url, --registry and --post-deploy are for a stack of this host")
        raise typer.Exit(_remote(Endpoint(name, ca, named), user, patience or 0.0, as_json=as_json))
    if user is not None:
        raise typer.BadParameter("needs NAME; on its own host, the doctor signs in as the operator", param_hint="--user")
    stack = stack_of(context)
    config = stack.config
    patience_s = patience if patience is not None else DEPLOYED_PATIENCE_S if post_deploy else PATIENCE_S
    endpoint = Endpoint(url or config.url, ca or config.ca, named or config.resolve)

    def work() -> Outcome:
        around = [] if registry or post_deploy else check_host(stack, endpoint)
        seen = check_registry(
            stack, endpoint, new=post_deploy, patience_s=patience_s, tell=lambda reason: say(f"waiting: {reason}")
        )
        findings = Findings([*around, *seen])
        _show(endpoint, findings, as_json=as_json)
        return Outcome(findings.exit_code, findings.summary)

    if not post_deploy and (url or ca or named):
        # Of no other address is known whether it is right: what is found there is no state of the registry.
        with lock(stack.lock_file(_LOCK), "doctor", patience=patience_s):
            raise typer.Exit(work().exit_code)
    end_with(stack, "doctor", work, lock=_LOCK, wait_s=patience_s)


def _remote(endpoint: Endpoint, user: str | None, patience_s: float, *, as_json: bool) -> int:
    login = Login(user, _password(user)) if user is not None else None
    findings = Findings(check_remote(endpoint, login, patience_s=patience_s, tell=lambda reason: say(f"waiting: {reason}")))
    _show(endpoint, findings, as_json=as_json)
    return findings.exit_code


def _password(user: str) -> str:
    """Ask for a password on a terminal; otherwise read a line of standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt(f"Password of {user}", hide_input=True, err=True))
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise typer.BadParameter("needs a password: type it, or send it as a line on standard input", param_hint="--user")
    return password


def _show(endpoint: Endpoint, findings: Findings, *, as_json: bool) -> None:
    if as_json:
        print_json({"url": endpoint.url, **findings.document()})
    else:
        print_findings(findings)
