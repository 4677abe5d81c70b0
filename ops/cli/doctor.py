"""`regops doctor`: whether the registry works, as its users see it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from ops.cli.shared import Json, print_json, say, stack_of

if TYPE_CHECKING:
    from ops.canary_check import Findings

EXAMPLES = "Examples: `regops doctor` · `regops doctor --json` · `regops doctor --url https://registry.example.com`"
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
        raise typer.BadParameter("should be https://HOST[:PORT]; the account is read from the secrets folder")
    return f"{url.scheme}://{url.netloc}"


def _resolve(texts: list[str]) -> list[str]:
    for text in texts:
        host, _, address = text.partition(":")
        if not host or not address:
            raise typer.BadParameter(f"{text!r} should be HOST:ADDRESS")
    return texts


def doctor(
    context: typer.Context,
    *,
    url: Annotated[str | None, typer.Option(callback=_url, help="Where clients reach it, when not as the stack says.")] = None,
    ca: Annotated[Path | None, typer.Option(metavar="FILE", help="The authority of its certificate, when an own one.")] = None,
    resolve: Annotated[list[str], typer.Option(callback=_resolve, metavar="HOST:ADDRESS", help="Do not look this up.")] = [],  # noqa: B006
    post_deploy: Annotated[bool, typer.Option("--post-deploy", help="After `up`: new content, and more patience.")] = False,
    patience: Annotated[float | None, typer.Option(metavar="SECONDS", help="How long to wait for what is away.")] = None,
    as_json: Json = False,
) -> None:
    """Push a canary, pull it as anybody, compare; say what is wrong, and what to do about it."""
    from ops.doctor import DEPLOYED_PATIENCE_S, PATIENCE_S, examine
    from ops.registry_endpoint import Endpoint
    from ops.runs.task import Outcome, run_task

    stack = stack_of(context)
    config = stack.config
    patience_s = patience if patience is not None else DEPLOYED_PATIENCE_S if post_deploy else PATIENCE_S
    named = {host.lower(): address for host, _, address in (text.partition(":") for text in resolve)}
    endpoint = Endpoint(url or config.url, ca or config.ca, named or config.resolve)

    def work() -> Outcome:
        findings = examine(
            stack, endpoint, post_deploy=post_deploy, patience_s=patience_s, tell=lambda reason: say(f"waiting: {reason}")
        )
        if as_json:
            print_json(
                {"url": endpoint.url, "exit_code": findings.exit_code, "checks": [vars(check) for check in findings.checks]}
            )
        else:
            _print(findings)
        return Outcome(findings.exit_code, _summary(findings))

    raise typer.Exit(run_task(stack, "doctor", work, lock_name=_LOCK, wait_s=patience_s, warn=say).exit_code)


def _summary(findings: Findings) -> str:
    from ops.canary_check import FAILED

    wrong = [f"{check.name}: {check.detail}" for check in findings.checks if check.state == FAILED]
    return wrong[0] if wrong else "the registry works"


def _print(findings: Findings) -> None:
    from ops.canary_check import FAILED

    for check in findings.checks:
        # What failed goes where it is seen in the program's log too.
        stream = sys.stderr if check.state == FAILED else sys.stdout
        stream.write(f"{check.state:8}{check.name}: {check.detail}\n")
        if check.remedy:
            stream.write(f"{'':8}remedy: {check.remedy}\n")
        stream.flush()  # in this order, wherever both go
