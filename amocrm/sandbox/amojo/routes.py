"""Addresses of the Chats API: the signature first, then who answers (reference 8.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from amocrm.sandbox.amojo import connecting, messages, notifications
from amocrm.sandbox.amojo.call import ChannelCall, ScopeCall
from amocrm.sandbox.amojo.problem import (
    ChatRefusedError,
    invalid,
    not_connected,
    not_registered,
    nothing_there,
)
from amocrm.sandbox.amojo.signatures import check_signature
from amocrm.sandbox.amojo.store import Channels
from amocrm.sandbox.data.state import Account, Ids
from amocrm.sandbox.http.answer import Answer
from amocrm.sandbox.http.problem import ProblemError
from amocrm.sandbox.http.request import IncomingRequest

PREFIX = "/v2/origin/custom/"
"""What every path begins with."""

_TABLE: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("POST", "/<channel>/connect", connecting.connect),
    ("DELETE", "/<channel>/disconnect", connecting.disconnect),
    ("POST", "/<scope>/chats", connecting.open_chat),
    ("POST", "/<scope>", messages.take_event),
    ("GET", "/<scope>/chats/<name>/history", messages.history),
    ("POST", "/<scope>/<msgid>/delivery_status", notifications.delivery_status),
    ("POST", "/<scope>/typing", notifications.typing),
    ("POST", "/<scope>/react", notifications.react),
)
_MAP = Map(
    [Rule(path, methods=[method], endpoint=handler) for method, path, handler in _TABLE],
    strict_slashes=False,
    redirect_defaults=False,
    merge_slashes=False,
)


def answer(
    request: IncomingRequest, accounts: Iterable[Account], channels: Channels, ids: Ids, now: float
) -> Answer:
    """Answer a request of a channel to the accounts of this host."""
    try:
        return _dispatch(request, list(accounts), channels, ids, now)
    except ChatRefusedError as refusal:
        return refusal.answer()
    except ProblemError as refusal:
        return invalid(refusal.detail).answer()


def _dispatch(
    request: IncomingRequest, accounts: list[Account], channels: Channels, ids: Ids, now: float
) -> Answer:
    handler, arguments = _match(request)
    by_channel, by_scope = arguments.pop("channel", None), arguments.pop("scope", None)
    channel = channels.known.get(by_channel) if by_channel else channels.of(by_scope or "")
    if channel is None:
        raise not_registered()
    check_signature(request, channel.secret, now)
    if by_scope is None:
        return handler(
            ChannelCall(request, int(now), channel, channels, accounts, ids), **arguments
        )
    scope = channels.scopes.get(by_scope)
    if scope is None or scope.account not in accounts:
        raise not_connected()
    return handler(ScopeCall(request, int(now), scope), **arguments)


def _match(request: IncomingRequest) -> tuple[Callable[..., Answer], dict[str, str]]:
    if request.method == "HEAD":
        raise ChatRefusedError(405, "METHOD_NOT_ALLOWED", "Method Not Allowed")
    try:
        handler, arguments = _MAP.bind("chats").match(
            "/" + request.path.removeprefix(PREFIX), method=request.method
        )
    except MethodNotAllowed:
        raise ChatRefusedError(405, "METHOD_NOT_ALLOWED", "Method Not Allowed") from None
    except NotFound:
        raise nothing_there("path") from None
    return handler, dict(arguments)
