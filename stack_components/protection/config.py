"""Renders CrowdSec's configuration: which log it reads, which requests are not attacks, and the script that starts it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Literal

import yaml

from ops.config import Strict
from stack_components import access_log

# The image names a bouncer by its secret's file, without `bouncer_` in release 1.7, without `bouncer_key_` in later ones:
# https://github.com/crowdsecurity/crowdsec/issues/4301
KEY_FILE = "/run/secrets/bouncer_key_edge"
_BOUNCERS = ("edge", "key_edge")
_ALLOW_LIST = "protection.allow"
_READS = "evt.Meta.http_verb in ['GET', 'HEAD']"
_DIGEST = "(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})"
_NAME = "[a-z0-9._/-]+"
# All paths except those of the page at `/`. An open page keeps sending requests after its sign-on has expired.
_KNOWN_PATHS = ("v2", "auth", "oauth2", "grafana", "prometheus", "portainer", "ui", "console", "images")


class Labels(Strict):
    """Which parser is used."""

    type: str


class Acquisition(Strict):
    """A log that is read: https://docs.crowdsec.net/docs/log_processor/data_sources/file/ ."""

    source: Literal["file"] = "file"
    filenames: tuple[str, ...]
    # Waits for a log that does not exist yet, and follows a rotated log by its name.
    force_inotify: bool = True
    labels: Labels


class Whitelist(Strict):
    """Requests that no scenario counts: those for which one of the expressions is true."""

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
    return _render(Acquisition(filenames=(access_log.FILE,), labels=Labels(type="caddy")))


def request_parsers() -> str:
    """Return what the hub's parsers and scenarios do not know about requests to this registry.

    They run last in the stage `s02-enrich`, because a request only has a path after the hub's own parser for requests.
    """
    return "---\n".join(map(_render, (_clients(), _signed_out())))


def _clients() -> WhitelistParser:
    """Return the parser that whitelists what registry clients normally do.

    Pushes ask for blobs that do not exist yet, pulls fetch many files in a row, and everybody is refused first. To the scenarios
    of the collection `crowdsecurity/caddy` that looks like probing, crawling and guessing. They still count names that do not
    exist, wrong passwords, and all paths outside the registry. They also count requests for tags that do not exist, since tags
    can be guessed; a client that pushes more than ten new tags within seconds must be on the allow list.

    The host name is ignored: every address of the edge serves the same registry, by names and ports that clients choose.
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
                # Whether content exists. Digests cannot be guessed.
                f"{_READS} && evt.Meta.http_status == '404'"
                f" && evt.Parsed.request matches '^/v2/{_NAME}/(blobs|manifests|referrers)/{_DIGEST}$'",
                # Signatures: tags that contain a digest, as cosign and the referrers fallback use them.
                f"{_READS} && evt.Meta.http_status == '404'"
                f" && evt.Parsed.request matches '^/v2/{_NAME}/manifests/sha256-[a-f0-9]{{64}}([.](sig|att|sbom))?$'",
                # The challenge that tells clients where to get tokens, and uploads whose token has expired.
                "evt.Meta.http_status == '401' && evt.Parsed.request == '/v2/'",
                "evt.Meta.http_status == '401' && evt.Meta.http_verb in ['POST', 'PATCH', 'PUT']"
                f" && evt.Parsed.request matches '^/v2/{_NAME}/blobs/uploads/'",
            ),
        ),
    )


def _signed_out() -> Parser:
    """Return the parser that shows scenarios the 404s that sign-on hides.

    The page at `/` is behind sign-on, and so is every path that does not exist: a scanner for WordPress is sent to sign on
    instead of getting a 404. Scenarios count 404s.
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
    """Return the container's start script, which ends with the image's own.

    The image registers a bouncer if there is none of its name, and then never reads its key again. The script removes the old
    entry, so that each start registers the current key and a new key only needs a new container.

    Args:
        etc: The folder with our files for /etc/crowdsec.
        allow: Networks that are never banned, not even by the community's blocklist.
    """
    allowed = f"cscli allowlists add {_ALLOW_LIST} {shlex.join(allow)}\n" if allow else ""
    return f"""\
#!/bin/bash
# Written by the Pulumi program; changes are overwritten.
set -e
# The image only does this for an empty folder, which would miss the new files of a newer image.
rsync -rl --ignore-existing /staging/etc/crowdsec/ /etc/crowdsec/
cp -r {etc}/. /etc/crowdsec/
cscli bouncers delete {" ".join(_BOUNCERS)} --ignore-missing
cscli allowlists delete {_ALLOW_LIST} || true
cscli allowlists create {_ALLOW_LIST} --description "networks from the stack's settings"
{allowed}exec /bin/bash /docker_start.sh
"""


def _render(document: Strict) -> str:
    return yaml.safe_dump(document.model_dump(mode="json"), sort_keys=False, width=1000)
