"""A recovery kit is whole or it says so: sealed, opened, shown, and tried, without Pulumi and without a stack."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyrage
import pytest

from infra.paths import PROJECT_FOLDER
from ops.config import KitBackups, KitRequest
from ops.core.process import Completed
from ops.tasks.kit.model import KitError, seal, settings_in, unseal
from ops.tasks.kit.page import page
from ops.tasks.kit.verify import verify_kit
from ops.tasks.kit.write import write_kit
from tests.ops import command_line
from tests.ops.tasks.kit import quick_age

WORDS = "opens the kit"
ENCRYPT = pyrage.passphrase.encrypt
# Made by `pulumi stack init` 3.259 with this passphrase.
PASSPHRASE = "correct horse battery staple"
SALT = "v1:44D7+bp8QQc=:v1:HTX7y2znOaKKPIUM:sAcFck6LNtJIOGcxq0m30/k3OFHNNA=="
STATE = {
    "version": 3,
    "deployment": {
        "secrets_providers": {"type": "passphrase", "state": {"salt": SALT}},
        "resources": [{"type": "pulumi:pulumi:Stack"}],
        "pending_operations": [{"type": "creating"}],
    },
}
FILES = {
    "README.md": "# What to do\n",
    "Pulumi.prod.yaml": "config: {}\n",
    "state.json": json.dumps(STATE),
    "passphrase": f"{PASSPHRASE}\n",
    "backups.env": "RESTIC_REPOSITORY=/nowhere/at/all\nRESTIC_PASSWORD=one\nSECOND_PASSWORD='two words'\n",
}


def regops(*words: str | Path) -> Completed:
    """Run the verb on a machine without a stack."""
    environment = {"REGOPS_KIT_PASSPHRASE": WORDS, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(PROJECT_FOLDER)}
    return command_line.regops(None, "kit", *words, environment=environment)


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Kits that open at once; the first test below seals a real one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyrage.passphrase, "encrypt", quick_age.encrypt)
        yield


@pytest.fixture(scope="module")
def sealed(quick: None) -> bytes:  # noqa: ARG001
    return seal(FILES, WORDS)


@pytest.fixture(scope="module")
def kit(sealed: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("kit") / "kit.age"
    file.write_bytes(sealed)
    return file


def test_what_was_sealed_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyrage.passphrase, "encrypt", ENCRYPT)
    sealed = seal(FILES, WORDS)
    assert unseal(sealed, WORDS) == FILES
    assert PASSPHRASE.encode() not in sealed


def test_one_that_was_armoured_to_be_printed_or_mailed_is_opened_too(sealed: bytes) -> None:
    packed = pyrage.passphrase.decrypt(sealed, WORDS)
    assert unseal(pyrage.passphrase.encrypt(packed, WORDS, armored=True), WORDS) == FILES


def test_another_passphrase_a_flipped_byte_or_another_file_are_told(sealed: bytes) -> None:
    flipped = bytearray(sealed)
    flipped[-3] ^= 1
    for content, passphrase, said in (
        (sealed, "another one", "does not open"),
        (bytes(flipped), WORDS, "damaged"),
        (b"PK\x03\x04", WORDS, "no recovery kit"),
        (pyrage.passphrase.encrypt(b"no tar file", WORDS), WORDS, "no recovery kit"),
    ):
        with pytest.raises(KitError, match=said):
            unseal(content, passphrase)


@pytest.mark.parametrize("name", ["../Pulumi.prod.yaml", ".profile"])
def test_a_file_that_would_go_elsewhere_is_refused(name: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(KitError, match="a file called"):
        unseal(pyrage.passphrase.encrypt(packed.getvalue(), WORDS), WORDS)


def test_it_is_shown_and_opened_for_its_owner_alone(kit: Path, tmp_path: Path) -> None:
    shown = regops("show", kit)
    assert [line.split()[0] for line in shown.stdout.splitlines()] == list(FILES)
    assert regops("show", kit, "README.md").stdout == FILES["README.md"]
    folder = tmp_path / "opened"
    assert regops("open", kit, folder).returncode == 0
    assert {path.name: path.read_text() for path in folder.iterdir()} == FILES
    assert {path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())} == {0o700, 0o600}
    again = regops("open", kit, folder)
    assert (again.returncode, "exists already" in again.stderr) == (1, True)
    assert regops("show", tmp_path / "none.age").returncode == 1


def test_a_whole_one_is_proven(kit: Path) -> None:
    told = regops("verify", kit, "--offline")
    assert (told.returncode, told.stdout.splitlines()) == (
        0,
        ["ok       Pulumi.prod.yaml is there", "ok       the state has 1 resources, and its passphrase opens it"],
    )
    document = json.loads(regops("verify", kit, "--offline", "--json").stdout)
    assert document["kit"]["problems"] == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"passphrase": "another one\n"}, "state: the passphrase in the kit does not open it"),
        ({"passphrase": None}, "state: the passphrase in the kit does not open it"),
        ({"state.json": '{"deployment": {'}, "state: it is missing or damaged"),
        ({"state.json": None}, "state: it is missing or damaged"),
        ({"Pulumi.prod.yaml": None}, "settings: this kit has no settings"),
        ({"backups.env": None}, "backups: this stack has none"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_named(change: Mapping[str, str | None], problem: str) -> None:
    files = {name: text for name, text in {**FILES, **change}.items() if text is not None}
    found = verify_kit(files, offline=True)
    assert [one for one in found.problems if one.startswith(problem)]
    assert found.exit_code == 12


def test_backups_that_are_not_there_are_a_problem() -> None:
    (problem,) = verify_kit(FILES).problems
    assert problem.startswith("backups: ")


def test_secrets_that_are_kept_elsewhere_are_named() -> None:
    state = {"deployment": {"secrets_providers": {"type": "cloud"}, "resources": []}}
    found = verify_kit({**FILES, "state.json": json.dumps(state)}, offline=True)
    assert "kept by cloud" in " ".join(found.proven)


def request(file: Path, **change: object) -> KitRequest:
    backups = KitBackups(target="ssh://u@box.example.com:23/backups/restic", password="one", second_password="two words")
    given = {"file": str(file), "passphrase": WORDS, "stack": "prod", "settings": "config: {}\n"}
    return KitRequest.model_validate({**given, "made_of": "", "backups": backups, **change})


@pytest.fixture
def exporting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that stands in for `pulumi stack export`."""
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(STATE)}\nEND\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


