"""Renders what CrowdSec reads: which log, which requests are no attack, and what is done before its image's own start."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Literal

import yaml

from ops.config import Strict

LOG_FILE = "/var/log/caddy/access.log"
# The image's release of 1.7 calls a bouncer by its secret's file name after `bouncer_`, later ones after `bouncer_key_`:
# https://github.com/crowdsecurity/crowdsec/issues/4301
KEY_FILE = "/run/secrets/bouncer_key_edge"
_BOUNCERS = ("edge", "key_edge")
_ALLOW_LIST = "protection.allow"
_READS = "evt.Meta.http_verb in ['GET', 'HEAD']"
_DIGEST = "(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})"
_NAME = "[a-z0-9._/-]+"
# All paths but those of the page at `/`. A page that is left open goes on asking when nobody is signed on any more.
_KNOWN_PATHS = ("v2", "auth", "oauth2", "grafana", "prometheus", "portainer")


class Labels(Strict):
    """Which parser is used."""

    type: str


class Acquisition(Strict):
    """A log that is read: https://docs.crowdsec.net/docs/log_processor/data_sources/file/ ."""

    source: Literal["file"] = "file"
    filenames: tuple[str, ...]
    # A log that is not there yet is waited for, and one that is rotated is read on under its name.
    force_inotify: bool = True
    labels: Labels


class Whitelist(Strict):
    """Requests that count for no scenario: those for which one of the expressions is true."""

    reason: str
    expression: tuple[str, ...]


class WhitelistParser(Strict):
    """A parser that whitelists: https://docs.crowdsec.net/docs/log_processor/whitelist/format/ ."""

    name: str
    description: str
    filter: str
    whitelist: Whitelist


class Static(Strict):
    """A value that a parser sets."""

    meta: str
    value: str


class Parser(Strict):
    """A parser that sets values: https://docs.crowdsec.net/docs/log_processor/parsers/format/ ."""

    name: str
    description: str
    filter: str
    statics: tuple[Static, ...]


def acquisition() -> str:
    """Return acquis.yaml: the edge's access log."""
    return _render(Acquisition(filenames=(LOG_FILE,), labels=Labels(type="caddy")))


def request_parsers() -> str:
    """Return what the hub's parsers and scenarios do not know of requests to this registry.

    They run last in the stage `s02-enrich`: before the hub's own parser of requests has been there, a request has no path.
    """
    return "---\n".join(map(_render, (_clients(), _signed_out())))


def _clients() -> WhitelistParser:
    """Return the parser that knows what registry clients do.

    Pushes ask for blobs that are not there yet, pulls fetch many files in a row, and everybody is first refused: to the
    scenarios of the collection `crowdsecurity/caddy` that is probing, crawling and guessing. What is left to them: names that do
    not exist, passwords, and all paths but the registry's. A request for a tag that does not exist stays as well, since tags can
    be guessed; who pushes more than ten new ones in some seconds is put on the allow list.

    The host is not looked at: every address of the edge serves the same registry, under names and ports that clients choose.
    """
    return WhitelistParser(
        name="private-registry/clients",
        description="Requests of registry clients",
        filter="evt.Meta.log_type == 'http_access-log' && evt.Parsed.request startsWith '/v2/'",
        whitelist=Whitelist(
            reason="a registry client's ordinary request",
            expression=(
                # Pulls.
                f"{_READS} && evt.Meta.http_status in ['200', '206', '302', '304', '307']",
                # Whether content is there. No digest can be guessed.
                f"{_READS} && evt.Meta.http_status == '404'"
                f" && evt.Parsed.request matches '^/v2/{_NAME}/(blobs|manifests|referrers)/{_DIGEST}$'",
                # Signatures: tags made of a digest, as cosign and the referrers' fallback name them.
                f"{_READS} && evt.Meta.http_status == '404'"
                f" && evt.Parsed.request matches '^/v2/{_NAME}/manifests/sha256-[a-f0-9]{{64}}([.](sig|att|sbom))?$'",
                # The challenge that tells clients where tokens are; and uploads whose token has run out.
                "evt.Meta.http_status == '401' && evt.Parsed.request == '/v2/'",
                "evt.Meta.http_status == '401' && evt.Meta.http_verb in ['POST', 'PATCH', 'PUT']"
                f" && evt.Parsed.request matches '^/v2/{_NAME}/blobs/uploads/'",
            ),
        ),
    )


def _signed_out() -> Parser:
    """Return the parser that lets scenarios see what the page at `/` hides.

    It is behind sign-on, and so is every path that does not exist: a scanner is sent to sign on, and never told that there is no
    WordPress. Scenarios count what does not exist.
    """
    known = "|".join(_KNOWN_PATHS)
    return Parser(
        name="private-registry/signed-out",
        description="Paths below the page for which nobody is signed on",
        filter="evt.Meta.log_type == 'http_access-log' && evt.Meta.http_status in ['302', '401']"
        f" && !(evt.Parsed.request matches '^/({known})(/|$)')",
        statics=(Static(meta="http_status", value="404"),),
    )


def start_script(etc: str, *, allow: Sequence[str]) -> str:
    """Return the script that the container starts, and that ends in the image's own.

    The image registers a bouncer when it knows none of that name, and never looks at its key again. Without the old entry a
    start registers the key of the day, so that a new one needs no more than a new container.

    Args:
        etc: The folder with our files for /etc/crowdsec.
        allow: Networks that are never banned, also not by the community's list.
    """
    allowed = f"cscli allowlists add {_ALLOW_LIST} {shlex.join(allow)}\n" if allow else ""
    return f"""\
#!/bin/bash
# Written by the Pulumi program; changes are overwritten.
set -e
# The image does this for an empty folder only, and would miss what a newer one brings.
rsync -rl --ignore-existing /staging/etc/crowdsec/ /etc/crowdsec/
cp -r {etc}/. /etc/crowdsec/
cscli bouncers delete {" ".join(_BOUNCERS)} --ignore-missing
cscli allowlists delete {_ALLOW_LIST} || true
cscli allowlists create {_ALLOW_LIST} --description "networks of the stack's settings"
{allowed}exec /bin/bash /docker_start.sh
"""


def _render(document: Strict) -> str:
    return yaml.safe_dump(document.model_dump(mode="json"), sort_keys=False, width=1000)
