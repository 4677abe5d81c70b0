"""The page docs/clients.md: its first table is what tests saw, and they hold it to what they see. `--write-pages` writes it."""

from __future__ import annotations

from infra.paths import PROJECT_FOLDER

PAGE = PROJECT_FOLDER / "docs" / "clients.md"
VERSION = "version"


def table() -> dict[str, dict[str, str]]:
    """Return what stands in the page: what was asked, client, what was seen."""
    _, lines, _ = _parts()
    head, _, *rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    return {title: dict(zip(head[1:], seen, strict=True)) for title, *seen in rows}


def put(title: str, client: str, seen: str) -> None:
    """Write what was seen into the page; a client or a question that it lacks is added at the end."""
    rows = table()
    clients = list(dict.fromkeys([*rows[VERSION], client]))
    rows.setdefault(title, {})[client] = seen
    lines = [["", *clients], ["---"] * (len(clients) + 1)]
    lines += [[one, *(rows[one].get(client, "") for client in clients)] for one in rows]
    before, _, after = _parts()
    PAGE.write_text("".join([before, *(f"| {' | '.join(line)} |\n" for line in lines), after]))


def _parts() -> tuple[str, list[str], str]:
    """Return the text before the table, its lines, and the text after it."""
    lines = PAGE.read_text().splitlines(keepends=True)
    begin = next(number for number, line in enumerate(lines) if line.startswith("|"))
    end = next((number for number, line in enumerate(lines) if number > begin and not line.startswith("|")), len(lines))
    return "".join(lines[:begin]), lines[begin:end], "".join(lines[end:])
