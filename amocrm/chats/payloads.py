"""Paths, payloads and errors of the Chats API. Source: reference 3.3, 8.2."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Final

from amocrm._support.arguments import check_dict
from amocrm._support.numbers import instant
from amocrm.errors import SHORT, ConfigurationError, ReplyError, printable
from amocrm.http.messages import Json
from amocrm.http.paths import segment
from amocrm.http.reply_body import words

ROOT: Final = "/v2/origin/custom"

HISTORY_LIMIT: Final = 50
"""The largest number of messages in one response of a history."""

FAILED: Final = -1
DELIVERED: Final = 1
READ: Final = 2

HOSTS: Final[Mapping[str, str]] = {
    "amocrm.ru": "https://amojo.amocrm.ru",
    "amocrm.com": "https://amojo.amocrm.com",
    "kommo.com": "https://amojo.kommo.com",
}
"""Origins of the Chats API, by platform. Source: reference 1."""

_HINTS: Final[Mapping[str, str]] = {
    "ORIGIN_INVALID_SIGNATURE": "check the channel's secret, and the clock of this machine",
    "ORIGIN_NOT_REGISTERED": "check the channel's id, and that it is registered on this platform",
    "ORIGIN_NOT_CONNECTED": "connect the channel to the account; switching the integration off "
    "disconnects it",
}


def part(name: str, text: Json) -> str:
    """Return a text as a segment of a path.

    Raises:
        ConfigurationError: it is not a string, is empty, or would change the path.
    """
    return segment(name, text, safe="!$&'()*+,;=:@~")


def named(name: str, text: Json) -> str:
    """Check an id.

    Raises:
        ConfigurationError: it is not a string, or is empty.
    """
    if not isinstance(text, str) or not text:
        raise ConfigurationError(f"{name} must be a string that is not empty")
    return text


def message_of(message: str | Mapping[str, Json]) -> dict[str, Json]:
    """Return the `message` of a payload; a string becomes a message of the type `text`."""
    if isinstance(message, str):
        return {"type": "text", "text": message}
    if not isinstance(message, Mapping) or not isinstance(message.get("type"), str):
        raise ConfigurationError("message must be a string, or a dict with a type")
    return dict(message)


def dict_of(name: str, value: Mapping[str, Json]) -> dict[str, Json]:
    """Return a part of a payload.

    Raises:
        ConfigurationError: it is no dict.
    """
    check_dict(name, value)
    return dict(value)


def moment(at: float) -> dict[str, Json]:
    """Return the two timestamps of a payload, from Unix seconds."""
    seconds = instant(at)
    if seconds is None or isinstance(at, str):
        raise ConfigurationError("at must be Unix seconds")
    return {"timestamp": int(seconds), "msec_timestamp": int(seconds * 1000)}


def only(**members: Json) -> dict[str, Json]:
    """Return the members that are not None: the API accepts no null."""
    return {name: value for name, value in members.items() if value is not None}


def one_of(**names: Json) -> dict[str, Json]:
    """Return the only member that is not None.

    Raises:
        ConfigurationError: there is none, or more than one.
    """
    members = only(**names)
    if len(members) != 1:
        raise ConfigurationError(f"give either {' or '.join(names)}")
    return members


def explain_chat(error: ReplyError) -> ReplyError:
    """Return an error with the explanation of the Chats API, whose errors have another shape.

    Shape:
        {"status": 0, "error_code": 403, "error_type": "ORIGIN_INVALID_SIGNATURE",
         "error_description": "invalid signature"}
    """
    data = error.data if isinstance(error.data, Mapping) else {}
    kind, text = words(data.get("error_type")), words(data.get("error_description"))
    if kind is None:
        return error
    explained = copy.copy(error)
    explained.detail = f"{kind}: {text}" if text else kind
    explained.hint = _HINTS.get(kind)
    head = f"{error.method} {error.path} returned {error.status} {error.title}"
    explained.args = (printable(f"{head}: {printable(explained.detail, SHORT)}"),)
    return explained.with_traceback(error.__traceback__)
