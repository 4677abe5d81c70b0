"""What regsync says is understood: which images are under way, which failed, and whether that may pass."""

from __future__ import annotations

import json

import pytest

from ops.tasks.sync.log import Log, failure_of


def line(message: str, target: str, **more: str) -> str:
    return json.dumps({"level": "INFO", "msg": message, "target": target, **more})


def test_an_image_is_under_way_until_it_has_failed() -> None:
    log = Log(now=iter([1.0, 2.0]).__next__)
    log.add(line("Image sync running", "here/a:1"))
    log.add(line("Image sync running", "here/b:1"))
    assert log.running == {"here/a:1": 1.0, "here/b:1": 2.0}
    log.add(line("Failed to sync", "here/a:1", error="request failed: not found [http 404]"))
    assert list(log.running) == ["here/b:1"]
    assert not log.failed["here/a:1"].passes


@pytest.mark.parametrize("said", ["panic: runtime error", "{}", "[]", '"text"', '{"msg": 1', ""])
def test_what_is_no_message_is_kept_for_the_end(said: str) -> None:
    log = Log()
    log.add(said)
    assert log.tail == ([said] if said else [])


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        ("failed to get manifest: request failed: unauthorized [http 401]", False),
        ("request failed: not found [http 404]: MANIFEST_UNKNOWN", False),
        ("request failed: denied: requested access to the resource is denied", False),
        ("request failed: unexpected http status code [http 503]", True),
        ("request failed: too many requests [http 429]", True),
        ("dial tcp: lookup quay.example.com: no such host", True),
        ("read tcp 10.0.0.2:4242: connection reset by peer", True),
        ("context deadline exceeded", True),
        ("failed to send blob (chunk), ref registry:5000/app@sha256:f3: http status: not found [http 404]", True),
        ("failed to send blob (put), ref registry:5000/app@sha256:f3: unexpected http status code [http 416]", True),
        ("failed to send blob (post), ref registry:5000/app@sha256:f3: unauthorized [http 401]", False),
        ("write /var/lib: no space left on device", True),
    ],
)
def test_whether_it_may_pass_is_told_by_its_error(error: str, passes: bool) -> None:
    assert failure_of(error).passes is passes


def test_a_person_s_read_only_mode_is_waited_for() -> None:
    answer = '{"errors":[{"code":"DENIED","message":"this registry is read-only: we move house","detail":null}]}'
    failure = failure_of(
        f"failed to send blob post, ref x: request failed: unexpected http status code: Method Not Allowed [http 405]: {answer}"
    )
    assert (failure.passes, failure.waits) == (True, True)
    assert str(failure) == "the registry is in read-only mode until its operator ends that"


def test_a_line_that_never_closes_is_kept_for_the_end() -> None:
    log = Log()
    log.add("[" * 20_000)
    assert log.tail == ["[" * 20_000]
