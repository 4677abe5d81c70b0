"""The Python packages in the release: ops itself, and what it needs, installed once into the cache."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra import site
from infra.paths import PROJECT_FOLDER
from ops.core.process import CommandError, Completed


class MockPip:
    """A MOCK of pip: puts one module and one script into the target, or fails halfway."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.fault: BaseException | None = None

    def __call__(self, argv: Sequence[str], **_options: Any) -> Completed:
        self.calls.append(list(argv))
        target = Path(self.option("target"))
        for path in ("package/__init__.py", "bin/tool"):
            (target / path).parent.mkdir(parents=True)
            (target / path).write_text(path)
        if self.fault:
            raise self.fault
        return Completed(tuple(argv), 0, "", "")

    def option(self, name: str) -> str:
        (value,) = [word.partition("=")[2] for word in self.calls[-1] if word.startswith(f"--{name}=")]
        return value


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MockPip:
    """Pip as a mock, an empty cache, and requirements of the test's own."""
    mock = MockPip()
    (tmp_path / "requirements.txt").write_text("package==1.0")
    monkeypatch.setattr(site, "run", mock)
    monkeypatch.setattr(site, "_REQUIREMENTS", tmp_path / "requirements.txt")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return mock


def cached(folder: Path) -> list[str]:
    entries = (folder / "cache" / "private-registry" / "site").iterdir()
    return [entry.name for entry in entries if not entry.name.endswith(".lock")]


def _pages() -> list[Path]:
    return [path for folder in ("templates", "static") for path in (PROJECT_FOLDER / "ops/console" / folder).iterdir()]


def test_the_ops_part_is_the_package_as_it_is_imported() -> None:
    files = site.ops_part().files
    assert {"ops/__init__.py", "ops/host/provision.py", "ops/gateway/__main__.py"} <= set(files)
    assert files["ops/host/provision.py"] == (PROJECT_FOLDER / "ops" / "host" / "provision.py").read_bytes()
    others = [path for path in files if not path.endswith(".py") or "test" in path or "__pycache__" in path]
    pages = [f"ops/console/{path.relative_to(PROJECT_FOLDER / 'ops/console')}" for path in _pages()]
    assert sorted(others) == sorted(["ops/catalogue/starter.yml", "ops/requirements-ui.txt", *pages])
    assert "ops/console/templates/home.html" in pages


def test_packages_are_installed_once(pip: MockPip, tmp_path: Path) -> None:
    one, other = site.site_part("x86_64"), site.site_part("x86_64")
    assert len(pip.calls) == 1
    assert one == other
    assert set(one.files) == {"package/__init__.py"}
    assert len(cached(tmp_path)) == 1


def test_packages_are_chosen_for_the_host_and_not_for_this_machine(pip: MockPip) -> None:
    site.site_part("aarch64")
    assert pip.option("python-version") == site.HOST_PYTHON == "3.13"
    platforms = [word for word in pip.calls[0] if word.startswith("--platform=")]
    assert platforms
    assert all(platform.endswith("_aarch64") for platform in platforms)
    assert {"--only-binary=:all:", "--require-hashes", "--no-deps"} <= set(pip.calls[0])


def test_a_package_may_need_a_newer_python_than_this_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The real pip holds `Requires-Python` against the Python that runs it, whatever --python-version says."""
    wheel = _wheel(tmp_path / "index", requires_python=">=3.13,<3.14")
    requirement = f"newer==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
    (tmp_path / "requirements.txt").write_text(requirement)
    monkeypatch.setattr(site, "_REQUIREMENTS", tmp_path / "requirements.txt")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert "newer.py" in site.site_part("x86_64").files


def test_another_machine_or_other_requirements_are_another_site(pip: MockPip, tmp_path: Path) -> None:
    site.site_part("x86_64")
    site.site_part("aarch64")
    (tmp_path / "requirements.txt").write_text("package==2.0")
    site.site_part("x86_64")
    assert len(pip.calls) == len(set(cached(tmp_path))) == 3


@pytest.mark.parametrize(
    ("fault", "told"),
    [(CommandError("no network"), pulumi.RunError), (KeyboardInterrupt(), KeyboardInterrupt), (OSError("disk full"), OSError)],
)
def test_an_interrupted_installation_leaves_nothing(
    pip: MockPip, tmp_path: Path, fault: BaseException, told: type[BaseException]
) -> None:
    pip.fault = fault
    with pytest.raises(told):
        site.site_part("x86_64")
    assert cached(tmp_path) == []
    pip.fault = None
    assert site.site_part("x86_64").files


def test_a_missing_package_index_is_told(pip: MockPip) -> None:
    pip.fault = CommandError("no network")
    with pytest.raises(pulumi.RunError, match=r"ops/requirements\.txt.*index reachable.*no network"):
        site.site_part("x86_64")


@pytest.mark.parametrize(("name", "machine"), [("AMD64", "x86_64"), ("x86_64", "x86_64"), ("arm64", "aarch64")])
def test_architectures_are_named_as_wheels_name_them(monkeypatch: pytest.MonkeyPatch, name: str, machine: str) -> None:
    monkeypatch.setattr("platform.machine", lambda: name)
    assert site.machine() == machine


def test_the_requirements_pin_every_package_by_hash() -> None:
    for file in ("requirements.txt", "requirements-ui.txt"):
        lines = (PROJECT_FOLDER / "ops" / file).read_text().splitlines()
        packages = [line for line in lines if line and not line.startswith((" ", "#"))]
        assert packages
        assert [line for line in packages if "==" not in line] == []


def test_an_extra_has_the_versions_that_a_release_has() -> None:
    """It is installed beside a release, whose packages are found first."""

    def versions(file: str) -> dict[str, str]:
        lines = (PROJECT_FOLDER / "ops" / file).read_text().splitlines()
        return dict(line.rstrip(" \\").split("==") for line in lines if "==" in line and not line.startswith((" ", "#")))

    release, extra = versions("requirements.txt"), versions("requirements-ui.txt")
    assert "textual" in extra.keys() - release.keys()
    assert {name: extra[name] for name in extra.keys() & release.keys()} == {
        name: release[name] for name in extra.keys() & release.keys()
    }


def _wheel(folder: Path, *, requires_python: str) -> Path:
    """Write a wheel of one module and return its path."""
    info = "newer-1.0.dist-info"
    files = {
        "newer.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: newer\nVersion: 1.0\nRequires-Python: {requires_python}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {path: hashlib.sha256(content.encode()).digest() for path, content in files.items()}
    hashes = {path: base64.urlsafe_b64encode(digest).decode().rstrip("=") for path, digest in digests.items()}
    record = [f"{path},sha256={hashes[path]},{len(content)}" for path, content in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    folder.mkdir()
    path = folder / "newer-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path
