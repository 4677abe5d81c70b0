"""A regsync.yml becomes entries of the catalogue: what is taken, what is not, and what is told."""

from __future__ import annotations

import pytest

from ops.catalogue.document import Document
from ops.catalogue.imports import imported
from ops.catalogue.model import Surroundings
from stack_components.sync.component import parts
from tests.ops.catalogue.catalogue_samples import ANCHORS, SHAPES, generated
from tests.plans import BARE, plan_of

AROUND = Surroundings.of(["r.example.com"], [], {})
OLD = """\
version: 1
creds:
  - registry: docker.io
    user: me
    pass: hunter2
  - {registry: ghcr.io, user: me, pass: hunter2}
  - {registry: quay.io, user: me, pass: hunter2}
  - {registry: registry.k8s.io, reqPerSec: 5}
defaults:
  interval: 2h
  ratelimit: {min: 60}
sync:
  - source: alpine
    target: r.example.com/library/alpine
    type: repository
    tags: {allow: ['3\\.\\d+', "latest"]}
    digestTags: true
  - source: nginx:1.29
    target: other.example.com/nginx:1.29
    type: image
  - source: redis
    target: r.example.com/library/redis
    type: repository
    # one is enough
    platform: linux/amd64
  - source: quay.io/org/app
    target: r.example.com/org/app
    type: repository
    hooks: {pre: {type: exec, params: [a, 'b c']}}
  - source: quay.io/org/other
    target: r.example.com/org/app
    type: repository
  - alpine
"""
TAKEN = """\
version: 1
sync:
  - source: docker.io/library/alpine
    target: r.example.com/library/alpine
    type: repository
    tags:
      allow:
        - '3\\.\\d+'
        - latest
    digestTags: true
  - source: quay.io/org/app
    target: r.example.com/org/app
    type: repository
    hooks:
      pre:
        type: exec
        params:
          - a
          - 'b c'
"""


def test_entries_are_taken_and_what_is_not_is_told_with_its_line() -> None:
    result = imported(Document(""), Document(OLD, "regsync.yml"), AROUND)
    assert result.document.text == TAKEN
    assert result.taken == [13, 26]
    assert result.renamed == {13: ("alpine", "docker.io/library/alpine")}
    assert result.refused == {
        19: "target other.example.com/nginx:1.29 is not this registry; let it begin with r.example.com/",
        25: "platform: linux/amd64 copies one platform under another digest;"
        " remove it; or write x-regops: {platform_only: true} if meant",
        31: "writes r.example.com/org/app, as regsync.yml:26 does; give each its own target, or narrow the tags of one",
        33: "is no entry; write it as keys with values: source, target and type",
    }


def test_logins_and_defaults_are_not_taken_and_it_is_told_where_they_go() -> None:
    result = imported(Document("defaults: {interval: 2h}\n"), Document(OLD), AROUND)
    assert "hunter2" not in result.document.text
    assert result.notes == [
        "the login at docker.io is not taken; passwords are secrets of the stack:"
        ' `make pulumi ARGS="config set --secret hub_user"` and `make pulumi ARGS="config set --secret hub_token"`',
        "the login at ghcr.io is not taken; passwords are secrets of the stack:"
        ' `make pulumi ARGS="config set --secret ghcr_user"` and `make pulumi ARGS="config set --secret ghcr_token"`',
        "the login at quay.io is not taken; passwords are secrets of the stack:"
        """ `pulumi config set --secret --path 'upstream_logins["quay.io"].user'` and"""
        """ `pulumi config set --secret --path 'upstream_logins["quay.io"].token'`""",
        "defaults are not taken: ratelimit; write those you want into catalogue.yml",
    ]


def test_what_is_there_is_not_taken_again() -> None:
    once = imported(Document(""), Document(OLD), AROUND).document
    edited = Document(once.text.replace("        - latest\n", "").replace("docker.io/library/alpine", "index.docker.io/alpine"))
    again = imported(edited, Document(OLD), AROUND)
    assert again.document.text == edited.text
    assert (again.taken, again.there) == ([], [13, 26])


def test_what_another_entry_writes_already_is_refused() -> None:
    mine = Document("sync:\n  - {source: mine, target: r.example.com/org/app, type: repository}\n")
    result = imported(mine, Document(OLD), AROUND)
    assert result.taken == [13]
    assert result.refused[26].startswith("writes r.example.com/org/app, as catalogue.yml:2 does")


@pytest.mark.parametrize("shape", SHAPES)
def test_entries_say_the_same_afterwards(shape: str) -> None:
    other = Document(SHAPES[shape])
    result = imported(Document("version: 1\n"), other, Surroundings())
    assert not result.renamed
    lines = set(result.taken)
    assert [item.values for item in result.document.entries] == [item.values for item in other.entries if item.line in lines]
    assert len(result.taken) + len(result.refused) >= len(other.entries)


def test_merged_keys_come_along() -> None:
    result = imported(Document(""), Document(ANCHORS), Surroundings())
    assert "*" not in result.document.text.replace(".*", "")
    assert result.document.entries[0].values["digestTags"] == "true"


def test_thousands_are_taken_and_known_again() -> None:
    other = Document(generated(2000))
    result = imported(Document(""), other, Surroundings())
    assert len(result.taken) == 2000
    assert len(imported(result.document, other, Surroundings()).there) == 2000


def test_what_up_writes_from_the_settings_gets_the_name_that_clients_know() -> None:
    entries = [{"source": "alpine", "tags": [r"3\.\d+"]}, {"source": "quay.io/org/app:1.2", "target": "mirror/app:stable"}]
    (part,) = parts(plan_of(**BARE | {"sync": {"entries": entries}}))
    other = Document(part.files["regsync.yml"].decode(), "regsync.yml")
    result = imported(Document(""), other, AROUND)
    targets = [item.text("target") for item in result.document.entries]
    assert targets == ["r.example.com/library/alpine", "r.example.com/mirror/app:stable"]
    assert (result.refused, len(result.notes)) == ({}, 1), "its defaults alone are not taken"
    assert imported(result.document, other, AROUND).taken == []
    nameless = imported(Document(""), other, Surroundings())
    assert nameless.notes[0].endswith("import it with --registry NAME")
