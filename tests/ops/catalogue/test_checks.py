"""What is wrong with a catalogue: the line, the thing, the remedy, and whether it is severe."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from ops.catalogue.checks import check
from ops.catalogue.document import Document
from ops.catalogue.entry import read
from ops.catalogue.model import Problem, Surroundings
from tests.ops.catalogue.catalogue_samples import SHAPES

OURS = Surroundings.of(["r.example.com"], [], {"R": "r.example.com"})
HEAD = "version: 1\nsync:\n- source: docker.io/library/a\n  target: r.example.com/library/a\n  type: repository\n"


def found(text: str, around: Surroundings = OURS) -> list[Problem]:
    return check(Document(text), around)


def one(text: str, around: Surroundings = OURS) -> Problem:
    (problem,) = found(text, around)
    return problem


# What is added to an entry that is well, and then the line, the thing, the remedy, and whether it is severe.
FAULTS = {
    "  tagss: {}\n": (6, "tagss: is no key of regsync, which ignores it", "write tags", True),
    "  fastCopy: true\n": (6, "fastCopy: is no key of regsync, which ignores it", "write fastCheck", True),
    "  zzz: 1\n": (
        6,
        "zzz: is no key of regsync, which ignores it",
        "it must be one of source, target, type, tags, tagSets,",
        False,
    ),
    "  tags:\n    alow: [a]\n": (7, "tags.alow: is no key of regsync, which ignores it", "write allow", True),
    "  tagSets:\n  - alow: [a]\n": (7, "tagSets.0.alow: is no key of regsync", "write allow", True),
    "  hooks: {pre: {typ: exec}}\n": (6, "hooks.pre.type: is required", "add type:", True),
    "  ratelimit:\n    mn: 3\n": (7, "ratelimit.mn: is no key of regsync", "write min", True),
    "  x-regops:\n    hold: true\n    keepLast: 3\n": (8, "x-regops.keepLast: unknown key", "write keep_last", True),
    "  x-regops: {keep_last: 0}\n": (
        6,
        "x-regops.keep_last: Input should be greater than 0 (it is '0')",
        "correct x-regops",
        True,
    ),
    "  x-regops: {min_age: soon}\n": (
        6,
        "x-regops.min_age: 'soon' is not a duration; write a number with",
        "correct x-regops",
        True,
    ),
    "  x-regops: {max_bytes: much}\n": (6, "x-regops.max_bytes: could not parse value and unit", "correct x-regops", True),
    "  x-regops: {protect: ['(?!a)']}\n": (6, "x-regops.protect.0: is not a regular expression that", "correct x-regops", True),
    "  tags:\n    allow:\n    - ok\n    - (?!rc).*\n": (
        *(
            9,
            "tags.allow.1: is not a regular expression that regsync understands: look-ahead at '(?!rc).*'",
            "correct tags",
            True,
        ),
    ),
    "  tags:\n    deny: ['a**']\n": (
        7,
        "tags.deny.0: is not a regular expression that regsync understands",
        "correct tags",
        True,
    ),
    "  tags: {semverRange: [newest]}\n": (6, "tags.semverRange.0: is no range of versions that regsync", "correct tags", True),
    "  tags: {allow: a}\n": (6, "tags.allow: should be a list (it is 'a')", "correct tags", True),
    "  tags:\n    deny: [a|b]\n": (7, "'a|b' matches parts of tags", "write (?:a|b)", False),
    "  interval: often\n": (6, "interval: String should match pattern", "correct interval", True),
    "  digestTags: yes\n": (6, "digestTags: should be true or false, without quotes (it is 'yes')", "correct digestTags", True),
    "  platform: linux/amd64\n": (6, "platform: linux/amd64 copies one platform under another digest", "remove it; or", True),
    "  platforms: [linux/amd64]\n": (6, "platforms leaves gaps in each image", "remove it; or", False),
    "  type: repository\n": (6, "type is there twice", "remove one", False),
    "  referrers: 'true'\n": (6, "referrers: should be true or false, without quotes", "correct referrers", True),
    "  tags:\n    allow:\n    - 1.25.0\n    - 3.20\n": (9, "3.20 without quotes is no text", "write '3.20'", True),
    "  tags: {deny: [010]}\n": (6, "010 without quotes is no text", "write '010'", True),
    "  tags: {deny: [True]}\n": (6, "True without quotes is no text", "write 'True'", True),
    "  tags: {allow: [b, 'c:d', a:b]}\n": (6, "a:b without quotes in a list in brackets", "write 'a:b'", True),
    "  <<: {type: image}\n": (6, "type is replaced by what << brings, as that comes after it", "write << before type", True),
    "  <<: [{referrers: true}]\n": (
        6,
        "<< with a list, which regsync refuses, and the whole file with it",
        "write << with",
        True,
    ),
}


def test_keys_of_others_are_let_pass() -> None:
    assert found(HEAD + "  x-mine: 1\n  tags: {x-why: because, allow: [a]}\n") == []


def test_an_entry_that_is_well_has_no_problems() -> None:
    assert found(HEAD) == []
    ours = "  x-regops: {platform_only: true, min_age: 3d, max_bytes: 20GiB, protect: ['v\\d+']}\n"
    assert found(f"{HEAD}  platform: linux/amd64\n{ours}  x-mine: {{a: 1}}\n") == []


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_is_told_with_its_line_and_a_remedy(text: str) -> None:
    line, what, remedy, severe = FAULTS[text]
    problem = found(HEAD + text)[0]
    assert (problem.line, problem.severe, problem.entries) == (line, severe, (0,))
    assert problem.what.startswith(what)
    assert problem.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("entry", "line", "what"),
    [
        ("source: a\n  target: r.example.com/a\n", 2, "type: is required"),
        ("source: a\n  type: image\n", 2, "target: is required"),
        (
            "source: a\n  target: r.example.com/a\n  type: images\n",
            4,
            "type: Input should be 'repository', 'image' or 'registry' (it is 'images')",
        ),
        ("source: A\n  target: r.example.com/a\n  type: image\n", 2, "source 'A' is no repository or image"),
        (
            "source: quay.io/a:1\n  target: r.example.com/a\n  type: repository\n",
            2,
            "source names a single image, and type is repository",
        ),
        (
            "source: a\n  target: r.example.com/a:1\n  type: repository\n",
            3,
            "target names a single image, and type is repository",
        ),
        (
            "source: a:1\n  target: r.example.com/a\n  type: image\n",
            3,
            "target has no tag, so that docker.io/library/a:1 becomes r.example.com/a:latest",
        ),
        (
            "source: a:1\n  target: r.example.com/a:1\n  type: image\n  tags: {allow: [b]}\n",
            5,
            "type is image, for which regsync ignores tags",
        ),
        ("source: a\n  target: a\n  type: repository\n", 3, "target docker.io/library/a is not this registry"),
        ("source: a\n  target: o.example.com/a\n  type: repository\n", 3, "target o.example.com/a is not this registry"),
        ("source: a\n  target: ocidir://a\n  type: repository\n", 3, "target ocidir://a is a folder, not this registry"),
        ("source: quay.io\n  target: o.example.com\n  type: registry\n", 3, "target o.example.com is not this registry"),
        ("source: library\n  target: r.example.com\n  type: registry\n", 2, "source 'library' is no registry"),
    ],
)
def test_names_and_type_must_fit(entry: str, line: int, what: str) -> None:
    problem = one(f"sync:\n- {entry}")
    assert (problem.line, problem.severe) == (line, True)
    assert problem.what.startswith(what)
    assert problem.remedy


def test_what_is_no_entry_is_told() -> None:
    assert [(problem.line, problem.what) for problem in found("sync:\n- alpine\n-\n")] == [(2, "is no entry"), (3, "is no entry")]


def test_targets_are_within_what_the_mirror_may_write() -> None:
    within = Surroundings.of([], ["mirror/**", "library/a"], {})
    assert found(HEAD, within) == []
    problem = one(HEAD.replace("com/library/a", "com/library/b"), within)
    assert problem.what == "target library/b is outside of where the mirror may write"
    assert problem.remedy == "choose one within mirror/**, library/a"
    with pytest.raises(ValueError, match=r"'mirror/\*' should be a repository name, a prefix ending in /\*\*"):
        Surroundings.of([], ["mirror/*"], {})


def test_without_a_name_of_this_registry_targets_may_be_anywhere() -> None:
    assert found(HEAD.replace("r.example.com", "o.example.com"), Surroundings()) == []


def test_templates_are_filled_in() -> None:
    text = HEAD.replace("target: r.example.com", 'target: \'{{ env "R" }}').replace("library/a\n  type", "library/a'\n  type")
    assert found(text) == []
    outside = Surroundings.of(["r.example.com"], [], {"R": "o.example.com"})
    assert one(text, outside).what == "target o.example.com/library/a is not this registry"


def test_a_variable_that_is_not_set_is_told_once() -> None:
    problem = one(SHAPES["charts"], Surroundings())
    assert (problem.line, problem.what, problem.severe) == (14, "$REGISTRY_ENDPOINT is not set, and a template wants it", False)
    assert problem.remedy.startswith("set REGISTRY_ENDPOINT where regsync runs; ")


def test_on_the_host_a_variable_that_is_set_nowhere_is_severe_for_all_entries_that_want_it() -> None:
    document, around = Document(SHAPES["charts"]), Surroundings(environment={"OTHER": "x"}, of_host=True)
    (problem,) = (one for one in check(document, around) if one.severe)
    assert problem.what == "$REGISTRY_ENDPOINT is set nowhere on the host, and a template wants it"
    assert problem.remedy.startswith("set sync.variables: {REGISTRY_ENDPOINT: …} in the settings and run `up`")
    assert problem.entries == tuple(one.index for one in document.entries if "REGISTRY_ENDPOINT" in one.text("target"))


def test_other_templates_are_filled_in_by_regsync_alone() -> None:
    text = HEAD.replace("target: r.example.com", "target: '{{ file `name` }}").replace("library/a\n  type", "library/a'\n  type")
    assert found(text, Surroundings()) == []
    problem = one(text, Surroundings(of_host=True))
    assert (problem.what, problem.severe) == ("has a template that is no {{ env … }}, which the mirror does not fill in", True)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("verson: 1\n", ("verson: is no key of regsync", "write version", True)),
        ("version: 2\n", ("version 2: regsync knows version 1", "write", True)),
    ],
)
def test_the_file_s_own_keys_are_looked_at(line: str, told: tuple[str, str, bool]) -> None:
    problem = one(f"# top\n{line}x-mine: 3\nsync: []\n")
    assert problem.line == 2
    assert problem.what.startswith(told[0])
    assert problem.remedy.startswith(told[1])
    assert problem.severe is told[2]


def test_a_byte_order_mark_is_told() -> None:
    problem = one("\ufeff" + HEAD)
    assert (problem.line, problem.remedy, problem.severe) == (1, "save it without one", True)


def test_numbers_that_stay_as_they_are_are_let_pass() -> None:
    well = "  tags: {allow: [12, 3.25, 0.5, 1.2.3, 08, 20250101, true, '3.20', v1.10, latest, 1e3]}\n  ratelimit: {min: 010}\n"
    assert found(HEAD + well + "  x-regops: {keep_last: 010}\n") == []


def test_two_lists_are_severe() -> None:
    assert one("sync: []\nsync: []\n").severe


ODD = {
    "accents": ["source 'quay.io/org/widé' is no repository or image"],
    "windows without end": ["source 'quay.io/org/widé' is no repository or image"],
    "byte order mark": ["begins with a byte order mark"],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_real_catalogues_are_well(shape: str) -> None:
    names = ("REGISTRY_ENDPOINT", "POSTGRES_VERSION", "MARIADB_VERSION", "ELASTIC_VERSION")
    around = Surroundings.of([], [], dict.fromkeys(names, "registry.example.com"))
    severe = [problem.what for problem in check(Document(SHAPES[shape]), around) if problem.severe]
    assert len(severe) == len(ODD.get(shape, ()))
    assert all(what.startswith(odd) for what, odd in zip(severe, ODD.get(shape, ()), strict=True))


def test_all_of_an_entry_is_read() -> None:
    entry_ = read(Document(SHAPES["everything"]).entries[0].values)
    assert entry_.fast_check
    assert entry_.referrers
    assert not entry_.force_recursive
    assert [one.allow for one in entry_.filters] == [("bookworm", "trixie"), ()]
    assert entry_.hooks.pre
    assert entry_.hooks.pre.params == ("echo", "copies")
    assert entry_.ratelimit.min == 20
    assert entry_.referrer_filters[0].annotations == {"org.example": "yes"}


def test_policies_are_read() -> None:
    text = (
        HEAD + "  x-regops: {keep_last: 6, min_age: 3d, hold: true, prune: yes, max_tags: 40, max_bytes: 20GiB, enabled: false}\n"
    )
    policies = read(Document(text).entries[0].values).policies
    assert policies.min_age
    assert (policies.keep_last, policies.min_age.days, policies.max_bytes, policies.max_tags) == (6, 3, 20 << 30, 40)
    assert (policies.hold, policies.prune, policies.enabled, policies.platform_only) == (True, True, False, False)


def test_keys_without_a_value_are_as_if_they_were_not_there() -> None:
    assert read({"source": "a", "target": "b", "type": "image", "tags": None, "hooks": {"pre": None}}).filters == ()
    with pytest.raises(ValidationError, match="target"):
        read({"source": "a", "target": None, "type": "image"})


def test_a_block_that_has_unknown_keys_alone_is_told_with_what_it_lacks() -> None:
    told = [problem.what for problem in found(HEAD + "  x-regops:\n    verify: {keys: cosign.pub}\n")]
    assert len(told) == 2
    assert any("x-regops.verify.keys: unknown key" in one for one in told)
    assert any("needs either a key, or an identity" in one for one in told)
