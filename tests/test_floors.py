"""The rules of the house, read from the source: who may import whom, who may start processes, and how files begin."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER

FLOORS = ("ops", "infra", "stack_components", "tools", "tests")
_GROUND = {"ops.config", "ops.core", "ops.credentials"}
# What a floor may import of the others; its own modules always.
MAY_IMPORT = {
    "ops": set[str](),
    "infra": {"ops.catalogue", *_GROUND},
    "stack_components": {"infra", *_GROUND},
    "tools": {"infra", *_GROUND},
}
# The rooms of `ops`, from the bottom up: imports go down only, so that there is no circle.
ROOMS = (
    "core",
    "credentials",
    "config",
    "catalogue",
    "host",
    "registry",
    "upstream",
    "events",
    "stack",
    "backups",
    "gateway",
    "notify",
    "runs",
    "tasks",
    "console",
    "cli",
)
# The tools, from the bottom up.
TOOLS = ("offline", "bootstrap", "emulation", "docs", "bench")
# What single tools may import besides: benchmarks run what the tests run, and the documentation shows the command line.
TOOLS_MAY_IMPORT = {"bench": {"ops", "stack_components", "tests"}, "docs": {"ops.cli"}}
# What a task may read of another one.
TASKS_MAY_IMPORT = {"doctor": {"sync"}, "rehearse": {"backup", "drill", "gc", "restore", "sync"}, "retention": {"changes"}}
# What existing stacks still call by the name it had before there were rooms.
FORMER_NAMES = {"ops": {"provision.py"}, "tools": set[str]()}
# Stand-ins for programs of Pulumi's, which start what the engine tells them to, and end it when the engine says so.
STAND_INS = {
    "tools/offline/language_host.py",
    "tools/offline/plugins/command/shell.py",
    "tools/offline/plugins/docker/ssh.py",
    "tools/emulation/box_shell.py",  # copied into a box, where nothing else is
    "tools/emulation/volume_devices.py",  # likewise into a server
}
_LOOKED_AT = (ast.Import, ast.ImportFrom, ast.Attribute)
STARTERS = {"system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp", "startfile"}


def sources(*folders: str) -> list[Path]:
    """The Python files below folders of the project."""
    return [path for folder in folders for path in sorted((PROJECT_FOLDER / folder).rglob("*.py"))]


def named(path: Path) -> str:
    return path.relative_to(PROJECT_FOLDER).as_posix()


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """What a file consists of, parsed once for all tests."""
    return tuple(node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, _LOOKED_AT))


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it; `from a import b` may mean the module a.b."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{named(path)}: imports are absolute"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def is_within(module: str, allowed: str) -> bool:
    return module == allowed or module.startswith(f"{allowed}.")


ALL = [PROJECT_FOLDER / "__main__.py", *sources(*FLOORS)]


def test_there_is_something_to_check() -> None:
    assert len(sources("ops")) > 5
    assert len(sources("infra")) > 5
    assert "ops.core.process.run" in set(imported(PROJECT_FOLDER / "infra" / "site.py"))


@pytest.mark.parametrize("path", sources(*MAY_IMPORT), ids=named)
def test_imports_go_down_only(path: Path) -> None:
    floor = named(path).partition("/")[0]
    allowed = {
        floor,
        *MAY_IMPORT[floor],
        *(TOOLS_MAY_IMPORT.get(path.relative_to(PROJECT_FOLDER).parts[1], ()) if floor == "tools" else ()),
    }
    ours = [module for module in imported(path) if module.partition(".")[0] in FLOORS]
    assert [module for module in ours if not any(is_within(module, name) for name in allowed)] == []


@pytest.mark.parametrize(("floor", "order"), [("ops", ROOMS), ("tools", TOOLS)])
def test_every_folder_of_a_floor_has_its_place(floor: str, order: tuple[str, ...]) -> None:
    folders = {path.name for path in (PROJECT_FOLDER / floor).iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(order)
    assert {path.name for path in (PROJECT_FOLDER / floor).glob("*.py")} == {"__init__.py", *FORMER_NAMES[floor]}


def room_in(floor: str, module: str) -> str:
    """The room of a floor that a module is in; empty where it is elsewhere."""
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] if first == floor else ""


ROOMED = [path for path in sources("ops", "tools") if len(path.relative_to(PROJECT_FOLDER).parts) > 2]


@pytest.mark.parametrize("path", ROOMED, ids=named)
def test_rooms_import_down_only(path: Path) -> None:
    floor, room = path.relative_to(PROJECT_FOLDER).parts[:2]
    order = {"ops": ROOMS, "tools": TOOLS}[floor]
    above = order[order.index(room) + 1 :]
    assert [module for module in imported(path) if room_in(floor, module) in above] == []


def drawn() -> tuple[list[str], list[list[str]]]:
    """What docs/architecture.md draws on the left, from the top down: the floors, and the rooms of `ops` row by row."""
    drawing = (PROJECT_FOLDER / "docs" / "architecture.md").read_text().split("```")[1]
    column = [line[1:].partition("│")[0].partition("├")[0].strip() for line in drawing.splitlines() if line.startswith("│")]
    rooms = column.index("ops/") + 1
    return [name for name in column[:rooms] if name.endswith(("/", ".py"))], [row.split() for row in column[rooms:]]


def test_the_drawing_has_every_floor_and_every_room() -> None:
    floors, rows = drawn()
    assert floors == ["__main__.py", "stack_components/", "infra/", "ops/"]
    for above, below in pairwise(floors):
        files = sources(above.strip("/")) if above.endswith("/") else [PROJECT_FOLDER / above]
        assert any(is_within(module, below.strip("/")) for path in files for module in imported(path)), (above, below)
    assert sorted(room for row in rows for room in row) == sorted(ROOMS)


def test_a_room_is_drawn_right_above_what_it_imports() -> None:
    _, rows = drawn()
    height = {room: len(rows) - number for number, row in enumerate(rows) for room in row}
    uses = {
        room: {used for path in sources(f"ops/{room}") for module in imported(path) if (used := room_in("ops", module)) in ROOMS}
        for room in ROOMS
    }
    lowest = {room: 1 + max((height[used] for used in others - {room}), default=0) for room, others in uses.items()}
    assert height == lowest


@pytest.mark.parametrize("path", sources("ops/tasks"), ids=named)
def test_tasks_never_import_each_other(path: Path) -> None:
    task = path.relative_to(PROJECT_FOLDER / "ops" / "tasks").parts[0]
    allowed = {task, *TASKS_MAY_IMPORT.get(task, ())}
    others = [module for module in imported(path) if module.startswith("ops.tasks.")]
    assert [module for module in others if module.split(".")[2] not in allowed] == []


@pytest.mark.parametrize("path", sources("ops"), ids=named)
def test_the_host_knows_nothing_of_pulumi(path: Path) -> None:
    assert [module for module in imported(path) if module.partition(".")[0].startswith("pulumi")] == []


def test_provisioning_needs_the_standard_library_only() -> None:
    pending, seen = [PROJECT_FOLDER / "ops" / "host" / "provision.py"], set[Path]()
    while pending:
        path = pending.pop()
        seen.add(path)
        for module in imported(path):
            if module.startswith("ops."):
                folder = PROJECT_FOLDER.joinpath(*module.split("."))
                found = [file for file in (folder.with_suffix(".py"), folder.parent.with_suffix(".py")) if file.is_file()]
                pending += [file for file in found if file not in seen]
            else:
                assert module.partition(".")[0] in sys.stdlib_module_names, f"{named(path)} imports {module}"
    assert PROJECT_FOLDER / "ops" / "core" / "files.py" in seen


def starts_processes(path: Path) -> list[str]:
    """What a file uses that starts processes."""
    uses = [module for module in imported(path) if module.partition(".")[0] in {"subprocess", "pty", "multiprocessing"}]
    for node in nodes(path):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            name = node.attr
            if name in STARTERS or name.startswith(("exec", "spawn")):
                uses.append(f"os.{name}")
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            uses += [f"os.{name.name}" for name in node.names if name.name in STARTERS or name.name.startswith(("exec", "spawn"))]
        if isinstance(node, ast.Attribute) and node.attr.startswith(("create_subprocess", "subprocess_")):
            uses.append(node.attr)
    return uses


def test_one_module_starts_processes() -> None:
    product = [path for path in ALL if not named(path).startswith(("tests/", "tools/bench/"))]
    assert {named(path) for path in product if starts_processes(path)} == {"ops/core/process.py", *STAND_INS}


@pytest.mark.parametrize("path", ALL, ids=named)
def test_the_first_line_says_what_lives_in_a_file(path: Path) -> None:
    first = path.read_text().partition("\n")[0]
    assert first.startswith('"""')
    assert first.removesuffix('"""').endswith((".", ":"))
    assert first[3].isupper() or first[3] in "`"


def test_files_are_small() -> None:
    long = {named(path): count for path in ALL if (count := len(path.read_text().splitlines())) > 330}
    assert long == {}


def test_no_two_files_give_their_servers_the_same_address() -> None:
    """They run side by side, and each takes the same ports of its address."""
    given = [
        (address, named(path))
        for path in sources("tests")
        for line in re.findall(r"^[A-Z_, ]*ADDRESS = .+$", path.read_text(), re.MULTILINE)
        for address in re.findall(r"127\.0\.0\.\d+", line)
    ]
    assert len(given) > 5
    assert [one for one in given if sum(other[0] == one[0] for other in given) > 1] == []
