"""The doctor's word about a proxy in front of the edge that the edge does not trust."""

from __future__ import annotations

from pathlib import Path

from infra.settings import parse
from ops.stack.access_log import access_log_of
from ops.tasks.doctor.checks.proxies import proxies
from tests.ops.runs.test_task import stack_in
from tests.ops.stack.test_untrusted_proxies import HOST, LAN, lines


def test_a_proxy_that_is_not_trusted_is_named_with_the_setting_that_trusts_it(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    assert proxies(stack) == []
    log = access_log_of(stack)
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"{line}\n" for line in [*lines(3, LAN, tls=True), *lines(3, HOST)]))
    (check,) = proxies(stack)
    assert check.state == "warning"
    assert f"from {HOST} (on this host), {LAN}: all its clients count as one" in check.detail
    assert f"set edge.trusted_proxies: [127.0.0.1, {LAN}], then run `up`" in check.remedy
    assert parse({"edge": {"trusted_proxies": ["127.0.0.1", LAN]}}, stack="test").edge.trusts_this_host
