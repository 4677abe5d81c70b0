"""The commands of `make`, and the virtual environment that it sets up, anew for another Python; the Python is a stand-in."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from ops.core.process import CommandError, Completed, run

PYTHON = """\
#!/bin/sh
# A stand-in for Python, of the version in the file `version`. Its environments hold a `python` that only notes its calls.
case "$*" in
*version_info\\ \\<*) exit 0 ;;
*version_info*) cat {folder}/version ;;
"-m venv"*)
    echo "$*" >> {folder}/calls
    [ -e {folder}/no-venv ] && exit 1
    for environment; do :; done
    case "$*" in *--clear*) rm -rf "$environment" ;; esac
    mkdir -p "$environment/bin"
    ending='case "$*" in *config*) cat {folder}/pip.conf ;; esac'
    printf '#!/bin/sh\\necho "$*" >> {folder}/calls\\n%s\\n' "$ending" > "$environment/bin/python"
    printf '#!/bin/sh\\necho "uv $*" >> {folder}/calls\\n[ ! -e {folder}/no-uv ]\\n' > "$environment/bin/uv"
    chmod +x "$environment/bin/python" "$environment/bin/uv" ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("python", PYTHON.format(folder=tmp_path)), ("id", "#!/bin/sh\necho 0\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "version").write_text("3.11")
    (tmp_path / "pip.conf").touch()
    return tmp_path


def make(folder: Path) -> Completed:
    """Have everything made that `make up` needs."""
    command = ["make", f"--file={PROJECT_FOLDER}/Makefile", f"PYTHON={folder}/python", f"VENV={folder}/venv", "preview"]
    return run(command, timeout=60, cwd=PROJECT_FOLDER, env=os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"})


def calls(folder: Path) -> list[str]:
    """What was called since the last time, without what `make preview` itself does."""
    path = folder / "calls"
    lines = path.read_text().splitlines()
    path.unlink()
    return [line.replace(str(folder), "") for line in lines if not line.startswith("-m tools.bootstrap")]


(UV,) = (line for line in (PROJECT_FOLDER / "requirements.txt").read_text().splitlines() if line.startswith("uv=="))
CONFIGURED = "-m pip config list"
INSTALL = [
    CONFIGURED,
    f"-m pip install --quiet --disable-pip-version-check {UV}",
    "uv pip install --quiet --python /venv/bin/python --requirement requirements.txt",
]
BY_PIP = "-m pip install --quiet --disable-pip-version-check --requirement requirements.txt"


def test_it_is_made_once_for_every_python(folder: Path) -> None:
    make(folder)
    assert calls(folder) == ["-m venv --clear /venv", *INSTALL]
    make(folder)
    assert calls(folder) == []
    (folder / "version").write_text("3.13")
    make(folder)
    assert calls(folder) == ["-m venv --clear /venv", *INSTALL]
    (folder / "version").write_text("3.11")
    make(folder)
    assert calls(folder) == ["-m venv --clear /venv", *INSTALL]


def test_it_is_brought_up_to_date_when_the_requirements_change(folder: Path) -> None:
    make(folder)
    calls(folder)
    (marker,) = (folder / "venv").glob(".requirements*")
    os.utime(marker, (0, 0))
    make(folder)
    assert calls(folder) == ["-m venv /venv", *INSTALL]


def test_pip_installs_where_uv_cannot(folder: Path) -> None:
    (folder / "no-uv").touch()
    make(folder)
    assert calls(folder) == ["-m venv --clear /venv", *INSTALL, BY_PIP]


def test_pip_installs_where_it_is_configured_with_an_index_of_its_own(folder: Path) -> None:
    (folder / "pip.conf").write_text("global.index-url='https://packages.example/simple'\n")
    make(folder)
    assert calls(folder) == ["-m venv --clear /venv", CONFIGURED, BY_PIP]


def test_what_debian_lacks_is_installed_from_fresh_lists(folder: Path) -> None:
    (folder / "no-venv").touch()
    apt = folder / "apt-get"
    apt.write_text(f'#!/bin/sh\necho "apt-get $*" >> {folder}/calls\ncase "$*" in install*) rm {folder}/no-venv ;; esac\n')
    apt.chmod(0o755)
    make(folder)
    assert calls(folder) == [
        "-m venv --clear /venv",
        "apt-get update -qq",
        "apt-get install -qq -y python3-venv",
        "-m venv --clear /venv",
        *INSTALL,
    ]


def test_a_python_that_cannot_make_one_is_told(folder: Path) -> None:
    (folder / "no-venv").touch()
    (folder / "id").write_text("#!/bin/sh\necho 1000\n")
    with pytest.raises(CommandError, match="cannot make a virtual environment; install python3-venv"):
        make(folder)


MAKEFILE = (PROJECT_FOLDER / "Makefile").read_text()
PHONY = set(re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE))
RULES = set(re.findall(r"^([a-z0-9-]+):(?!=)", MAKEFILE, re.MULTILINE))
# Told to a reader as something to type: in code, or as a line of its own.
DOCUMENTED = {
    target
    for path in (PROJECT_FOLDER / "README.md", *(PROJECT_FOLDER / "docs").rglob("*.md"))
    for target in re.findall(r"(?:^|`)(?:[A-Z]+=\S+ )?make ([a-z0-9-]+)", path.read_text(), re.MULTILINE)
}


def test_what_the_documents_tell_to_make_can_be_made() -> None:
    assert {"up", "e2e", "test"} <= DOCUMENTED
    assert DOCUMENTED <= RULES


def test_no_target_is_taken_for_a_file() -> None:
    assert RULES == PHONY


def test_help_lists_every_target() -> None:
    lines = run(["make", f"--file={PROJECT_FOLDER}/Makefile", "help"], timeout=60).stdout.splitlines()
    helped = {words[1]: words[2:] for words in map(str.split, lines) if words[:1] == ["make"]}
    assert set(helped) == RULES
    assert all(helped.values())
