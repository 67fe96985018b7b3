"""Errors in the language of the person: the library's errors are English, and stay so.

In Russian, a message that is known is translated from `locale/ru/errors.json`, and so is its hint.
Of a message that is not known, a sentence for the class of the error says what has happened, and
the English original follows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from string import Formatter
from typing import Final, NamedTuple

from amocrm import errors
from amocrm.cli.texts import language
from amocrm.errors import AmoCRMError, ReplyError, printable

_TRANSLATED: Final = "tr"
"""The format of a part that is a message itself: `{1:tr}`."""

SENTENCES: Final[Mapping[type[AmoCRMError], str]] = {
    errors.AmoCRMError: "ошибка",
    errors.ConfigurationError: "неверный параметр или настройка",
    errors.NotOfferedError: "в API amoCRM этого нет",
    errors.AuthorizationError: "нужно заново дать доступ: amocrm login",
    errors.NotAuthorizedError: "нет доступа к аккаунту, войдите: amocrm login",
    errors.BusyError: "токен сейчас получает кто-то другой, повторите позже",
    errors.AccessDeniedError: "на странице согласия доступ не дали",
    errors.StateMismatchError: "переадресация не от этого входа, доверять ей нельзя",
    errors.GrantError: "amoCRM отклонила код или refresh-токен ({error.status})",
    errors.TransportError: "нет ответа от сервера",
    errors.UnreachableError: "соединиться с сервером не удалось, ничего не отправлено",
    errors.LostReplyError: "запрос отправлен, но ответ не пришёл",
    errors.OutcomeUnknownError: "неизвестно, состоялась ли запись {error.method} {error.path}",
    errors.ConflictError: "сущность тем временем изменил кто-то другой, ничего не отправлено",
    errors.TokenStoreError: "хранилище токенов не прочитать или не записать",
    errors.RateLimiterError: "общий лимит запросов недоступен, ничего не отправлено",
    errors.JournalError: "журнал загрузки занят или недоступен",
    errors.InboxError: "хранилище вебхуков недоступно",
    errors.WebhookError: "вебхук не прошёл проверку",
    errors.MirrorError: "база зеркала недоступна или занята другим запуском",
    errors.ReplyError: "{error.method} {error.path}: ошибка {error.status}",
    errors.ValidationError: "{error.method} {error.path}: данные не приняты ({error.status})",
    errors.UnauthorizedError: "{error.method} {error.path}: токен не принят ({error.status})",
    errors.PaymentRequiredError: (
        "{error.method} {error.path}: аккаунт не оплачен, или функции нет в тарифе ({error.status})"
    ),
    errors.ForbiddenError: "{error.method} {error.path}: недостаточно прав ({error.status})",
    errors.BlockedError: "{error.method} {error.path}: amoCRM блокирует запросы ({error.status})",
    errors.NotFoundError: "{error.method} {error.path}: не найдено",
    errors.RateLimitedError: "{error.method} {error.path}: слишком много запросов ({error.status})",
    errors.ServerError: "{error.method} {error.path}: ошибка на стороне amoCRM ({error.status})",
    errors.UnexpectedReplyError: (
        "{error.method} {error.path}: непонятный ответ сервера ({error.status})"
    ),
}
"""What each error means; its own message follows."""


def describe(error: Exception) -> str:
    """Return an error as a person reads it, in one line."""
    if language() != "ru" or not isinstance(error, AmoCRMError):
        return str(error)
    shown, hint = message_of(error), hint_of(error)
    number = getattr(error, "request_id", None)
    shown = f"{shown} ({hint})" if hint else shown
    return f"{shown} [запрос {printable(number, 100)}]" if number else shown


def message_of(error: AmoCRMError) -> str:
    """Return what has happened, without the hint."""
    message = printable(error.args[0]) if error.args else type(error).__name__
    if language() != "ru":
        return message
    return translate(message) or _with_sentence(error, message)


def hint_of(error: AmoCRMError) -> str | None:
    """Return what to do about it; None if the message is enough."""
    hint = printable(error.hint) if error.hint else None
    return (translate(hint) or hint) if hint and language() == "ru" else hint


def translate(text: str) -> str | None:
    """Return the Russian of an English message or hint; None if it is not known."""
    for template in _templates():
        parts = template.match(text)
        if parts is not None and (shown := template.fill(parts)) is not None:
            return shown
    return None


class MessageTemplate(NamedTuple):
    """A message with places for values, and its translation.

    Attributes:
        pieces: what stands before, between and behind the values.
        russian: the translation, for `str.format`.
    """

    pieces: list[str]
    russian: str

    def match(self, text: str) -> list[str] | None:
        """Return the values of a text; None if it is another message."""
        first, *rest = self.pieces
        if not rest:
            return [] if text == first else None
        *middle, last = rest
        at = len(first)
        end = len(text) - len(last)
        if not text.startswith(first) or not text.endswith(last):
            return None
        values: list[str] = []
        for piece in middle:
            there = text.find(piece, at + 1, end)
            if there < 0:
                return None
            values.append(text[at:there])
            at = there + len(piece)
        return [*values, text[at:end]] if at < end else None

    def fill(self, values: list[str]) -> str | None:
        """Return the translation; None if nothing in it is known."""
        parts = [_Part(value) for value in values]
        shown = self.russian.format(*parts)
        has_words = any(map(str.isalpha, "".join(self.pieces)))
        return shown if has_words or any(part.is_known for part in parts) else None


class _Part:
    """A value of a message; `{0:tr}` translates it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_known = False

    def __format__(self, spec: str) -> str:
        found = _with_hint(self.text) if spec == _TRANSLATED else None
        self.is_known = self.is_known or found is not None
        return self.text if found is None else found


def _with_hint(text: str) -> str | None:
    """Translate a message that may have its hint in brackets behind it."""
    at = text.find(" (") if text.endswith(")") else -1
    while at >= 0:
        message, hint = translate(text[:at]), text[at + 2 : -1]
        if message is not None:
            return f"{message} ({translate(hint) or hint})"
        at = text.find(" (", at + 1)
    return translate(text)


def _with_sentence(error: AmoCRMError, message: str) -> str:
    """Return what an error of this class means, and its message."""
    kind = next(kind for kind in type(error).__mro__ if kind in SENTENCES)
    if isinstance(error, ReplyError):
        message = message.removeprefix(f"{error.method} {error.path} returned {error.status} ")
    sentence = SENTENCES[kind].format(error=error)
    return f"{sentence}: {message}" if message else sentence


@cache
def _templates() -> list[MessageTemplate]:
    """Return the known messages, those with most text of their own first."""
    path = os.path.join(os.path.dirname(__file__), "locale", "ru", "errors.json")
    with open(path, encoding="utf-8") as file:
        known: dict[str, str] = json.load(file)
    found = [MessageTemplate(pieces(english), russian) for english, russian in known.items()]
    return sorted(found, key=lambda one: -len("".join(one.pieces)))


def pieces(template: str) -> list[str]:
    """Return what stands before, between and behind the places of a template."""
    found = [""]
    for literal, name, _, _ in Formatter().parse(template):
        found[-1] += literal
        if name is not None:
            found.append("")
    return found
