"""The Caddyfile: the exact files of a local stack, and what differs on a public one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from stack_components.edge.component import parts
from tests.plans import BARE, plan_of

EXPECTED = Path(__file__).parent / "expected"


def files(**raw: Any) -> dict[str, str]:
    """The files of a stack by path."""
    (part,) = parts(plan_of(**raw))
    return {path: content.decode() for path, content in part.files.items()}


def sites(**raw: Any) -> str:
    return files(**raw)["sites.d/sites.caddy"]


def test_the_files_of_a_local_stack() -> None:
    expected = {path.relative_to(EXPECTED).as_posix(): path.read_text() for path in EXPECTED.rglob("*") if path.is_file()}
    assert files(registry={"max_upload_gb": 5}, protection={"enabled": False}) == expected


def test_a_local_stack_answers_to_the_name_it_is_given() -> None:
    text = sites(registry_host="registry.test:8080")
    assert "\nhttps://registry.test:443, https://localhost:443, https://127.0.0.1:443 {\n" in text
    assert text.count("https://") == 3


def test_a_stack_that_listens_to_the_network_answers_to_that_address() -> None:
    assert "\nhttps://192.0.2.1:443, https://localhost:443, https://127.0.0.1:443 {\n" in sites(edge={"bind": "192.0.2.1"})
    anywhere = sites(edge={"bind": "0.0.0.0"}, registry_host="registry.test")  # noqa: S104
    assert "\nhttps://registry.test:443, https://localhost:443, https://127.0.0.1:443 {\n" in anywhere


def test_a_public_site_gets_certificates_redirects_and_strict_transport() -> None:
    found = files(place="hetzner", registry_host="registry.example.com", edge={"acme_email": "ann@example.com"})
    assert """
https://registry.example.com, https://registry.example.com:8444 {
	import access_log
	import bouncer
	import clients
	header Strict-Transport-Security "max-age=31536000"
	import registry
	import pages
}
""" in found["sites.d/sites.caddy"]
    assert "\temail ann@example.com\n" in found["Caddyfile"]
    assert "protocols h1 h2 h3\n" in found["Caddyfile"]
    for local in ("disable_redirects", "skip_install_trust", "default_sni", "tls internal"):
        assert local not in "".join(found.values())


def test_http3_is_offered_only_where_its_port_is_published() -> None:
    public = {"place": "hetzner", "registry_host": "registry.example.com"}
    assert "protocols h1 h2\n" in files(**public, edge={"https_port": 5443})["Caddyfile"]
    assert "protocols h1 h2\n" in files()["Caddyfile"]


def test_plain_http_promises_no_strict_transport() -> None:
    assert "Strict-Transport-Security" not in sites()


def test_every_site_carries_the_routes_the_log_and_the_bouncer() -> None:
    text = sites(place="hetzner", registry_host="registry.example.com")
    for snippet in ("registry", "pages", "access_log", "bouncer", "clients"):
        assert text.count(f"import {snippet}\n") == 2


def test_a_stock_caddy_understands_everything_but_the_bouncers_two_files() -> None:
    without, with_bouncer = files(protection={"enabled": False}), files()
    changed = {path for path in with_bouncer if with_bouncer[path] != without.get(path)}
    assert changed == {"globals.d/crowdsec.caddy", "snippets.d/bouncer.caddy"}


def test_pages_of_services_that_do_not_run_are_not_there() -> None:
    pages = files(**BARE)["snippets.d/pages.caddy"]
    assert "reverse_proxy" not in pages
    assert pages.endswith("\thandle {\n\t\trespond 404\n\t}\n\n}\n")
    everything = files(management={"enabled": True})["snippets.d/pages.caddy"]
    for upstream in ("grafana:3000", "prometheus:9090", "portainer:9000", "ui:8080", "console:8080"):
        assert everything.count(f"reverse_proxy {upstream} {{\n") == 1
    assert everything.count("import sign_on\n") == 5


def test_everybody_sees_the_status_only_where_the_settings_say_so() -> None:
    assert "/status" not in files()["snippets.d/pages.caddy"]
    assert "/status" not in files(**BARE)["snippets.d/pages.caddy"]
    public = files(console={"public_status": True})["snippets.d/pages.caddy"]
    (block,) = re.findall(r"\thandle /status {.*?\n\t}\n", public, re.DOTALL)
    assert "import sign_on" not in block
    assert "import no_claims" in block
    assert "reverse_proxy console:8080" in block


def test_a_proxy_is_trusted_where_it_connects() -> None:
    trusted = {"trusted_proxies": ["127.0.0.0/8", "192.0.2.7", "2001:db8::/32"]}
    options = files(edge=trusted)["Caddyfile"]
    everywhere = "\t\ttrusted_proxies static 192.0.2.7/32 2001:db8::/32\n\t\ttrusted_proxies_strict\n"
    here = "\t\ttrusted_proxies static 192.0.2.7/32 2001:db8::/32 {$HOST_ADDRESS}\n\t\ttrusted_proxies_strict\n"
    assert (options.count(everywhere), options.count(here)) == (1, 1)
    assert options.index("\tservers {\n") < options.index(everywhere) < options.index("\tservers :8080 {\n") < options.index(here)
    public = files(place="hetzner", registry_host="registry.example.com", edge={"trusted_proxies": ["192.0.2.7"]})["Caddyfile"]
    assert public.count("trusted_proxies static 192.0.2.7/32\n") == 2  # with TLS, and with TLS by IPv6
    assert "trusted_proxies" not in "".join(text for path, text in files().items() if path != "snippets.d/clients.caddy")


@pytest.mark.parametrize("secret_port", ["5001", "6379"])
def test_ports_that_must_stay_inside_are_not_routed(secret_port: str) -> None:
    assert secret_port not in "".join(files().values())


def test_clients_of_ipv6_have_ports_of_their_own_without_http3() -> None:
    found = files(place="hetzner", registry_host="registry.example.com")
    assert "\tservers :8444 {\n\t\tprotocols h1 h2\n" in found["Caddyfile"]
    assert (
        "http://registry.example.com:8081 {\n\tredir https://registry.example.com{uri} 308\n}\n" in found["sites.d/sites.caddy"]
    )
    without = files(place="hetzner", registry_host="registry.example.com", edge={"ipv6": False})
    assert "8444" not in "".join(without.values())
    assert "8081" not in "".join(without.values())
