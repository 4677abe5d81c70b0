"""Where messages go: the channels of the settings, and what the settings still say in the old way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from infra.settings import Settings
from ops.config import NotifySettings
from ops.config.notify import AppriseChannel, NtfyChannel, Severity

WATCHDOG_URL = "watchdog_url"
_OLD_CHANNEL = "alerts"
_NOTE = (
    "monitoring.ntfy_url is the old way to say where alerts go: remove it, and write operations.notify.channels:"
    " {{{name}: {{kind: ntfy, server: {server}, topic: {topic}{token}, minimum: warning}}}}; until then this channel gets them,"
    " and the warnings of tasks too (docs/regops.md)"
)
_UNHEARD = f"{WATCHDOG_URL}: it is told while alerts arrive, and without monitoring none do; so its alarm will go off"
_NEEDLESS = "monitoring.ntfy_url names a topic that operations.notify.channels.{name} has too, which gets all alerts: remove it"


def notify_settings(settings: Settings) -> NotifySettings:
    """Return where messages go: to the channels of the settings, and to the topic that only alerts had."""
    notify, old = settings.operations.notify, _old_channel(settings)
    if old is None or _same(settings, old):
        return notify
    return notify.model_copy(update={"channels": {**notify.channels, _free_name(settings): old}})


def notes(settings: Settings) -> Sequence[str]:
    """Return what people should know about old settings. It raises nothing for what `faults` tells."""
    try:
        old = _old_channel(settings)
    except ValidationError:
        return []
    unheard = [_UNHEARD] if settings.watchdog_url is not None and not settings.monitoring.enabled else []
    if old is None:
        return unheard
    if name := _same(settings, old):
        return [_NEEDLESS.format(name=name)]
    token = "" if old.token_secret else ", token_secret: null"
    return [_NOTE.format(name=_free_name(settings), server=old.server, topic=old.topic, token=token)]


def faults(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with where messages go, each with its key and a remedy."""
    channels = settings.operations.notify.channels
    for name, channel in channels.items():
        key = f"operations.notify.channels.{name}"
        for secret in channel.secrets:
            if getattr(settings, secret, None) is None:
                yield f"{key}: needs the secret {secret}; set it with `pulumi config set --secret {secret}`"
        if isinstance(channel, AppriseChannel) and name not in settings.apprise_urls:
            remedy = f"`pulumi config set --secret --path 'apprise_urls[\"{name}\"]'`"
            yield f"{key}: needs an address, which is a secret; set it with {remedy}"
    for name in settings.apprise_urls:
        if not isinstance(channels.get(name), AppriseChannel):
            remedy = f"add {name}: {{kind: apprise}} to operations.notify.channels"
            yield f'apprise_urls["{name}"]: there is no channel of that name that uses it; {remedy}'
    try:
        _old_channel(settings)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        yield f"monitoring.ntfy_url: {reason}; or move it to operations.notify.channels"


def _old_channel(settings: Settings) -> NtfyChannel | None:
    url = settings.monitoring.ntfy_url
    if url is None or not settings.monitoring.enabled:
        return None
    server, _, topic = url.rpartition("/")
    token = "ntfy_token" if settings.ntfy_token is not None else None
    return NtfyChannel(kind="ntfy", server=server, topic=topic, token_secret=token, minimum=Severity.WARNING)


def _same(settings: Settings, old: NtfyChannel) -> str:
    """Return the name of a channel that leads to the same topic; empty if there is none."""
    for name, channel in settings.operations.notify.channels.items():
        if isinstance(channel, NtfyChannel) and (channel.server, channel.topic) == (old.server, old.topic):
            return name
    return ""


def _free_name(settings: Settings) -> str:
    taken = settings.operations.notify.channels
    return next(name for name in (_OLD_CHANNEL, *(f"{_OLD_CHANNEL}-{number}" for number in range(2, 1000))) if name not in taken)
