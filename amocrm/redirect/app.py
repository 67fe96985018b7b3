"""A WSGI app that takes one redirect and tells the person what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import TYPE_CHECKING, Final

from werkzeug.wrappers import Request, Response

from amocrm.core.oauth import Answered
from amocrm.errors import AmoCRMError, StateMismatchError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Reader = Callable[[dict[str, str]], Answered]
"""Reads the redirect's query; raises StateMismatchError for one that is not ours."""

_PAGE: Final = """<!doctype html>
<html lang="ru"><head><meta charset="utf-8"><title>amoCRM</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:18px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em}}
h1{{font-size:1.4em;color:{color}}}p{{margin:.6em 0}}small{{color:#666}}</style></head>
<body><h1>{ru}</h1><p>{ru_next}</p><hr><h1 lang="en">{en}</h1><p lang="en">{en_next}</p>
<small>{detail}</small></body></html>
"""
_GREEN: Final = "#1a7f37"
_RED: Final = "#b42318"

_AGREED: Final = (
    "Доступ разрешён", "Код получен, окно можно закрыть.",
    "Access granted", "The code has arrived; you can close this window.",
)  # fmt: skip
_DENIED: Final = (
    "Доступ не разрешён", "Программа об этом знает. Чтобы разрешить доступ, запустите её снова.",
    "Access was not granted", "The program knows. To grant access, start it again.",
)  # fmt: skip
_STRANGE: Final = (
    "Этот ответ не подходит", "Откройте ссылку, которую показала программа, ещё раз.",
    "This answer does not fit", "Open the address that the program has shown once more.",
)  # fmt: skip
_DONE: Final = (
    "Ответ уже получен", "Окно можно закрыть.",
    "The answer has already arrived", "You can close this window.",
)  # fmt: skip


class RedirectApp:
    """Answers one redirect, on whatever path a tunnel or a proxy leaves of it.

    Args:
        read: turns the query into a code or an error.
        claim: takes the first result; it returns False if there already was one.
    """

    def __init__(self, read: Reader, claim: Callable[[Answered], bool]) -> None:
        self._read = read
        self._claim = claim

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request of a browser."""
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.method != "GET":
            return Response("405\n", 405, {"Allow": "GET"})
        if "code" not in request.args and "error" not in request.args:
            return Response("404\n", 404)
        try:
            answered = self._read(request.args.to_dict())
        except StateMismatchError as error:
            # A forged or stale redirect must not end the wait for the real one.
            return _page(400, _RED, _STRANGE, error)
        if not self._claim(answered):
            return _page(200, _GREEN, _DONE)
        denied = answered.error
        return _page(200, _RED, _DENIED, denied) if denied else _page(200, _GREEN, _AGREED)


def _page(
    status: int, color: str, words: tuple[str, str, str, str], error: AmoCRMError | None = None
) -> Response:
    ru, ru_next, en, en_next = words
    html = _PAGE.format(
        color=color, ru=ru, ru_next=ru_next, en=en, en_next=en_next,
        detail=escape(str(error)) if error else "",
    )  # fmt: skip
    headers = {
        # The address of this page holds the code: keep it out of caches and of other sites' logs.
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    }
    return Response(html, status, headers, content_type="text/html; charset=utf-8")
