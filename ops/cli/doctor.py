"""`regops doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from ops.cli.shared import Json, print_findings, print_json, say, stack_of

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
    registry: Annotated[bool, typer.Option("--registry", help="Only what its users see, and nothing of this host.")] = False,
    post_deploy: Annotated[bool, typer.Option("--post-deploy", help="As `up` does: --registry, anew, with patience.")] = False,
    patience: Annotated[float | None, typer.Option(metavar="SECONDS", help="How long to wait for what is away.")] = None,
    as_json: Json = False,
) -> None:
    """Say what is wrong, and what to do about it: the host, what runs on it, and a canary pushed and pulled as users do."""
    from ops.doctor import DEPLOYED_PATIENCE_S, PATIENCE_S, examine, look_around
    from ops.findings import Findings
    from ops.registry_endpoint import Endpoint
    from ops.runs.task import Outcome, run_task

    stack = stack_of(context)
    config = stack.config
    patience_s = patience if patience is not None else DEPLOYED_PATIENCE_S if post_deploy else PATIENCE_S
    named = {host.lower(): address for host, _, address in (text.partition(":") for text in resolve)}
    endpoint = Endpoint(url or config.url, ca or config.ca, named or config.resolve)

    def work() -> Outcome:
        around = [] if registry or post_deploy else look_around(stack, endpoint)
        seen = examine(stack, endpoint, new=post_deploy, patience_s=patience_s, tell=lambda reason: say(f"waiting: {reason}"))
        findings = Findings([*around, *seen])
        if as_json:
            print_json({"url": endpoint.url, **findings.document()})
        else:
            print_findings(findings)
        return Outcome(findings.exit_code, findings.summary)

    raise typer.Exit(run_task(stack, "doctor", work, lock_name=_LOCK, wait_s=patience_s, warn=say).exit_code)
