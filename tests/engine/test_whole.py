"""A stack with everything that can run here, and one in which stand-ins take the places of the rest: targets, pages, sign-on."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pytest

from infra.blocks.rotation import generation_name
from infra.services import SERVICES
from ops.config import RETENTION
from ops.registry.canary import REPOSITORY
from ops.registry.holds import Hold, Holds
from tests.browser import page
from tests.engine.changes import mirrored
from tests.engine.client import client
from tests.engine.interruptions import watched
from tests.engine.stacks import TestStack, generated, new_stack
from tests.engine.stand_ins import lock_with_stand_ins
from tests.ops.command_line import regops
from tests.plans import DEFAULTS, EVERYTHING
from tests.stack_components.monitoring.dashboard_queries import NO_ALERT, WITHOUT_DATA, Query, queries
from tools.offline.recipes import RECIPES

# Without protection: no package contains the sources of the edge's image with the bouncer.
SETTINGS: dict[str, Any] = {
    **DEFAULTS,
    "protection": {"enabled": False},
    "management": {"enabled": True},
    "operations": {"gc": {"min_age_hours": 0, "max_share": 1}},
    "sync": {
        **mirrored("alpine"),
        "retention": [{"repository": "ci/app", "tags": "ci-[0-9]+", "keep": 10}],
        "scripts": EVERYTHING["sync"]["scripts"],
    },
}
# Dashboards show how they ended, once Prometheus has seen it: others need not wait for that.
TASKS = ("changes", "snapshot create", "gc")
# Prometheus scrapes each target every 15 s or 30 s.
_SCRAPED_S = 90.0


@pytest.fixture(scope="class")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestStack]:
    """Every service except protection; what no package contains is a stand-in."""
    folder = tmp_path_factory.mktemp("whole")
    with new_stack(folder, {**SETTINGS, "images_lock": str(lock_with_stand_ins(folder))}) as stack:
        stack.outputs = stack.open().up(stream=False)
        for words in TASKS:
            assert regops(stack.root, *words.split()).returncode == 0
        yield stack


@pytest.fixture(scope="class")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestStack]:
    """What `make up` brings up on a machine that can pull no images."""
    with new_stack(tmp_path_factory.mktemp("packaged"), DEFAULTS) as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("IMAGES", "offline")
            stack.outputs = stack.open().up(stream=False)
        yield stack


def targets(stack: TestStack) -> dict[str, str]:
    """Health of each target of Prometheus by job."""
    answer = httpx.get(f"{stack.outputs['registry_url']}/prometheus/api/v1/targets", auth=operator(stack), timeout=10)
    return {one["labels"]["job"]: one["health"] for one in answer.raise_for_status().json()["data"]["activeTargets"]}


def operator(stack: TestStack) -> tuple[str, str]:
    return stack.outputs["registry_user"], stack.outputs["registry_pass"]


def signed_on(stack: TestStack, path: str) -> str:
    """The address of a page with the operator's name and password in it, as a signed-in browser sends them."""
    user, password = operator(stack)
    return str(stack.outputs["registry_url"]).replace("://", f"://{user}:{password}@") + path


def shown(stack: TestStack, path: str) -> str:
    """A page as the operator gets it."""
    return httpx.get(stack.outputs["registry_url"] + path, auth=operator(stack), timeout=10).raise_for_status().text


def settled(stack: TestStack) -> dict[str, str]:
    """The targets once all of them have been scraped."""
    give_up = time.monotonic() + _SCRAPED_S
    while True:
        found = targets(stack)
        if set(found.values()) == {"up"} or time.monotonic() > give_up:
            return found
        time.sleep(1)


# Whose password each secret is: an account of the registry, or a user of the cache.
ACCOUNTS = {"sync_password": "regsync", "script_password": "regbot", "retention_password": RETENTION}
IN_CACHE = {"cache_password": "registry", "metrics_cache_password": "metrics"}
UPLOADS = "ci/app"