def test_what_is_written_is_complete(exporting: Path, tmp_path: Path) -> None:
    assert exporting.exists()
    file = tmp_path / "usb" / "kit.age"
    assert "keep a copy of it" in write_kit(request(file), {"PULUMI_CONFIG_PASSPHRASE": PASSPHRASE})
    assert file.stat().st_mode & 0o777 == 0o600
    files = unseal(file.read_bytes(), WORDS)
    assert settings_in(files) == "Pulumi.prod.yaml"
    assert "pending_operations" not in json.loads(files["state.json"])["deployment"]
    assert "sftp://u@box.example.com:23/backups/restic" in files["backups.env"]
    assert verify_kit(files, offline=True).exit_code == 0
    passphrase = tmp_path / "passphrase"
    passphrase.write_text(f"{PASSPHRASE}\n")
    keyed = request(file, backups={**request(file).model_dump()["backups"], "key": "KEY", "host_key": "ssh-ed25519 AAAA"})
    write_kit(keyed, {"PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase)})
    files = unseal(file.read_bytes(), WORDS)
    assert (files["backup-key"], files["known_hosts"]) == ("KEY", "[box.example.com]:23 ssh-ed25519 AAAA\n")


def test_the_passphrase_is_the_one_that_pulumi_takes(exporting: Path, tmp_path: Path) -> None:
    assert exporting.exists()
    file, other = tmp_path / "kit.age", tmp_path / "passphrase"
    other.write_text("of another stack")
    write_kit(request(file), {"PULUMI_CONFIG_PASSPHRASE": PASSPHRASE, "PULUMI_CONFIG_PASSPHRASE_FILE": str(other)})
    assert verify_kit(unseal(file.read_bytes(), WORDS), offline=True).exit_code == 0


def test_a_request_is_the_same_from_every_clone() -> None:
    assert str(PROJECT_FOLDER) not in request(Path("~/kit.age")).model_dump_json()
    assert "project" not in KitRequest.model_fields


def test_a_kit_that_would_not_suffice_is_not_written(exporting: Path, tmp_path: Path) -> None:
    file = tmp_path / "kit.age"
    file.write_text("the one before")
    with pytest.raises(KitError, match="passphrase of the state"):
        write_kit(request(file), {})
    exporting.write_text("#!/bin/sh\necho locked >&2\nexit 1\n")
    with pytest.raises(KitError, match="locked"):
        write_kit(request(file), {"PULUMI_CONFIG_PASSPHRASE": PASSPHRASE})
    assert file.read_text() == "the one before"


def test_the_page_is_five_lines_long_and_asks_for_no_passphrase_that_is_kept_elsewhere() -> None:
    own, elsewhere = (page("prod", has_passphrase=has).split("```")[1].strip().splitlines() for has in (True, False))
    assert len(own) == len(elsewhere) == 5
    assert [line for line in own if "PASSPHRASE" in line] == [own[1]]
    assert elsewhere[1] == "export HCLOUD_TOKEN=…"
