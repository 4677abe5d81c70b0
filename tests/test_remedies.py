"""Commands that messages, help texts, alerts and pages name exist, and take those words: `regops`, `make`, `docker`, systemd's.

Settings that they tell to set exist, too.

tests/engine/test_regops.py runs remedies on a stack, and sees that they mend what they are printed for.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer import Exit
from typer.main import get_command

from infra.paths import PROJECT_FOLDER
from infra.settings import PROJECT, Settings
from ops.cli.app import app
from ops.runs.due import BY_HAND, COMMANDS, PERIODS_S
from tools.docs import configuration

_PROGRAMS = ("regops", "make ", "docker ")
_PYTHON = ("ops", "infra", "stack_components", "tools")
# Decisions of the past name what there was at the time.
_HISTORY = ("docs/adr/", "CHANGELOG.md")
_NAMED = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
_FENCED = re.compile(
    r"(?:^(?:\$ )?|&& )((?:[A-Z]+=\S+ )*(?:(?:bin/regops|regops|make) |pulumi config set |\S*python3? -m ).*)$", re.MULTILINE
)
_BLOCK = re.compile(r"^ *```\w*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_REGOPS = re.compile(r"(?:^|\s)(?:bin/)?regops\s+(.+)$", re.DOTALL)
# What needs a container's name.
_DOCKER = re.compile(r"^docker (?:exec|logs|start|stop|restart|unpause|rm|update)\b(.*)$")
# Of systemd's programs only those units are known that are this stack's.
_UNITS = re.compile(r"^(?:systemctl|journalctl) (.+)$")
# Which setting is set; what stands for a value is none. Another program's have its name before them.
_SETTING = re.compile(r"\bpulumi config set (?:--(?:stack \S+|secret|path) )*['\"]?([a-z0-9_:<{][a-z0-9_:-]*)")
# Of Python's modules only those are known that are ours.
_MODULE = re.compile(r"\bpython3? -m ((?:ops|infra|stack_components|tests|tools)[a-z_.]*)")
_MAKE = re.compile(r"^(?:[A-Z]+=\S+ )*make\s+(.+)$")
# What stands for a value: a name in braces (from an f-string) or in capitals. Others are values themselves.
_VALUES = {
    "{value}": "203.0.113.7",
    "{ban.value}": "203.0.113.7",
    "ADDRESS": "203.0.113.7",
    "{report.snapshot}": "latest",
    "{report.before}": "latest",
    "{made.name}": "latest",
    "SNAPSHOT": "latest",
    "REPOSITORY": "team/app",
    "REPOSITORY:TAG": "team/app:v1",
    "[REPOSITORY[:TAG]]": "team/app:v1",
    "NAME": "registry.example.com",
    "{run.task}": "gc",
    "{task}": "gc",
    "{actions}": "500",
}
# What `regops undo` did before there was `regops snapshot`; it reads these words as a repository's name.
_FORMER = {"take", "restore", "forget"}


def texts(path: Path) -> Iterator[str]:
    """Yield the strings of a Python file, f-strings with their expressions in braces, or the text of another file."""
    if path.suffix != ".py":
        yield path.read_text().replace(r"\`", "`")  # as a shell in the Makefile wants them
        return
    text = path.read_text()
    if not any(program in text for program in _PROGRAMS):
        return
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.JoinedStr | ast.Constant)]
    within = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield "".join(_part(part) for part in node.values)
        elif isinstance(node.value, str) and id(node) not in within:
            yield node.value


def _part(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        return f"{{{ast.unparse(part.value)}}}"
    return str(part.value) if isinstance(part, ast.Constant) else ""


def commands(text: str) -> Iterator[str]:
    """Yield the command lines within a text: in backticks, on a line of their own, or the whole of it."""
    whole = [text] if text.startswith("regops ") else []
    blocks = "\n".join(line.strip() for block in _BLOCK.findall(text) for line in block.splitlines())
    for line in [*_NAMED.findall(text), *_FENCED.findall(text), *_FENCED.findall(blocks), *whole]:
        for command in re.split(r"\s(?:\||&&)\s", re.split(r"\s(?:#|>|·)\s", line)[0]):
            if any(kind.search(command) for kind in (_REGOPS, _MAKE, _DOCKER, _UNITS, _SETTING, _MODULE)):
                yield " ".join(command.split())


def sources() -> Iterator[Path]:
    for folder in _PYTHON:
        yield from (PROJECT_FOLDER / folder).rglob("*.py")
    for pattern in ("*.md", "docs/**/*.md", "*.yaml", "Makefile", ".github/*.md", ".github/**/*.y*ml"):
        yield from PROJECT_FOLDER.glob(pattern)


def found() -> Mapping[str, Sequence[str]]:
    """Return where each command is named."""
    places = defaultdict[str, list[str]](list)
    for path in sorted(sources()):
        place = path.relative_to(PROJECT_FOLDER).as_posix()
        for text in () if place.startswith(_HISTORY) else texts(path):
            for line in commands(text):
                places[line].append(place)
    return places


FOUND = found()
REGOPS = get_command(app)
UNITS = {*PERIODS_S, "recover"}
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (PROJECT_FOLDER / "Makefile").read_text(), re.MULTILINE))


def wrong(line: str) -> str:
    """Return what is wrong with a command line; empty for nothing."""
    if docker := _DOCKER.match(line):
        return "" if docker[1].strip() else "it names no container"
    if systemd := _UNITS.match(line):
        units = re.findall(r"\bregops-([a-z-]+)", systemd[1])
        return "".join(f"there is no unit regops-{name}; " for name in units if name not in UNITS)
    for kind, exists in ((_SETTING, _is_set), (_MODULE, _runs)):
        if named := kind.search(line):
            return "" if exists(named[1], line) else f"there is no {named[1]}"
    if regops := _REGOPS.search(line):
        words = [_VALUES.get(word, word) for word in shlex.split(regops[1]) if word not in {"…", "..."}]
        if words[:1] == ["undo"] and _FORMER & set(words[1:2]):
            return f"`regops undo {words[1]}` is a verb of `regops snapshot` today"
        # A command whose name is a value is tried with each value, below.
        return "" if words[0].startswith("{") else _parsed(REGOPS, "regops", words)
    targets = [word for word in shlex.split(line.partition("make ")[2]) if "=" not in word]
    return "".join(f"make has no target {word!r}; " for word in targets if word not in TARGETS)


def _is_set(key: str, line: str) -> bool:
    project, _, name = key.rpartition(":")
    return project not in {"", PROJECT} or name[0] in "<{" or (name in Settings.model_fields and _is_part(name, line))


def _is_part(setting: str, line: str) -> bool:
    """Whether a setting has the part that `--path` names."""
    words = shlex.split(line.replace('\\"', '"').partition(" --path ")[2])
    path = next((re.sub(r'\["[^"]+"\]', ".<name>", word) for word in words if not word.startswith("-")), setting)
    return path.removesuffix(".<name>") in {key.path for key in configuration.keys(setting)}


def _runs(module: str, _: str) -> bool:
    path = PROJECT_FOLDER.joinpath(*module.split("."))
    return path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def _parsed(command: Any, name: str, words: Sequence[str], parent: Any = None) -> str:
    """Parse words as the command line does, from verb to verb, and run nothing."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # of --help
            context = command.make_context(name, list(words), parent=parent)
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not rest or not hasattr(command, "resolve_command"):
            return ""
        verb, below, further = command.resolve_command(context, rest)
        return _parsed(below, verb, further, context)
    except Exit:
        return ""
    except Exception as error:  # noqa: BLE001  # Typer keeps its UsageError to itself
        # A verb may be named without what it needs: "`regops unban` lifts the ban".
        bare = not words and type(error).__name__ == "MissingParameter"
        return "" if bare else f"{type(error).__name__}: {getattr(error, 'message', error)}"


