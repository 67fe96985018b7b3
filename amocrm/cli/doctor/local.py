"""What is on this machine: the program, the store of tokens, the rate limiter, `redirect_uri`."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from typing import Final
from urllib.parse import urlsplit

from amocrm._support.clock import Clock
from amocrm._support.private_files import check_folder, check_private
from amocrm._version import __version__
from amocrm.cli.doctor.finding import DAY, Finding, day, failed
from amocrm.cli.keeping import LastRun
from amocrm.cli.texts import tr
from amocrm.errors import RateLimiterError
from amocrm.rate_limit.budget import limits_of
from amocrm.rate_limit.file import FileRateLimiter

KEEPALIVE_DAYS: Final = 30
"""Days without a run of `amocrm keepalive` from which on something is wrong."""

_PARTS: Final = ("requests", "urllib3", "certifi", "click", "SQLAlchemy")
_LOCAL: Final = ("127.0.0.1", "localhost", "::1")


def check_program() -> Finding:
    """Tell the versions of the program and of what it stands on."""
    parts = [f"amocrm-python {__version__}", f"Python {platform.python_version()}"]
    for name in _PARTS:
        try:
            parts.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return Finding("program", "ok", ", ".join([*parts, platform.system()]))


def check_store(folder: str) -> Finding:
    """Tell whether the tokens of a folder can be read and written, by this user only."""
    try:
        check_folder(folder)
        names = os.listdir(folder)
        tokens = [name for name in names if name.endswith(".json")]
        for name in tokens:
            path = os.path.join(folder, name)
            check_private(path, os.lstat(path))
    except FileNotFoundError:
        return Finding("store", "ok", tr(f"{folder}: empty", f"{folder}: пусто"))
    except OSError as error:
        found = failed("store", error, getattr(error, "hint", None) or "")
        return found._replace(found=f"{folder}: {found.found}")
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(
            "store", "failed", tr(f"{folder}: cannot be written", f"{folder}: нет прав на запись"),
            tr("a new token would be lost: mount it for writing",
               "новый токен потеряется: разрешите запись в папку"),
        )  # fmt: skip
    return Finding("store", "ok", tr(f"{folder}: {len(tokens)} files, private",
                                     f"{folder}: файлов {len(tokens)}, доступ закрыт"))  # fmt: skip


def check_rate_limiter(limiter: FileRateLimiter, path: str, zone: str, clock: Clock) -> Finding:
    """Tell who shares the limit of calls.

    Args:
        limiter: of the commands.
        path: of its file.
        zone: of the account, such as `amocrm.ru`.
        clock: of the machine.
    """
    if not os.path.isdir(os.path.dirname(path)):
        return Finding(
            "rate_limiter", "ok", tr("made by the first call", "появится при первом запросе")
        )
    try:
        with limiter.locked_windows(clock, ()):
            pass
    except RateLimiterError as error:
        return failed("rate_limiter", error)
    shown = tr(f"shared by the commands of this user, by {path}",
               f"общий для команд этого пользователя, через {path}")  # fmt: skip
    if limits_of(zone).per_address is None:
        return Finding("rate_limiter", "ok", shown)
    return Finding(
        "rate_limiter", "ok",
        tr(f"{shown}; {zone} counts calls of all programs at this IP address",
           f"{shown}; {zone} считает запросы всех программ с этого IP-адреса"),
    )  # fmt: skip


def check_keepalive(last: LastRun | None, now: float) -> Finding:
    """Tell when `amocrm keepalive` ran last; whoever calls often does not need it."""
    if last is None:
        return Finding("keepalive", "skipped", tr("never ran", "не запускалась"))
    shown = day(last.ran_at)
    if last.failed:
        return Finding(
            "keepalive", "warning",
            tr(f"{shown}: {last.failed} accounts failed",
               f"{shown}: аккаунтов с ошибкой {last.failed}"),
            tr("run amocrm keepalive and read why",
               "запустите amocrm keepalive: команда покажет причину"),
        )  # fmt: skip
    if now - last.ran_at < KEEPALIVE_DAYS * DAY:
        return Finding("keepalive", "ok", shown)
    return Finding("keepalive", "warning", shown, tr("does cron still run?", "работает ли cron?"))


def check_redirect_uri(uri: str, is_free: Callable[[str, int], bool] | None = None) -> Finding:
    """Tell whether a person's consent can come back.

    Args:
        uri: of the profile; empty if there is none.
        is_free: whether a port of a local host is free.
    """
    if not uri:
        return Finding("redirect_uri", "skipped", tr("not needed", "не нужен"))
    try:
        parts = urlsplit(uri)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return _bad_redirect(uri)
    if parts.scheme not in ("http", "https") or not parts.hostname or uri != uri.strip():
        return _bad_redirect(uri)
    shown = f"{parts.scheme}://{parts.hostname}:{port}{parts.path}"
    if parts.hostname not in _LOCAL:
        advice = tr("it must be the integration's, letter by letter",
                    "он должен буква в букву совпадать с указанным в интеграции")  # fmt: skip
        return Finding("redirect_uri", "ok" if parts.scheme == "https" else "warning", shown,
                       "" if parts.scheme == "https" else advice)  # fmt: skip
    if (is_free or _is_free)(parts.hostname, port):
        return Finding("redirect_uri", "ok", shown)
    return Finding(
        "redirect_uri", "warning",
        tr(f"{shown}: the port is busy", f"{shown}: порт занят"),
        tr("amocrm login cannot take the code from the browser; paste the address then",
           "amocrm login не сможет принять код из браузера; вставьте адрес вручную"),
    )  # fmt: skip


def _bad_redirect(uri: str) -> Finding:
    return Finding(
        "redirect_uri", "failed", tr("it is no http(s) URL", "это не URL http(s)"),
        tr("write it as in the settings of the integration, letter by letter",
           "запишите его буква в букву как в настройках интеграции"),
    )  # fmt: skip


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
