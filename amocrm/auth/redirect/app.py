"""A WSGI app that receives one redirect and shows a page to the person."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from werkzeug.wrappers import Request, Response

from amocrm.auth.redirect.page import Words, page
from amocrm.auth.redirect.query import RedirectResult
from amocrm.auth.redirect.wsgi_request import read_request
from amocrm.errors import StateMismatchError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Reader = Callable[[dict[str, str]], RedirectResult]
"""Reads the query of a redirect; raises StateMismatchError for a forged or an old one."""

_AGREED: Final = Words(
    "Доступ разрешён", "Код получен, окно можно закрыть.",
    "Access granted", "The code has arrived; you can close this window.",
)  # fmt: skip
_DENIED: Final = Words(
    "Доступ не разрешён", "Программа об этом знает. Чтобы разрешить доступ, запустите её снова.",
    "Access was not granted", "To grant access, start the program again.",
)  # fmt: skip
_STRANGE: Final = Words(
    "Этот ответ не подходит", "Откройте ссылку, которую показала программа, ещё раз.",
    "This redirect is not valid", "Open the URL that the program has shown once more.",
)  # fmt: skip
_DONE: Final = Words(
    "Ответ уже получен", "Окно можно закрыть.",
    "The code has already arrived", "You can close this window.",
)  # fmt: skip


class RedirectApp:
    """Receives one redirect, on any path, because a tunnel or a proxy may change it.

    Args:
        read: reads a code or an error from the query.
        claim: stores the first result; it returns False if there is one already.
    """

    def __init__(self, read: Reader, claim: Callable[[RedirectResult], bool]) -> None:
        self._read = read
        self._claim = claim

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request of a browser."""
        parts = read_request(environ)
        response = Response("400\n", 400) if parts is None else self._respond(*parts)
        return response(environ, start_response)

    def _respond(self, request: Request, query: dict[str, str]) -> Response:
        if request.method != "GET":
            return Response("405\n", 405, {"Allow": "GET"})
        if "code" not in query and "error" not in query:
            return Response("404\n", 404)
        try:
            result = self._read(query)
        except StateMismatchError as error:
            # A forged or old redirect must not end the wait for the right one.
            return page(400, _STRANGE, str(error))
        if not self._claim(result):
            return page(200, _DONE, good=True)
        if result.error:
            return page(200, _DENIED, str(result.error))
        return page(200, _AGREED, good=True)
