"""The typed contract between the program, which renders these files, and the host, which reads them."""

from ops.config.access import ACCOUNT_NAME, REPOSITORY_NAME, Access, Account, Accounts, Action, Person, unique_names
from ops.config.access_log import ACCESS_LOG_FILE, ACCESS_LOG_FOLDER
from ops.config.base import HIGHEST_PORT, ConfigError, Port, Strict, describe, describe_fault, load, read, render
from ops.config.gateway import (
    EMAIL_HEADER,
    HELD_WRITES_PATH,
    PROOF_HEADER,
    SESSION_COOKIE,
    SET_COOKIE_HEADER,
    USER_HEADER,
    FailureLimits,
    GatewayConfig,
    SignOn,
)
from ops.config.gc import GcSettings, SnapshotSettings
from ops.config.notify import NotifySettings
from ops.config.read_only import READ_ONLY_FILE, READ_ONLY_FOLDER, READ_ONLY_MOUNT, read_only_until
from ops.config.regops import OLD_MEMORY_KEY, REGOPS_FILE, PingUrl, RegopsConfig, ServiceLimits
from ops.config.services import SERVICE_USER, container_name

__all__ = [
    "ACCESS_LOG_FILE",
    "ACCESS_LOG_FOLDER",
    "ACCOUNT_NAME",
    "EMAIL_HEADER",
    "HELD_WRITES_PATH",
    "HIGHEST_PORT",
    "OLD_MEMORY_KEY",
    "PROOF_HEADER",
    "READ_ONLY_FILE",
    "READ_ONLY_FOLDER",
    "READ_ONLY_MOUNT",
    "REGOPS_FILE",
    "REPOSITORY_NAME",
    "SERVICE_USER",
    "SESSION_COOKIE",
    "SET_COOKIE_HEADER",
    "USER_HEADER",
    "Access",
    "Account",
    "Accounts",
    "Action",
    "ConfigError",
    "FailureLimits",
    "GatewayConfig",
    "GcSettings",
    "NotifySettings",
    "Person",
    "PingUrl",
    "Port",
    "RegopsConfig",
    "ServiceLimits",
    "SignOn",
    "SnapshotSettings",
    "Strict",
    "container_name",
    "describe",
    "describe_fault",
    "load",
    "read",
    "read_only_until",
    "render",
    "unique_names",
]
