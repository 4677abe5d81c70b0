"""The scope grammar and what is granted of a request."""

from __future__ import annotations

import pytest

from ops.config import Access
from ops.gateway.scope import MAX_SCOPES, TokenScope, grant, parse

PULL = frozenset({"pull"})
PUSH = frozenset({"pull", "push"})
LONGEST = "a" * 255


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("repository:app:pull", TokenScope("repository", "app", PULL)),
        ("repository:team/app:pull,push", TokenScope("repository", "team/app", PUSH)),
        ("repository:team/app:push,pull,push", TokenScope("repository", "team/app", PUSH)),
        ("repository:localhost:5000/team/app:pull", TokenScope("repository", "localhost:5000/team/app", PULL)),
        ("repository:Registry.Example.com:443/app:pull", TokenScope("repository", "Registry.Example.com:443/app", PULL)),
        ("repository(plugin):vieux/sshfs:pull", TokenScope("repository", "vieux/sshfs", PULL, "plugin")),
        ("repository:a__b/c.d/e-f--g:pull", TokenScope("repository", "a__b/c.d/e-f--g", PULL)),
        ("repository:app:*", TokenScope("repository", "app", frozenset({"*"}))),
        ("registry:catalog:*", TokenScope("registry", "catalog", frozenset({"*"}))),
        ("other:thing:do", TokenScope("other", "thing", frozenset({"do"}))),
        (f"repository:{LONGEST}:pull", TokenScope("repository", LONGEST, PULL)),
    ],
)
def test_a_scope_is_read(text: str, scope: TokenScope) -> None:
    assert parse([text]) == [scope]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ":",
        "::",
        "repository",
        "repository:app",
        "repository::pull",
        "repository:app:",
        "repository:app:pull,",
        "repository:app:PULL",
        ":app:pull",
        "Repository:app:pull",
        "repository():app:pull",
        "repository(plugin:app:pull",
        "repository:App:pull",
        "repository:../app:pull",
        "repository:team/../app:pull",
        "repository:team//app:pull",
        "repository:/app:pull",
        "repository:app/:pull",
        "repository:a___b:pull",
        "repository:team/**:pull",
        "repository:**:pull",
        "repository:äpp:pull",
        "repository:app\N{ZERO WIDTH SPACE}:pull",
        "repository:аpp:pull",  # noqa: RUF001  # a Cyrillic letter
        "repository:app\n:pull",
        "repository:app\t:pull",
        "repository:app\0:pull",
        f"repository:{LONGEST}a:pull",
        "repository:" + "a/" * 100_000 + "a:pull",
        "repository:app:" + "a" * 100_000 + "!",
        "repository:" + "-" * 200 + ":pull",
    ],
)
def test_what_is_not_a_scope_is_ignored(text: str) -> None:
    assert parse([text, "repository:good:pull"]) == [TokenScope("repository", "good", PULL)]


def test_scopes_come_repeated_and_separated_by_spaces_and_are_merged() -> None:
    parameters = ["repository:a:pull  repository:b:pull", "repository:a:push", "repository(plugin):a:pull"]
    assert parse(parameters) == [
        TokenScope("repository", "a", PUSH),
        TokenScope("repository", "b", PULL),
        TokenScope("repository", "a", PULL, "plugin"),
    ]


def test_the_number_of_scopes_is_bounded() -> None:
    assert len(parse([" ".join(f"repository:r{number}:pull" for number in range(10 * MAX_SCOPES))])) == MAX_SCOPES


@pytest.mark.parametrize(
    ("asked", "access", "granted"),
    [
        ("repository:ci/app:pull,push", ("ci/**", "pull", "push"), ["pull", "push"]),
        ("repository:ci/deep/app:push", ("ci/**", "pull", "push"), ["push"]),
        ("repository:ci/app:pull,push,delete", ("ci/**", "pull", "push"), ["pull", "push"]),
        ("repository:ci/app:*", ("ci/**", "pull", "push"), ["pull", "push"]),
        ("repository:ci:pull", ("ci/**", "pull"), None),
        ("repository:cinema/app:pull", ("ci/**", "pull"), None),
        ("repository:ci/app/more:pull", ("ci/app", "pull"), None),
        ("repository:ci/app:pull", ("ci/app", "pull"), ["pull"]),
        ("repository:any/thing:delete", ("**", "delete"), ["delete"]),
        ("repository:ci/app:delete", ("**", "pull"), None),
        ("repository:localhost:5000/ci/app:pull", ("ci/**", "pull"), None),
        ("repository(plugin):ci/app:pull", ("ci/**", "pull"), ["pull"]),
        ("registry:catalog:*", ("**", "pull", "push", "delete"), None),
        ("other:ci/app:pull", ("**", "pull"), None),
    ],
)
def test_granted_is_what_is_asked_for_and_allowed(asked: str, access: tuple[str, ...], granted: list[str] | None) -> None:
    rule = Access.model_validate({"repositories": access[0], "actions": access[1:]})
    claims = [scope.claim() for scope in grant(parse([asked]), [rule], catalog=False)]
    assert [claim["actions"] for claim in claims] == ([granted] if granted else [])


def test_rules_add_up() -> None:
    rules = [Access(repositories="**", actions=("pull",)), Access(repositories="ci/**", actions=("push",))]
    granted = grant(parse(["repository:ci/app:pull,push repository:app:pull,push"]), rules, catalog=False)
    assert granted == [TokenScope("repository", "ci/app", PUSH), TokenScope("repository", "app", PULL)]


@pytest.mark.parametrize(
    ("scope", "granted"), [("registry:catalog:*", ["*"]), ("registry:catalog:pull", None), ("registry:other:*", None)]
)
def test_the_catalog_is_granted_to_who_may_list_it(scope: str, granted: list[str] | None) -> None:
    claims = [item.claim() for item in grant(parse([scope]), [], catalog=True)]
    assert [claim["actions"] for claim in claims] == ([granted] if granted else [])


def test_the_claim_has_the_form_of_the_specification() -> None:
    assert TokenScope("repository", "team/app", PUSH | {"delete"}).claim() == {
        "type": "repository",
        "name": "team/app",
        "actions": ["pull", "push", "delete"],
    }
    assert TokenScope("repository", "app", PULL, "plugin").claim()["class"] == "plugin"
