"""What CrowdSec reads: the exact texts."""

from __future__ import annotations

from stack_components.edge.caddyfile import caddyfile
from stack_components.edge.component import config
from stack_components.edge.pages import PAGES
from stack_components.protection import config as subject
from stack_components.protection.config import acquisition, request_parsers, start_script
from tests.plans import plan_of


def test_acquisition() -> None:
    assert (
        acquisition()
        == """\
source: file
filenames:
- /var/log/caddy/access.log
force_inotify: true
labels:
  type: caddy
"""
    )
    assert "output file /var/log/caddy/access.log {" in caddyfile(config(plan_of()))["snippets.d/access-log.caddy"]


def test_the_parsers_of_requests() -> None:
    assert request_parsers() == PARSERS


def test_the_paths_of_all_pages_are_known() -> None:
    assert {page.path.removeprefix("/") for page in PAGES.values() if page.path} <= set(subject._KNOWN_PATHS)


def test_the_start_script() -> None:
    assert start_script("/opt/protection/etc", allow=["198.51.100.0/24", "2001:db8::/32"]) == START
    nobody = start_script("/opt/protection/etc", allow=[])
    assert nobody == START.replace("cscli allowlists add protection.allow 198.51.100.0/24 2001:db8::/32\n", "")


PARSERS = r"""name: private-registry/clients
description: Requests of registry clients
filter: evt.Meta.log_type == 'http_access-log' && evt.Parsed.request startsWith '/v2/'
whitelist:
  reason: a registry client's ordinary request
  expression:
  - evt.Meta.http_verb in ['GET', 'HEAD'] && evt.Meta.http_status in ['200', '206', '302', '304', '307']
  - evt.Meta.http_verb in ['GET', 'HEAD'] && evt.Meta.http_status == '404' && evt.Parsed.request matches '^/v2/[a-z0-9._/-]+/(blobs|manifests|referrers)/(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$'
  - evt.Meta.http_verb in ['GET', 'HEAD'] && evt.Meta.http_status == '404' && evt.Parsed.request matches '^/v2/[a-z0-9._/-]+/manifests/sha256-[a-f0-9]{64}([.](sig|att|sbom))?$'
  - evt.Meta.http_status == '401' && evt.Parsed.request == '/v2/'
  - evt.Meta.http_status == '401' && evt.Meta.http_verb in ['POST', 'PATCH', 'PUT'] && evt.Parsed.request matches '^/v2/[a-z0-9._/-]+/blobs/uploads/'
---
name: private-registry/signed-out
description: Paths below the page for which nobody is signed on
filter: evt.Meta.log_type == 'http_access-log' && evt.Meta.http_status in ['302', '401'] && !(evt.Parsed.request matches '^/(v2|auth|oauth2|grafana|prometheus|portainer|ui|console|images)(/|$)')
statics:
- meta: http_status
  value: '404'
"""  # noqa: E501  # as CrowdSec reads it

START = """\
#!/bin/bash
# Written by the Pulumi program; changes are overwritten.
set -e
# The image only does this for an empty folder, which would miss the new files of a newer image.
rsync -rl --ignore-existing /staging/etc/crowdsec/ /etc/crowdsec/
cp -r /opt/protection/etc/. /etc/crowdsec/
cscli bouncers delete edge key_edge --ignore-missing
cscli allowlists delete protection.allow || true
cscli allowlists create protection.allow --description "networks from the stack's settings"
cscli allowlists add protection.allow 198.51.100.0/24 2001:db8::/32
exec /bin/bash /docker_start.sh
"""
