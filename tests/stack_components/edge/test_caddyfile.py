"""The Caddyfile: the exact text of a local stack, and what differs on a public one."""

from __future__ import annotations

from typing import Any

import pytest

from infra.settings import parse
from stack_components.edge.caddyfile import Site, Upstreams, caddyfile
from stack_components.edge.component import parts

UPSTREAMS = Upstreams(registry="registry:5000", gateway="gateway:8080")


def of_stack(**raw: Any) -> str:
    (part,) = parts(parse(raw, stack="test"))
    return part.files["Caddyfile"].decode()


def of_sites(*sites: Site) -> str:
    return caddyfile(sites, UPSTREAMS, max_upload_gb=20, health_port=9180)


def test_caddyfile_of_a_local_stack() -> None:
    assert of_stack(registry={"max_upload_gb": 5}) == LOCAL


def test_a_local_stack_answers_to_the_name_it_is_given() -> None:
    text = of_stack(registry_host="registry.test:8080")
    assert "\nhttps://registry.test:8443, https://localhost:8443, https://127.0.0.1:8443 {\n\ttls internal\n" in text
    assert text.count("https://") == 3


def test_a_stack_that_listens_to_the_network_answers_to_that_address() -> None:
    assert "\nhttps://192.0.2.1:8443, https://localhost:8443, https://127.0.0.1:8443 {\n" in of_stack(edge={"bind": "192.0.2.1"})
    anywhere = of_stack(edge={"bind": "0.0.0.0"}, registry_host="registry.test")  # noqa: S104
    assert "\nhttps://registry.test:8443, https://localhost:8443, https://127.0.0.1:8443 {\n" in anywhere


def test_a_public_site_gets_certificates_redirects_and_strict_transport() -> None:
    text = of_sites(Site(["registry.example.com"], tls="public"))
    assert (
        """
registry.example.com {
	header Strict-Transport-Security "max-age=31536000"
	import registry
}
"""
        in text
    )
    for local in ("disable_redirects", "skip_install_trust", "default_sni", "tls internal"):
        assert local not in text


def test_plain_http_promises_no_strict_transport() -> None:
    assert "Strict-Transport-Security" not in of_sites(Site(["http://:8080"], tls=None), Site(["https://a:8443"], tls="internal"))


def test_every_site_carries_the_routes_and_the_gate() -> None:
    text = of_sites(Site(["http://:1"], tls=None), Site(["https://a:2"], tls="internal"), Site(["b.example.com"], tls="public"))
    assert text.count("import registry") == 3
    assert text.count("(registry) {") == 1


@pytest.mark.parametrize("secret_port", ["5001", "6379"])
def test_ports_that_must_stay_inside_are_not_routed(secret_port: str) -> None:
    assert secret_port not in of_stack()


LOCAL = """\
# Written by the Pulumi program; changes are overwritten.
{
	admin off
	persist_config off
	storage file_system /data
	auto_https disable_redirects
	skip_install_trust
	default_sni 127.0.0.1
	servers {
		# HTTP/3 would be offered at a UDP port that is not published.
		protocols h1 h2
		max_header_size 32KB
		# No limit on bodies: a slow client may take an hour for a layer.
		timeouts {
			read_header 10s
			idle 2m
		}
	}
	log default {
		output stdout
		format json
		level INFO
	}
}

(registry) {
	log {
		output file /var/log/caddy/access.log {
			mode 0640
			roll_size 50MiB
			roll_keep 5
			roll_keep_for 336h
		}
		format json
	}
	header {
		-Server
		-Via
		X-Content-Type-Options nosniff
		Referrer-Policy strict-origin-when-cross-origin
	}

	# The gate: while this file exists, writes are refused and pulls go on.
	@gated {
		method POST PUT PATCH DELETE
		path /v2/*
		file {
			root /run/gate
			try_files /read-only
		}
	}
	handle @gated {
		header Retry-After 5
		header Content-Type application/json
		respond `{"errors":[{"code":"UNAVAILABLE","message":"the registry is read-only for maintenance; try again shortly"}]}` 503
	}

	@registry path /v2 /v2/*
	handle @registry {
		request_body {
			max_size 5GB
		}
		reverse_proxy registry:5000 {
			# Requests not yet sent wait for a service that is being replaced.
			lb_try_duration 45s
			lb_try_interval 250ms
			transport http {
				dial_timeout 5s
				response_header_timeout 15m
				compression off
				# Pulls are copied from here to the client: fewer, larger reads make them faster.
				read_buffer 256KB
			}
		}
	}

	handle /auth/token {
		request_body {
			max_size 64KB
		}
		reverse_proxy gateway:8080 {
			# Requests not yet sent wait for a service that is being replaced.
			lb_try_duration 20s
			lb_try_interval 250ms
		}
	}

	handle /healthz {
		respond "ok" 200
	}

	handle {
		respond 404
	}
}

http://:8080 {
	import registry
}

https://localhost:8443, https://127.0.0.1:8443 {
	tls internal
	import registry
}

# Not published: for the container's own healthcheck.
http://:9180 {
	respond /healthz 200
}
"""
