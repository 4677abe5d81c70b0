"""Entries that write the same tag or the same repositories, and those that only look as if they did."""

from __future__ import annotations

import pytest

from tests.ops.catalogue.test_checks import found, one


def entry(source: str, target: str, more: str = "") -> str:
    kind = "image" if ":" in source else "repository"
    return f"- {{source: {source}, target: r.example.com/{target}, type: {kind}{more}}}\n"


def whole(source: str, target: str, repos: str = "") -> str:
    """Return an entry of a whole registry, with a filter of its repositories."""
    return f"- {{source: {source}, target: r.example.com{target}, type: registry, repos: {{{repos}}}}}\n"


OVERLAPS = {
    "one repository": (entry("a", "x") + entry("b", "x"), "writes r.example.com/x, as catalogue.yml:2 does"),
    "one image": (entry("a:1", "x:1") + entry("b:1", "x:1"), "writes r.example.com/x:1, as catalogue.yml:2 does"),
    "an image of a repository": (entry("a", "x") + entry("b:1", "x:1"), "writes r.example.com/x:1, as catalogue.yml:2 does"),
    "a repository with an image": (entry("b:1", "x:1") + entry("a", "x"), "writes r.example.com/x:1, as catalogue.yml:2 does"),
    "a named tag": (
        entry("a", "x", ", tags: {allow: ['1.2', b]}") + entry("b", "x", ", tags: {allow: [c, '1[.]2']}"),
        "writes r.example.com/x:1.2, as catalogue.yml:2 does",
    ),
    "the same pattern": (
        entry("a", "x", ", tags: {allow: ['1.*']}") + entry("b", "x", ", tags: {allow: ['1.*']}"),
        "writes r.example.com/x, as catalogue.yml:2 does",
    ),
    "whole registries": (
        whole("a.example", "/x") + whole("b.example", "/x", "allow: [org/.*]"),
        "writes r.example.com/x/…, as catalogue.yml:2 does",
    ),
    "whole registries without a folder": (
        whole("a.example", "") + whole("a.example", ""),
        "writes r.example.com/…, as catalogue.yml:2 does",
    ),
    "a repository of both": (
        whole("a.example", "/x", "allow: [b, org/a]") + whole("b.example", "/x", "allow: ['org/.*']"),
        "writes r.example.com/x/org/a, as catalogue.yml:2 does",
    ),
}
APART = {
    "other repositories": entry("a", "x") + entry("b", "y"),
    "other tags": entry("a:1", "x:1") + entry("a:2", "x:2"),
    "other lists": entry("a", "x", ", tags: {allow: [a, b]}") + entry("b", "x", ", tags: {allow: [c]}"),
    "denied": entry("a", "x", ", tags: {allow: [a, b], deny: [b]}") + entry("b", "x", ", tags: {allow: [b]}"),
    "not that image": entry("a", "x", ", tags: {allow: ['1.*']}") + entry("b:2", "x:2"),
    "off": entry("a", "x") + entry("b", "x", ", x-regops: {enabled: false}"),
    "whole registries in folders of their own": whole("a.example", "/x") + whole("b.example", "/y"),
    "repositories that one denies": (
        whole("a.example", "/x", "allow: [org/a]") + whole("b.example", "/x", "allow: ['org/.*'], deny: [org/a]")
    ),
    "patterns of repositories": whole("a.example", "/x", "allow: ['a/.*']") + whole("b.example", "/x", "deny: ['a/.*']"),
    "names that begin alike": whole("a.example", "/x") + whole("b.example", "/xy"),
    "a folder within that is denied": whole("a.example", "/x", "deny: ['y/.*']") + whole("b.example", "/x/y"),
    "a folder within that is not let through": whole("b.example", "/x/y") + whole("a.example", "/x", "allow: ['org/.*']"),
    "unclear": entry("a", "x", ", tags: {semverRange: ['>=1']}") + entry("b", "x", ", tags: {allow: ['2.0.0']}"),
}


@pytest.mark.parametrize("case", OVERLAPS)
def test_two_that_write_one_tag_are_told_at_the_second(case: str) -> None:
    text, what = OVERLAPS[case]
    problem = one(f"sync:\n{text}")
    assert (problem.line, problem.what, problem.entries, problem.severe) == (3, what, (0, 1), True)


@pytest.mark.parametrize(("first", "second"), [("", "/y"), ("/x", "/x/y"), ("/x/y", "/x")])
def test_a_whole_registry_that_may_write_into_the_folder_of_another_is_doubtful(first: str, second: str) -> None:
    problem = one("sync:\n" + whole("a.example", first) + whole("b.example", second))
    longer = max(first, second, key=len)
    assert (problem.line, problem.what) == (3, f"writes r.example.com{longer}/…, as catalogue.yml:2 does")
    assert (problem.entries, problem.severe) == ((0, 1), False)
    assert "say so with repos: {deny: ['y/.*']} at the shorter one" in problem.remedy


@pytest.mark.parametrize("case", APART)
def test_those_that_do_not_are_let_pass(case: str) -> None:
    assert found(f"sync:\n{APART[case]}") == []
