"""Connects by SSH as the official plugin does: what is verified, what logs in, and how often a failure is tried again."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import count
from typing import Any, TypeVar

import asyncssh

from tools.offline.plugins.command.connection import Target
from tools.offline.plugins.resource import PluginError
from tools.offline.plugins.session import Log

_T = TypeVar("_T")
_CANCEL_POLL_S = 0.2
# pulumi/sdk/go/common/util/retry
_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 5.0
_BACKOFF = 1.5
_AGENT = "SSH_AUTH_SOCK"
# In the order in which they are tried; an agent's keys come last, and only when no key is given.
_WITH_KEY = "publickey,password,keyboard-interactive"
_WITHOUT_KEY = "password,keyboard-interactive,publickey"


def over_ssh(
    target: Target,
    work: Callable[[asyncssh.SSHClientConnection], Awaitable[_T]],
    *,
    log: Log,
    cancelled: threading.Event,
) -> _T:
    """Connect, do some work, and disconnect, in an event loop that ends with it.

    Args:
        target: Where to connect to.
        work: What to do.
        log: Is told of failures to connect that are tried again.
        cancelled: Ends the work.

    Raises:
        PluginError: The connection or the work failed.
    """
    return asyncio.run(_until_cancelled(_connected(target, work, log), cancelled))


async def _until_cancelled(work: Awaitable[_T], cancelled: threading.Event) -> _T:
    task = asyncio.ensure_future(work)
    while not (await asyncio.wait({task}, timeout=_CANCEL_POLL_S))[0]:
        if cancelled.is_set():
            task.cancel()
            await asyncio.wait({task})  # it closes its connections first
    try:
        return task.result()
    except asyncio.CancelledError:
        raise PluginError("context canceled") from None


async def _connected(target: Target, work: Callable[[asyncssh.SSHClientConnection], Awaitable[_T]], log: Log) -> _T:
    async with AsyncExitStack() as stack:
        return await work(await _dial(stack, target, log))


async def _dial(stack: AsyncExitStack, target: Target, log: Log) -> asyncssh.SSHClientConnection:
    options = await _options(stack, target)
    if target.proxy is None:
        return await _retried(stack, "Dial", target, options, log)
    try:
        through = {"tunnel": await _retried(stack, "Dial proxy", target.proxy, await _options(stack, target.proxy), log)}
        return await _retried(stack, "Dial from proxy", target, {**options, **through}, log)
    except PluginError as error:
        raise PluginError(f"proxy: {error}") from error


async def _retried(
    stack: AsyncExitStack, what: str, target: Target, options: dict[str, Any], log: Log
) -> asyncssh.SSHClientConnection:
    """Connect; whatever makes it fail is tried again until the limit, a wrong key too."""
    delay = _FIRST_DELAY_S
    limit = target.dial_error_limit
    for dials in count(1):
        try:
            return await stack.enter_async_context(asyncssh.connect(target.host, target.port, **options))
        except (OSError, asyncssh.Error) as error:
            if dials > limit > -1:
                raise PluginError(f"after {dials - 1} failed attempts: {_reason(target, error)}") from error
        log(f"{what} {dials}/{'inf' if limit == -1 else limit} failed: retrying")
        await asyncio.sleep(delay)
        delay = min(delay * _BACKOFF, _LONGEST_DELAY_S)
    raise AssertionError("unreachable")


async def _options(stack: AsyncExitStack, target: Target) -> dict[str, Any]:
    """Return all that a connection depends on; nothing of the user's own configuration or known hosts counts."""
    options: dict[str, Any] = {
        "config": None,
        "username": target.user,
        "password": target.password,
        "known_hosts": None,
        "gss_host": None,
        # This bounds the handshake too, which the official plugin waits for without end.
        "connect_timeout": target.per_dial_timeout or None,
    }
    if target.host_key is not None:
        key = _host_key(target.host_key)
        # As with the official plugin RSA keys count with SHA-1 only, which servers refuse today: use another kind.
        options |= {"known_hosts": ([key], [], []), "server_host_key_algs": [key.get_algorithm()]}
    keys: list[Any] = [_private_key(target)] if target.private_key is not None else []
    agent = await _agent_keys(stack, target.agent_socket or os.environ.get(_AGENT))
    return {**options, "client_keys": keys or agent or None, "preferred_auth": _WITH_KEY if keys else _WITHOUT_KEY}


def _host_key(text: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_public_key(text)
    except asyncssh.KeyImportError:
        raise PluginError("failed to parse host key: ssh: no key found") from None


def _private_key(target: Target) -> asyncssh.SSHKey:
    text, password = target.private_key or "", target.private_key_password
    try:
        key = asyncssh.import_private_key(text)
    except asyncssh.KeyImportError:
        key = None
    if key is not None and password is not None:
        raise PluginError("ssh: key is not password protected")
    try:
        return key or asyncssh.import_private_key(text, password)
    except asyncssh.KeyEncryptionError:
        raise PluginError("x509: decryption password incorrect") from None
    except asyncssh.KeyImportError as error:
        encrypted = "passphrase" in str(error).lower()
        raise PluginError("ssh: this private key is passphrase protected" if encrypted else "ssh: no key found") from None


async def _agent_keys(stack: AsyncExitStack, path: str | None) -> list[Any]:
    if not path:
        return []
    try:
        agent = await stack.enter_async_context(asyncssh.connect_agent(path))
        return list(await agent.get_keys())
    except OSError as error:
        raise PluginError(f"dial unix {path}: {_said(error)}") from error


def _reason(target: Target, error: OSError | asyncssh.Error) -> str:
    match error:
        case asyncssh.ChannelOpenError():
            return f"ssh: rejected: connect failed ({error.reason})"
        case asyncssh.HostKeyNotVerifiable():
            return "ssh: handshake failed: ssh: host key mismatch"
        case asyncssh.PermissionDenied():
            return f"ssh: handshake failed: ssh: unable to authenticate: {error.reason}"
        case asyncssh.Error():
            return f"ssh: handshake failed: {error.reason}"
        case ConnectionResetError():
            return f"ssh: handshake failed: read: {os.strerror(errno.ECONNRESET).lower()}"
    return f"dial tcp {target.host}:{target.port}: {_said(error)}"


def _said(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "i/o timeout"
    if isinstance(error, socket.gaierror):
        return "lookup: no such host"
    return f"connect: {os.strerror(error.errno).lower()}" if error.errno else str(error)
