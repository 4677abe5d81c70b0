"""The configuration of oauth2-proxy: its exact text, and what the real program says of it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from infra.settings import Settings
from ops.core.process import Completed, run
from stack_components.sign_on.component import config
from stack_components.sign_on.config import OAuth2ProxyConfig, cookie_key, emails_file, render
from tests.plans import EVERYTHING, plan_of
from tests.real_programs import go_binary
from tests.stack_components.sign_on.proxy import on_this_machine, write_config

SETTINGS: Settings = plan_of(**EVERYTHING, registry_host="registry.example.com").settings
EXPECTED = """\
http_address = "oauth2-proxy.sign-on:4180"
provider = "oidc"
provider_display_name = "the identity provider"
oidc_issuer_url = "https://id.example.com"
client_id = "the-client"
client_secret = "the \\"secret\\\\"
redirect_url = "https://registry.example.com/oauth2/callback"
scope = "openid email"
code_challenge_method = "S256"
insecure_oidc_skip_nonce = false
authenticated_emails_file = "/etc/oauth2-proxy/emails"
cookie_name = "__Host-sign-on"
cookie_secret = "r8Pnz7e0WSZRBIx6OS0givhAd11jpAxLly8IB1owr6s="
cookie_secure = true
cookie_samesite = "lax"
cookie_expire = "12h0m0s"
session_cookie_minimal = true
set_xauthrequest = true
reverse_proxy = true
trusted_proxy_ips = ["127.0.0.1"]
request_logging = false
skip_provider_button = false
banner = "These pages are for the operators of this registry."
footer = "-"
custom_sign_in_logo = "-"
"""


def typical() -> OAuth2ProxyConfig:
    return config(SETTINGS, client_id="the-client", client_secret='the "secret\\', cookie_secret="the cookie secret")


def test_configuration_of_a_stack_on_a_server() -> None:
    assert render(typical()) == EXPECTED


@pytest.mark.parametrize("secret", ['"', "\\", "a\tb", "a\nb", "ä€😀", "'", "#", "{x}", "$HOME"])
def test_every_secret_is_read_as_it_is(secret: str) -> None:
    text = render(config(SETTINGS, client_id=secret, client_secret=secret, cookie_secret=secret))
    read = tomllib.loads(text)
    assert (read["client_id"], read["client_secret"]) == (secret, secret)


def test_secrets_do_not_show() -> None:
    assert "the-client" not in repr(typical())
    assert "secret\\" not in repr(typical())


def test_the_cookie_key_has_the_length_that_aes_takes_and_is_the_secret_s_own() -> None:
    keys = {cookie_key(secret) for secret in ("", "a", "b" * 43, "c" * 1000)}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {44}
    assert cookie_key("a") in keys


def test_one_address_a_line() -> None:
    assert emails_file(["ann@example.com", "bob@example.com"]) == "ann@example.com\nbob@example.com\n"


def checked(text: str, folder: Path) -> Completed:
    """What oauth2-proxy says of a configuration."""
    (folder / "oauth2-proxy.cfg").write_text(text)
    return run([go_binary("oauth2_proxy"), "--config", folder / "oauth2-proxy.cfg", "--config-test"], timeout=30, check=False)


@pytest.mark.system
def test_oauth2_proxy_accepts_the_configuration(tmp_path: Path) -> None:
    path = write_config(on_this_machine(SETTINGS, tmp_path), SETTINGS)
    completed = checked(path.read_text(), tmp_path)
    assert (completed.returncode, completed.stdout) == (0, "configuration is valid\n")
    assert "WARNING" not in completed.stderr


@pytest.mark.system
@pytest.mark.parametrize("key", list(OAuth2ProxyConfig.model_fields))
def test_oauth2_proxy_knows_every_key(key: str, tmp_path: Path) -> None:
    broken = re.sub(rf"^{key} = ", f"{key}_unknown = ", EXPECTED, flags=re.MULTILINE)
    completed = checked(broken, tmp_path)
    assert completed.returncode == 1
    assert f"has invalid keys: {key}_unknown" in completed.stderr


@pytest.mark.system
def test_oauth2_proxy_refuses_a_key_of_another_length(tmp_path: Path) -> None:
    completed = checked(re.sub(r'cookie_secret = ".*"', f"cookie_secret = {json.dumps('x' * 31)}", EXPECTED), tmp_path)
    assert completed.returncode == 1
    assert "cookie_secret must be 16, 24, or 32 bytes" in completed.stderr
