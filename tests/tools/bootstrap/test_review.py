"""What is said about a plan, what is refused, and that nothing unreadable passes; plans look as the engine writes them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tools.bootstrap.comment import LIMIT, comment
from tools.bootstrap.judge import Review, judge
from tools.bootstrap.review import main

STACK = "urn:pulumi:prod::private-registry::"
SERVICE = f"{STACK}private-registry:service:Service$docker:index/container:Container::registry-container"
SEED = f"{STACK}private-registry:infra:Secrets$command:local:Command::token_signing_seed"
SERVER = f"{STACK}private-registry:infra:HetznerHost$hcloud:index/server:Server::server"


def step(operation: str, urn: str, *, protect: bool = False, **more: Any) -> dict[str, Any]:
    """A step as the engine writes it."""
    state: dict[str, Any] = {"urn": urn, "custom": True, "inputs": {"stdin": "[secret]"}} | ({"protect": True} if protect else {})
    old = {} if operation == "create" else {"oldState": state}
    new = {} if operation == "delete" else {"newState": {"urn": urn, "custom": True}}
    return {"op": operation, "urn": urn, **old, **new, "detailedDiff": None, **more}


def plan(*steps: dict[str, Any], **more: Any) -> str:
    """A plan of these steps."""
    root = step("same", f"{STACK}pulumi:pulumi:Stack::private-registry-prod")
    summary = {"same": 1}
    for one in steps:
        summary[one["op"]] = summary.get(one["op"], 0) + 1
    return json.dumps({"config": {}, "steps": [root, *steps], "duration": 1, "changeSummary": summary, **more})


def error(message: str) -> dict[str, Any]:
    return {"diagnostics": [{"message": message, "severity": "error"}]}


def test_the_whole_comment() -> None:
    changed: dict[str, Any] = {
        "detailedDiff": {
            "cpus": {"kind": "update-replace", "inputDiff": False},
            "labels[2]": {"kind": "add", "inputDiff": False},
        },
        "diffReasons": ["cpus", "labels"],
        "replaceReasons": ["cpus"],
    }
    text = plan(
        step("create", f"{STACK}private-registry:ui:Ui::ui"),
        step("replace", SERVICE, **changed),
        step("delete", SEED),
        step("update", SERVER, protect=True, diffReasons=["labels"]),
    )
    found = judge(text)
    assert found.exit_code == 1
    assert (
        comment(found)
        == f"""\
### Preview of `prod`

| delete | replace | update | create | unchanged |
|---|---|---|---|---|
| 1 | 1 | 1 | 1 | 1 |

**Refused: this would replace or delete resources that are protected or hold data.** \
If this is intended, allow each resource by its URN; see docs/review.md.

| | resource | what would be lost |
|---|---|---|
| delete | `{SEED}` | a generated secret, which cannot be recovered |

No longer protected after this:
- `{SERVER}`

<details><summary>All changes</summary>

| | resource | changed, **replacing** |
|---|---|---|
| delete | `token_signing_seed`<br>`command:local:Command` |  |
| replace | `registry-container`<br>`docker:index/container:Container` | **`cpus`**, `labels[2]` |
| update | `server`<br>`hcloud:index/server:Server` | `labels` |
| create | `ui`<br>`private-registry:ui:Ui` |  |

