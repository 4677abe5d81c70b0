"""Pages that are made of the sources: each setting, verb, file and decision is in them, with what there is to say of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from infra.paths import PROJECT_FOLDER
from infra.settings import Settings, parse
from ops.cli.app import Verbs
from tools.docs import commands, configuration, decisions, sources
from tools.docs.text import attributes, prose

SETTINGS = sorted(Settings.model_fields)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_part_of_a_setting_is_said_to_mean_something(name: str) -> None:
    _, *parts = configuration.keys(name)
    assert [part.path for part in parts if not part.said or not part.kind] == []
    # A word of Python's, which nobody writes into YAML.
    assert [part.path for part in parts if re.search(r"\bNone\b", part.said)] == []


def test_every_setting_has_a_section() -> None:
    assert sorted(re.findall(r"^## `(\w+)`$", configuration.sections(), re.MULTILINE)) == SETTINGS


def test_a_setting_has_its_type_its_default_and_its_meaning() -> None:
    text = configuration.sections()
    assert "| `edge.http_port` | whole number from 1 to 65535 | `8080` | The port without TLS. |" in text
    assert "| `accounts[].name` | text, required |  | What it logs in with. |" in text
    assert "| `operations.notify.channels.<name>.kind` | `ntfy`, `gotify`, `apprise`, required |" in text
    assert "| `hetzner.storage_box` | object or `false` |" in text
    assert re.search(
        r'^\| `operations\.moving` \| list of text \| a list \| .+ Default: `\["latest", .+"\]`\. \|$', text, re.MULTILINE
    )
    assert "Accounts besides the operator's. Their passwords are generated." in text


def test_every_verb_is_there_with_examples() -> None:
    text = commands.sections()
    told = re.split(r"^#{2,4} `(regops [^`]+)`$", text.partition("## Options of all")[0], flags=re.MULTILINE)[1:]
    verbs = dict(zip(told[::2], told[1::2], strict=True))
    assert {f"regops {name}" for name in Verbs.verbs} <= set(verbs)
    assert "regops catalogue add" in verbs
    verbs.pop("regops sync run")  # what `regops sync` does without a verb; its examples are there
    assert [name for name, said in verbs.items() if not re.search(rf"^```sh\n(?:bin/)?{name}", said, re.MULTILINE)] == []
    assert "| `--dry-run` | Only show what would be deleted. |" in verbs["regops gc"]
    assert "| `make up` | Create, change or repair the local registry |" in text


def test_every_file_is_there() -> None:
    text = sources.sections()
    assert "| `ops/gateway/held_writes.py` | " in text
    assert len(re.findall(r"^\| `[\w/]+\.py` \| .+ \|$", text, re.MULTILINE)) > 300


def test_every_decision_has_a_status_and_a_date() -> None:
    found = decisions.decisions()
    numbers = [one.number for one in found]
    assert numbers == sorted(set(numbers))
    for one in found:
        assert re.fullmatch(r"accepted|(?:accepted, in parts )?replaced by [0-9]{4}(?: and [0-9]{4})*", one.status), one.file
        assert re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", one.date), one.file
        assert set(re.findall(r"[0-9]{4}", one.status)) <= set(numbers)


@pytest.mark.parametrize("text", ["# 0001 No head\n", "---\nstatus: accepted\n---\n# 0001 No date\n", "---\n---\n# 0001 x\n"])
def test_a_decision_without_them_is_refused(tmp_path: Path, text: str) -> None:
    page = tmp_path / "0001-floors.md"
    page.write_text(text)
    with pytest.raises(decisions.DecisionError, match=r"0001-floors\.md: begin it with"):
        decisions.read(page)


def test_text_of_the_sources_is_shown_as_it_is() -> None:
    said = "a <b> * [c] `<d> *`, see docs/regops.md#messages or https://example.com/x."
    shown = "a &lt;b> \\* \\[c\\] `<d> *`, see [docs/regops.md#messages](regops.md#messages) or <https://example.com/x>."
    assert prose(said) == shown


def test_attributes_are_read_from_a_docstring() -> None:
    said = "One.\n\nAttributes:\n    a: First,\n        and more.\n    b_c: Second.\n"
    assert attributes(said) == {"a": "First, and more.", "b_c": "Second."}


PAGES = [PROJECT_FOLDER / "README.md", *sorted((PROJECT_FOLDER / "docs").rglob("*.md"))]
EXAMPLES = [
    pytest.param(block, id=f"{path.relative_to(PROJECT_FOLDER)}-{number}")
    for path in PAGES
    for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL))
    if "private-registry:" in block
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_settings_of_an_example_are_valid(example: str) -> None:
    # What a reader fills in.
    written = yaml.safe_load(re.sub(r"(sha256: ?)…", rf"\g<1>{64 * 'a'}", example.replace("AAAA…", "AAAA")))
    given = {key.removeprefix("private-registry:"): value for key, value in written.get("config", written).items()}
    parse({"accounts": [{"name": "ci", "access": [{"repositories": "**", "actions": ["pull"]}]}]} | given, stack="prod")


def test_there_are_examples_of_settings() -> None:
    assert len(EXAMPLES) > 8


def test_the_log_in_the_readme_follows_the_page() -> None:
    """`make drill` prints it; its commands are those of docs/recovery.md, without the token."""
    log = (PROJECT_FOLDER / "README.md").read_text().partition("```text\n")[2].partition("```")[0]
    page = (PROJECT_FOLDER / "docs" / "recovery.md").read_text().split("```")[1].strip()
    assert [line.strip() for line in log.splitlines() if line.startswith("   ") and "lost" not in line] == [
        line.partition(" HCLOUD_TOKEN=")[0] for line in page.splitlines()
    ]