def unanswered(prometheus: httpx.Client, asked: Iterable[Query]) -> list[Query]:
    """Which of the dashboards' queries have no data; all are understood."""
    found = []
    for query in asked:
        answer = prometheus.get("/prometheus/api/v1/query", params={"query": query.expr})
        assert answer.status_code == 200, f"{query}: {answer.text}"
        if not answer.json()["data"]["result"]:
            found.append(query)
    return found


def works(stack: TestStack, name: str, value: str) -> bool:
    """Whether a value of one of these secrets opens what it is for."""
    if user := IN_CACHE.get(name):
        words = ["redis-cli", "--no-auth-warning", "--user", user, "--pass", value, "ping"]
        # What a program says that ends at once is lost now and then.
        said = (bytes(stack.containers()["cache"].exec_run(words).output).decode() for _ in range(5))
        answer = next(filter(None, said), "")
        assert "PONG" in answer or "WRONGPASS" in answer, answer
        return "WRONGPASS" not in answer
    status = token(stack, (ACCOUNTS[name], value)).status_code
    assert status in {200, 401}
    return status == 200


def token(stack: TestStack, login: tuple[str, str]) -> httpx.Response:
    query = {"service": stack.outputs["registry"], "scope": f"repository:{UPLOADS}:pull,push"}
    return httpx.get(f"{stack.outputs['registry_url']}/auth/token", params=query, auth=login)


def begun(stack: TestStack) -> str:
    """The URL of an upload that has begun; its state is signed with the registry's secret."""
    url = httpx.URL(stack.outputs["registry_url"])
    answer = httpx.post(url.join(f"/v2/{UPLOADS}/blobs/uploads/"), headers=pushing(stack))
    return str(url.join(answer.raise_for_status().headers["Location"]))


def sent(stack: TestStack, upload: str) -> httpx.Response:
    return httpx.patch(upload, content=b"x", headers=pushing(stack))


def pushing(stack: TestStack) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(stack, operator(stack)).json()['token']}"}


class TestWithPackages:
    """What `make up` gives a machine that can pull no images."""

    def test_everything_that_packages_have_runs_and_the_rest_is_named(self, packaged: TestStack) -> None:
        asked = [name for name in SERVICES if name not in {"regsync", "regbot", "portainer", "portainer-socket", "oauth2-proxy"}]
        left_out = {name for name in asked if SERVICES[name].image not in RECIPES} | {"cadvisor"}
        assert set(packaged.outputs["left_out"]) == left_out
        assert set(packaged.containers()) == set(asked) - left_out
        assert {"prometheus", "alertmanager", "node-exporter", "redis-exporter", "blackbox-exporter"} <= set(
            packaged.containers()
        )

    def test_every_target_of_prometheus_is_up(self, packaged: TestStack) -> None:
        found = settled(packaged)
        assert {job for job, health in found.items() if health != "up"} == set()
        assert {"prometheus", "alertmanager", "registry", "gateway", "edge", "node-exporter", "redis-exporter"} <= set(found)

    def test_the_metrics_of_the_gateway_are_for_prometheus_alone(self, packaged: TestStack) -> None:
        containers = packaged.containers()
        addresses = [packaged.address("gateway", network) for network in ("gateway-metrics", "app")]

        def gets(service: str, page: str) -> bool:
            return bool(containers[service].exec_run(["wget", "-q", "-T", "2", "-t", "1", "-O", "-", f"http://{page}"])[0] == 0)

        assert [gets("prometheus", f"{address}:8081/metrics") for address in addresses] == [True, False]
        assert not gets("prometheus", f"{addresses[0]}:8080/healthz")
        for service in ("edge", "registry"):
            assert gets(service, "gateway:8080/healthz")
            assert not any(gets(service, f"{address}:8081/metrics") for address in addresses)

    def test_the_registry_is_asked_as_clients_ask_it(self, packaged: TestStack) -> None:
        give_up = time.monotonic() + _SCRAPED_S
        while True:
            answer = httpx.get(
                f"{packaged.outputs['registry_url']}/prometheus/api/v1/query",
                params={"query": "probe_success"},
                auth=operator(packaged),
            )
            values = [float(series["value"][1]) for series in answer.json()["data"]["result"]]
            if values and all(values):
                return
            assert time.monotonic() < give_up, answer.text
            time.sleep(1)