</details>
"""
    )


def test_nothing_to_do_is_one_line() -> None:
    assert comment(judge(plan())) == "### Preview of `prod`\n\nNo changes.\n"
    assert judge(plan()).exit_code == 0


DATA = (
    "private-registry:infra:HetznerHost$hcloud:index/server:Server::server",
    "hcloud:index/volume:Volume::data",
    "hcloud:index/snapshot:Snapshot::before",
    "hcloud:index/primaryIp:PrimaryIp::ipv4",
    "hcloud:index/zone:Zone::example.com",
    "hcloud:index/storageBox:StorageBox::backups",
    "hcloud:index/storageBoxSnapshot:StorageBoxSnapshot::backups",
    "hcloud:index/storageBoxSubaccount:StorageBoxSubaccount::host",
    "docker:index/volume:Volume::data",
    "private-registry:infra:LocalHost$command:local:Command::folders",
    "private-registry:infra:HetznerHost$command:remote:Command::folders",
    "private-registry:infra:Secrets$command:local:Command::token_signing_seed",
    "private-registry:infra:Secrets$command:local:Command::registry_pass",
    "private-registry:infra:Secrets$command:local:Command::password-ci",
)


@pytest.mark.parametrize(
    "operation", ["delete", "replace", "create-replacement", "delete-replaced", "import-replacement", "an-operation-of-tomorrow"]
)
@pytest.mark.parametrize("resource", DATA)
def test_what_holds_data_is_neither_replaced_nor_deleted(resource: str, operation: str) -> None:
    found = judge(plan(step(operation, STACK + resource)))
    assert [change.urn for change in found.refused] == [STACK + resource]
    assert found.exit_code == 1
    assert STACK + resource in comment(found).partition("<details>")[0]


@pytest.mark.parametrize("operation", ["same", "create", "update", "read", "refresh", "import"])
@pytest.mark.parametrize("resource", DATA)
def test_what_holds_data_may_be_made_and_changed(resource: str, operation: str) -> None:
    found = judge(plan(step(operation, STACK + resource)))
    assert (found.refused, found.exit_code) == ((), 0)


@pytest.mark.parametrize("operation", ["delete", "replace"])
@pytest.mark.parametrize(
    "resource",
    [
        "private-registry:registry:Registry$private-registry:service:Service$docker:index/container:Container::registry-container",
        "private-registry:network:Networks$docker:index/network:Network::network-app",
        "private-registry:infra:LocalHost$command:local:Command::release",
        "private-registry:infra:LocalHost$command:local:Command::secrets",
        "docker:index/container:Container::folders",
        "private-registry:infra:Secrets::secrets",
        "hcloud:index/firewall:Firewall::firewall",
        "hcloud:index/volumeAttachment:VolumeAttachment::data",
    ],
)
def test_what_can_be_made_again_may_go(resource: str, operation: str) -> None:
    assert judge(plan(step(operation, STACK + resource))).exit_code == 0


@pytest.mark.parametrize("operation", ["delete", "replace"])
def test_what_is_protected_is_refused_whatever_it_is(operation: str) -> None:
    (change,) = judge(plan(step(operation, SERVICE, protect=True))).refused
    assert (change.operation, change.urn, change.lost) == (operation, SERVICE, "something that is protected")


def test_a_loss_whose_present_state_is_not_in_the_plan_is_refused() -> None:
    lost = {key: value for key, value in step("delete", SERVICE).items() if key != "oldState"}
    assert [change.urn for change in judge(plan(lost)).refused] == [SERVICE]


def test_a_loss_can_be_allowed_by_name_and_is_still_told() -> None:
    text = plan(step("delete", SEED), step("replace", SERVER, protect=True))
    found = judge(text, [SEED])
    assert [change.urn for change in found.refused] == [SERVER]
    both = judge(text, [SEED, SERVER])
    assert (both.refused, both.exit_code) == ((), 0)
    told = comment(both)
    assert "Refused" not in told
    assert f"Allowed to be lost:\n- `{SEED}` (a generated secret, which cannot be recovered)\n- `{SERVER}` (the server" in told


def test_an_allowance_covers_its_resource_alone_and_is_told_when_it_is_not_needed() -> None:
    text = plan(step("delete", SEED), step("update", SERVER))
    for other in (SERVER, SEED[:-1], f"{SEED}2", "**", "token_signing_seed"):
        found = judge(text, [other])
        assert [change.urn for change in found.refused] == [SEED]
        assert found.unused == (other,)
        assert f"remove it:\n- `{other}`" in comment(found)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it is empty"),
        ("\n", "it is empty"),
        ("error: no stack named 'prod' found", "Invalid JSON"),
        (plan(step("delete", SEED))[:-40], "Invalid JSON"),
        ("[]", "is not the output of `pulumi preview --json`"),
        ("null", "is not the output of `pulumi preview --json`"),
        ('{"steps": {}}', "steps: Input should be a valid"),
        ('{"steps": [{"op": "delete"}]}', "steps: 0: urn: Field required"),
        ("{}", "the preview is incomplete"),
        (json.dumps({"steps": [step("same", SERVICE)]}), "the preview is incomplete"),
        ('{"changeSummary": {"same": 3}}', "the preview is incomplete"),
        (plan(maybeCorrupt=True), "the preview is incomplete"),
        (plan(**error("error: preview failed\n")), "preview failed"),
    ],
)
def test_what_is_no_whole_plan_never_passes(text: str, told: str) -> None:
    found = judge(text)
    assert found.exit_code == 2
    assert "**The preview failed" in comment(found)
    assert told in comment(found)
    assert "No changes" not in comment(found)


def test_the_errors_of_a_failed_preview_are_shown_with_what_would_be_lost() -> None:
    found = judge(plan(step("delete", SEED, protect=True), **error(f'error: Preview failed: resource "{SEED}" is protected\n')))
    assert found.exit_code == 1
    told = comment(found)
    assert f'```text\nPreview failed: resource "{SEED}" is protected\n```' in told
    assert "so this is not the whole plan" in told
    assert "Refused" in told


def test_warnings_are_no_errors() -> None:
    assert judge(plan(diagnostics=[{"message": "warning: a", "severity": "warning"}])).exit_code == 0


def test_names_from_a_pull_request_are_shown_literally() -> None:
    urn = f"{STACK}docker:index/container:Container::a`b|c\n<!-- @everybody"
    told = comment(judge(plan(step("update", urn, diffReasons=["x`|\ny"]), **error("error: ```\n# no heading"))))
    assert "| update | `a'b\\|c <!-- @everybody`<br>`docker:index/container:Container` | `x'\\| y` |" in told
    assert "````text\n```\n# no heading\n````" in told


def test_values_are_never_shown() -> None:
    secret = "correct horse battery staple"
    state = {"inputs": {"stdin": secret}, "outputs": {"stdout": secret}, "protect": True}
    text = plan(step("replace", SEED, oldState=state, newState=state, diffReasons=["stdin"]), config={"key": secret})
    assert secret in text
    assert secret not in comment(judge(text))


@pytest.mark.parametrize("operation", ["update", "delete"])
def test_a_large_plan_fits_into_a_comment(operation: str) -> None:
    urns = [f"{STACK}docker:index/volume:Volume::{'data' * 20}-{number}" for number in range(2000)]
    steps = [step(operation, urn, protect=True, diffReasons=[f"property-{number}" for number in range(50)]) for urn in urns]
    told = comment(judge(plan(*steps, **error("error: " + "long " * 10_000)), [f"{urn}-unused" for urn in urns]))
    assert len(told) < LIMIT < 65_536
    assert told.count("more do not fit here.") >= 2
    assert told.endswith("</details>\n")
    shown = [line for line in told.splitlines() if line.startswith(f"| {operation} | `data")]
    assert len(shown) > 20
    assert operation == "delete" or shown[0].endswith("`property-7`, and 42 more |")


def test_the_command_reads_a_file_or_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = plan(step("delete", SEED))
    (tmp_path / "plan.json").write_text(text)
    assert main([str(tmp_path / "plan.json")]) == 1
    told = capsys.readouterr()
    assert told.out == comment(judge(text))
    assert told.err == f"error: delete token_signing_seed: a generated secret, which cannot be recovered ({SEED})\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert main(["--allow", SERVER, "--allow", SEED]) == 0
    assert capsys.readouterr().err == ""


def test_the_command_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.json").write_text(plan(step("delete", SEED), step("update", SERVICE, diffReasons=["cpus"])))
    assert main(["--json", "--allow", SEED, str(tmp_path / "plan.json")]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["stack"], printed["counts"]) == ("prod", {"same": 1, "delete": 1, "update": 1})
    lost, changed = printed["changes"]
    assert (lost["urn"], lost["operation"], lost["allowed"]) == (SEED, "delete", True)
    assert (changed["urn"], changed["properties"], changed["lost"]) == (SERVICE, ["cpus"], "")


def test_a_plan_that_cannot_be_read_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "no-such.json")]) == 2
    assert "cannot read the plan: " in capsys.readouterr().err
    (tmp_path / "plan.json").write_bytes(b"\xff\xfe")
    assert main([str(tmp_path / "plan.json")]) == 2
    told = capsys.readouterr()
    assert "cannot read the plan: " in told.err
    assert "**The preview failed.**" in told.out


def test_a_review_of_nothing_is_harmless_only_without_errors() -> None:
    assert Review().exit_code == 0
    assert Review(errors=("x",)).exit_code == 2
