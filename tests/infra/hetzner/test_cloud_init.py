"""The user data of a new server: small, always the same, and what Debian 13's own cloud-init takes."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml

from infra.hetzner.cloud_init import LIMIT_BYTES, user_data
from infra.hetzner.prepare import PACKAGES, prepare_script
from infra.keys import public_half
from infra.paths import cache_folder
from infra.server import docker_daemon, sshd, upgrades
from ops.core.process import run
from tools.bootstrap.docker_engine import ensure_docker
from tools.emulation.images import SERVER, ensure_image

PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"


def rendered() -> str:
    return user_data(host_key=PRIVATE, host_key_public="ssh-ed25519 HOST", authorized_keys=["ssh-ed25519 A", "ssh-ed25519 B"])


@pytest.fixture
def config() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(rendered())
    return loaded


def test_the_host_key_is_the_programs_and_no_other_is_made(config: dict[str, Any]) -> None:
    assert config["ssh_keys"] == {"ed25519_private": PRIVATE, "ed25519_public": "ssh-ed25519 HOST"}
    assert config["ssh_deletekeys"] is True


def test_root_comes_in_by_key_alone(config: dict[str, Any]) -> None:
    assert config["users"] == [{"name": "root", "lock_passwd": True, "ssh_authorized_keys": ["ssh-ed25519 A", "ssh-ed25519 B"]}]
    assert (config["disable_root"], config["ssh_pwauth"]) == (False, False)


def test_what_must_be_right_from_the_first_second_is_what_the_release_has_later(config: dict[str, Any]) -> None:
    assert {file["path"]: file["content"] for file in config["write_files"]} == {
        sshd.PATH: sshd.sshd_config(),
        docker_daemon.PATH: docker_daemon.daemon_json(ipv6=True),
        upgrades.PATH: upgrades.unattended_upgrades(),
    }
    assert {(file["owner"], file["permissions"]) for file in config["write_files"]} == {("root:root", "0644")}


def test_it_ends_with_the_script_that_can_be_run_again(config: dict[str, Any]) -> None:
    assert config["runcmd"] == [["sh", "-c", prepare_script()]]


def test_it_is_cloud_config_far_below_the_limit_and_always_the_same() -> None:
    text = rendered()
    assert text.startswith("#cloud-config\n")
    assert len(text.encode()) < LIMIT_BYTES / 3
    assert text == rendered()


@pytest.mark.system
def test_cloud_init_of_debian_13_knows_every_key() -> None:
    with contextlib.closing(docker.DockerClient(base_url=ensure_docker(), timeout=300)) as client:
        image = ensure_image("server", SERVER, client, cache_folder("offline"))
    schema = ["sh", "-c", "cat > /tmp/given; cloud-init schema --config-file /tmp/given"]
    shell = ["docker", "run", "--rm", "--interactive", "--network", "none", image, *schema]
    assert "Valid schema" in run(shell, stdin=rendered(), timeout=60.0).stdout
    slip = rendered().replace("ssh_pwauth", "ssh_password_auth")
    assert "ssh_password_auth" in run(shell, stdin=slip, timeout=60.0, check=False).stderr


def test_the_script_is_one_for_any_shell_and_names_every_package() -> None:
    run(["sh", "-n"], stdin=prepare_script(), timeout=10.0)
    assert f"for package in {' '.join(PACKAGES)}; do" in prepare_script()
    assert list(PACKAGES) == sorted(PACKAGES)


def test_the_public_half_is_what_ssh_keygen_says(tmp_path: Path) -> None:
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", tmp_path / "key"], timeout=10.0)
    assert public_half((tmp_path / "key").read_text()) == (tmp_path / "key.pub").read_text().strip()