@pytest.mark.parametrize("line", sorted(FOUND))
def test_a_command_that_is_named_exists(line: str) -> None:
    assert not wrong(line), f"{wrong(line)} (in {', '.join(sorted(set(FOUND[line])))})"


@pytest.mark.parametrize("command", sorted(COMMANDS.values()))
def test_what_runs_a_task_again_exists(command: str) -> None:
    assert not wrong(f"regops {command}")


def test_every_task_of_the_command_line_has_a_remedy() -> None:
    """But those that only people start: whoever typed one reads how it ended."""
    calls = [path.read_text() for path in (PROJECT_FOLDER / "ops/cli").glob("*.py")]
    tasks = {name for text in calls for name in re.findall(r'end_with\(\w+, "([a-z-]+)"', text)}
    assert tasks
    assert tasks - BY_HAND <= set(COMMANDS)


def test_commands_are_found_everywhere() -> None:
    places = {place.partition("/")[0] for named in FOUND.values() for place in named}
    assert {"ops", "infra", "stack_components", "tools", "docs", "README.md", "CONTRIBUTING.md"} <= places
    assert len(FOUND) > 80


@pytest.mark.parametrize(
    "line",
    [
        "regops gc-plan",
        "regops gc --dryrun",
        "regops gc --wait soon",
        "regops history --last",
        "regops history --task gc --last none",
        "regops notify revive everything",
        "regops snapshot make",
        "regops snapshot restore --overwrite",
        "regops undo take",
        "regops status everything",
        "docker logs",
        "docker exec",
        "systemctl start regops-backups",
        "journalctl -u regops-doc",
        "bin/regops statsu",
        "make upp",
        "PLUGINS=official make tests",
        "python -m tests.ops.console.picture",
        "pulumi preview --json | .venv/bin/python -m tools.doc",
        "pulumi config set --secret watchdog",
        "pulumi config set --stack prod private-registry:recovery latest",
        "pulumi config set --secret --path 'upstream_login[\"quay.io\"].token'",
        "pulumi config set --secret --path 'upstream_logins[\"quay.io\"].tokens'",
        "pulumi config set --path edge.https_ports 443",
    ],
)
def test_a_command_that_does_not_exist_is_seen(line: str) -> None:
    assert wrong(line)


@pytest.mark.parametrize(
    "line",
    [
        "regops --help",
        "watch regops status",
        "regops unban",
        "regops unban {ban.value}",
        "regops snapshot",
        "regops snapshot restore SNAPSHOT REPOSITORY:TAG --overwrite",
        'make pulumi ARGS="stack export"',
        "docker logs {name}",
        "systemctl list-timers 'regops-*'",
        "journalctl --unit regops-drill.service --since -1h",
        "COLD=1 make bench",
        "pulumi preview --json | .venv/bin/python -m tools.bootstrap.review",
        "python3 -m ops.gateway --config FILE",
        "pulumi config set --secret hcloud:token",
        "pulumi config set --secret --path 'upstream_logins[\"quay.io\"].token'",
        "pulumi config set --path edge.http_port 8081",
    ],
)
def test_a_command_that_exists_is_taken(line: str) -> None:
    assert not wrong(line)


def test_the_words_of_a_text_are_read() -> None:
    text = "run `regops gc` or\n`regops\nundo`; `docker logs x`\nmake up  # first\ngit pull && make setup && make down\n"
    assert list(commands(text)) == ["regops gc", "regops undo", "docker logs x", "make up", "make setup", "make down"]
    assert list(commands("1. Like this:\n\n   ```sh\n   $ make lock\n   ```\n")) == ["make lock"]
