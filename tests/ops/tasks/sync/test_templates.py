"""Templates of the catalogue on a host: filled in with the variables of the settings, and told where one is missing."""

from __future__ import annotations

import pytest

from tests.ops.tasks.sync.mirror_rig import MirrorRig

pytestmark = pytest.mark.system


def test_templates_take_the_variables_of_the_settings_and_what_lacks_one_says_which(mirror: MirrorRig) -> None:
    mirror.push("templates/app", "1")
    wanting = {"source": '{{ env "UP" }}/templates/app', "target": "registry.example.com/templates/app", "type": "repository"}
    mirror.catalogue(wanting, mirror.entry("one", "templates/app"))
    told = mirror.regops("catalogue", "check")
    assert told.returncode == 10, told.stderr
    assert "catalogue.yml:3: $UP is set nowhere on the host" in told.stdout + told.stderr
    one = mirror.plan()["templates/app"]
    assert "$UP is set nowhere on the host, and a template wants it; set sync.variables: {UP: …}" in one["failure"]
    mirror.configure(variables={"UP": mirror.fronts["one"].address})
    assert mirror.regops("catalogue", "check").returncode == 0
    assert mirror.sync("--force")["templates/app"]["copied"] == ["1"]
