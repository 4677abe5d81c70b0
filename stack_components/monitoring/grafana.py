"""Grafana's configuration: settings by environment variables, its data source and dashboards by files.

Settings: https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/
Files: https://grafana.com/docs/grafana/latest/administration/provisioning/
"""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from infra.plan import Plan
from ops.config import USER_HEADER
from stack_components.monitoring.dashboard_files import dashboard_files
from stack_components.monitoring.dashboards.shown import DATASOURCE_UID
from stack_components.monitoring.prometheus import SCRAPE_INTERVAL_S

DASHBOARDS_FOLDER = "/etc/grafana/provisioning/dashboards"
_HOME = "overview.json"
_OFF = (
    # It does not reach the Internet, so all of these would fail.
    "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES",
    "GF_ANALYTICS_CHECK_FOR_UPDATES",
    "GF_ANALYTICS_FEEDBACK_LINKS_ENABLED",
    "GF_ANALYTICS_REPORTING_ENABLED",
    "GF_NEWS_NEWS_FEED_ENABLED",
    "GF_PLUGINS_PLUGIN_ADMIN_ENABLED",
    "GF_PLUGINS_PREINSTALL_AUTO_UPDATE",
    "GF_SNAPSHOTS_EXTERNAL_ENABLED",
    # Everybody who gets here has signed on at the edge.
    "GF_AUTH_BASIC_ENABLED",
    "GF_USERS_ALLOW_SIGN_UP",
)
_ON = (
    "GF_PLUGINS_PREINSTALL_DISABLED",  # the image has its plugins; the installer would try to replace them in a read-only folder
    "GF_PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED",
    "GF_SECURITY_DISABLE_GRAVATAR",
    "GF_SERVER_SERVE_FROM_SUB_PATH",
    "GF_AUTH_PROXY_ENABLED",
    "GF_AUTH_PROXY_AUTO_SIGN_UP",
    "GF_AUTH_DISABLE_LOGIN_FORM",
    "GF_AUTH_DISABLE_SIGNOUT_MENU",
)


def environment(plan: Plan, *, password_file: str, secret_key_file: str) -> Mapping[str, str]:
    """Return Grafana's settings. It believes the edge about who is signed on; only the edge and Prometheus are on its network.

    With an identity provider these are several people, who may only view; without one it is the operator, who may do everything.
    The password is for the account `admin`, which nobody logs in to; it must not be the documented default.

    Args:
        plan: What runs.
        password_file: File of the password in the container.
        secret_key_file: File of the key that encrypts secrets in Grafana's database.
    """
    provider = plan.runs("oauth2-proxy")
    address = plan.settings.public_url
    return {
        **dict.fromkeys(_OFF, "false"),
        **dict.fromkeys(_ON, "true"),
        "GF_AUTH_PROXY_HEADER_NAME": USER_HEADER,
        "GF_AUTH_PROXY_HEADER_PROPERTY": "email" if provider else "username",
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": f"{DASHBOARDS_FOLDER}/{_HOME}",
        "GF_SECURITY_ADMIN_PASSWORD__FILE": password_file,
        "GF_SECURITY_COOKIE_SECURE": str(address.startswith("https:")).lower(),
        "GF_SECURITY_SECRET_KEY__FILE": secret_key_file,
        "GF_SERVER_ROOT_URL": f"{address}/grafana/",
        "GF_USERS_AUTO_ASSIGN_ORG_ROLE": "Viewer" if provider else "Admin",
    }


def datasources() -> Mapping[str, str]:
    """Return the provisioned data source: Prometheus."""
    source = {
        "name": "Prometheus",
        "uid": DATASOURCE_UID,
        "type": "prometheus",
        "access": "proxy",
        "url": "http://prometheus.dashboards:9090/prometheus",
        "isDefault": True,
        "editable": False,
        "jsonData": {"timeInterval": f"{SCRAPE_INTERVAL_S}s", "httpMethod": "POST"},
    }
    return {"prometheus.yaml": yaml.safe_dump({"apiVersion": 1, "prune": True, "datasources": [source]}, sort_keys=False)}


def dashboards(plan: Plan) -> Mapping[str, str]:
    """Return the provisioned dashboards, and the file that says where they are."""
    provider = {
        "name": "stack",
        "type": "file",
        "disableDeletion": True,
        "allowUiUpdates": False,
        "options": {"path": DASHBOARDS_FOLDER},
    }
    return {
        "provider.yaml": yaml.safe_dump({"apiVersion": 1, "providers": [provider]}, sort_keys=False),
        **dashboard_files(plan),
    }