# One after the other: a Docker engine has addresses for some thirty networks, and a whole stack takes a dozen.
class TestWithStandIns:
    """The whole stack."""

    def test_every_target_of_prometheus_is_up(self, whole: TestStack) -> None:
        found = settled(whole)
        assert {job for job, health in found.items() if health != "up"} == set()
        assert {"grafana", "cadvisor"} <= set(found)

    def test_all_services_run(self, whole: TestStack) -> None:
        without = {"crowdsec", "oauth2-proxy"}
        assert set(whole.containers()) == set(SERVICES) - without
        assert whole.outputs["left_out"] == {}
        assert {container.attrs["State"]["Health"]["Status"] for container in whole.containers().values()} == {"healthy"}

    def test_docker_keeps_the_limits_of_each(self, whole: TestStack) -> None:
        for name, container in whole.containers().items():
            limits = SERVICES[name].limits
            host = client().api.inspect_container(container.id)["HostConfig"]
            assert (host["NanoCpus"], host["Memory"], host["MemorySwap"]) == (
                round(limits.cpus * 1e9),
                limits.memory_mib * 2**20,
                limits.memory_mib * 2**20,
            )

    @pytest.mark.parametrize("path", ["/", "/images", "/grafana/", "/prometheus/graph", "/portainer/"])
    def test_a_signed_out_browser_sees_the_sign_on_page_and_nothing_else(self, whole: TestStack, path: str) -> None:
        seen = page(whole.outputs["registry_url"] + path)
        assert "<h1>Sign on</h1>" in seen
        assert "STAND-IN" not in seen

    @pytest.mark.parametrize(
        ("path", "asked"),
        [
            ("/ui/", "STAND-IN for ui / "),
            ("/ui", "STAND-IN for ui / "),
            ("/grafana/", "STAND-IN for grafana /grafana/ "),
            ("/grafana", "STAND-IN for grafana /grafana/ "),
            ("/portainer/", "STAND-IN for portainer / "),
        ],
    )
    def test_a_signed_on_browser_sees_the_page(self, whole: TestStack, path: str, asked: str) -> None:
        seen = page(signed_on(whole, path))
        assert asked in seen
        # The page is told who is there, and not the password.
        assert f'"X-Auth-Request-User": "{operator(whole)[0]}"' in seen
        assert "Authorization" not in seen

    def test_the_ui_asks_for_the_registry_below_its_own_path(self, whole: TestStack) -> None:
        answer = httpx.get(f"{whole.outputs['registry_url']}/ui/v2/{UPLOADS}/tags/list")
        assert answer.json()["errors"][0]["code"] in {"UNAUTHORIZED", "NAME_UNKNOWN"}
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"

    def test_a_signed_on_browser_sees_what_runs_and_what_there_is(self, whole: TestStack) -> None:
        home = page(signed_on(whole, "/"))
        assert "<strong>registry</strong>: answers" in home
        assert f"Signed on as {operator(whole)[0]}" in home
        services = {name: state for state, name in re.findall(r'<li><span class="mark \w+">(\w+)</span> ([\w-]+)', home)}
        assert services.keys() == whole.containers().keys()
        assert {services[name] for name in ("console", "edge", "gateway", "prometheus", "registry", "cache")} == {"ok"}
        # The doctor has pushed it.
        assert f'href="/images/{REPOSITORY}"' in shown(whole, "/images")
        tags = shown(whole, f"/images/{REPOSITORY}")
        (tag,) = re.findall(rf'href="/images/{REPOSITORY}:([\w.-]+)"', tags)[:1]
        assert f"docker pull {whole.outputs['registry']}/{REPOSITORY}:{tag}" in page(
            signed_on(whole, f"/images/{REPOSITORY}:{tag}")
        )

    def test_a_signed_on_browser_sees_prometheus(self, whole: TestStack) -> None:
        assert "Prometheus" in page(signed_on(whole, "/prometheus/graph"))

    def test_a_second_up_of_everything_changes_nothing(self, whole: TestStack) -> None:
        before = {name: container.id for name, container in whole.containers().items()}
        whole.open().up(stream=False)
        assert {name: container.id for name, container in whole.containers().items()} == before

    # After others, so that Prometheus has scraped everything twice.
    def test_every_query_of_the_dashboards_has_data(self, whole: TestStack) -> None:
        give_up, left = time.monotonic() + _SCRAPED_S, queries()
        with httpx.Client(base_url=whole.outputs["registry_url"], auth=operator(whole), timeout=10) as prometheus:
            while [query for query in left if not query.why_without_data] and time.monotonic() < give_up:
                left = unanswered(prometheus, left)
                time.sleep(1)
            left = unanswered(prometheus, left)
        assert {query.place: query.expr for query in left if not query.why_without_data} == {}
        # What has data needs no excuse; that no alert fires, nobody can promise.
        assert {query.why_without_data for query in left} | {NO_ALERT} == set(WITHOUT_DATA.values())

    def test_what_a_task_may_cost_is_asked_of_prometheus(self, whole: TestStack) -> None:
        document = json.loads(regops(whole.root, "budget", "--json").stdout)["budget"]
        assert document["probes"] > document["failed_probes"]
        assert document["left_seconds"] > 0
        nobodys = {"digest": f"sha256:{hashlib.sha256(b'x').hexdigest()}"}
        url = httpx.URL(begun(whole)).copy_merge_params(nobodys)
        httpx.put(url, content=b"x", headers=pushing(whole)).raise_for_status()
        slow = Hold("gc", time.time() - 7 * 86_400, 86_400.0, files=1)
        holds = Holds(whole.root / "data/regops/read-only.jsonl")
        holds.add(slow)
        assert "it would not start: writes would be refused for about" in regops(whole.root, "gc", "--dry-run").stderr
        refused = regops(whole.root, "gc")
        assert (refused.returncode, "budget: writes would be refused for about" in refused.stderr) == (1, True)
        done = json.loads(regops(whole.root, "gc", "--allow", "budget", "--json").stdout)["report"]
        noted = holds.all()[holds.all().index(slow) + 1 :]
        assert (sum(one.files for one in noted), len(noted)) == (done["plan"]["files"], done["slices"])
        assert done["plan"]["files"] > 0

    def test_clients_notice_nothing_of_another_catalogue_and_other_dashboards(self, whole: TestStack) -> None:
        before = {name: container.id for name, container in whole.containers().items()}
        change = {"sync": {**SETTINGS["sync"], **mirrored("debian")}, "monitoring": {"cadvisor": False}}
        with watched(whole.outputs) as watch:
            whole.open(change=change).up(stream=False)
        after = {name: container.id for name, container in whole.containers().items()}
        assert {name for name, one in after.items() if before[name] != one} == {"regsync", "prometheus", "grafana"}
        assert watch.met() == {}

    def test_the_old_ones_of_secrets_that_only_services_know_no_longer_work_once_they_are_rotated(self, whole: TestStack) -> None:
        def values(generation: int) -> dict[str, str]:
            session = whole.open()
            session.stack.prepare()
            return {name: generated(session.stack, generation_name(name, generation)) for name in (*ACCOUNTS, *IN_CACHE)}

        old, upload = values(1), begun(whole)
        assert all(works(whole, name, value) for name, value in old.items())
        rotated = (*ACCOUNTS, *IN_CACHE, "registry_http_secret")
        whole.open(change={"rotation": {name: {"generation": 2} for name in rotated}}).up(stream=False)
        assert {name: works(whole, name, value) for name, value in values(2).items()} == dict.fromkeys(old, True)
        assert {name: works(whole, name, value) for name, value in old.items()} == dict.fromkeys(old, False)
        assert "BLOB_UPLOAD_INVALID" in sent(whole, upload).text, "the former secret signed its state"
        assert sent(whole, begun(whole)).status_code == 202
        assert {container.attrs["State"]["Health"]["Status"] for container in whole.containers().values()} == {"healthy"}
