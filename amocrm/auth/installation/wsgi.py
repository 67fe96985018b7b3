"""A WSGI app for production: redirects people to the consent page, and receives amoCRM's calls.

It recognizes amoCRM's calls by their queries, so it works under any prefix, and behind any proxy
that does not change the query.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from werkzeug.wrappers import Request, Response

from amocrm.api_limits import CODE_SECONDS
from amocrm.auth.redirect.page import PRIVATE, Words, page
from amocrm.auth.redirect.query import FROM_AMOCRM, State
from amocrm.auth.redirect.wsgi_request import read_request
from amocrm.errors import (
    AccessDeniedError,
    AmoCRMError,
    AuthorizationError,
    StateMismatchError,
    WebhookError,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_INSTALLED: Final = Words(
    "Интеграция подключена", "Окно можно закрыть.",
    "The integration is installed", "You can close this window.",
)  # fmt: skip
_DENIED: Final = Words(
    "Доступ не разрешён", "Чтобы разрешить его, начните подключение ещё раз.",
    "Access was not granted", "To grant it, start the installation again.",
)  # fmt: skip
_STRANGE: Final = Words(
    "Этот ответ не подходит",
    "Начните подключение ещё раз, в том же браузере, и завершите его за 20 минут.",
    "This redirect is not valid",
    "Start the installation again, in the same browser, and finish it within 20 minutes.",
)  # fmt: skip
_FAILED: Final = Words(
    "Подключить не удалось", "Начните подключение ещё раз; если не поможет, напишите нам.",
    "The installation failed", "Start it again; if that does not help, write to us.",
)  # fmt: skip
_LATER: Final = Words(
    "Сейчас не получилось", "Обновите эту страницу через минуту.",
    "It did not work just now", "Reload this page in a minute.",
)  # fmt: skip

T = TypeVar("T")

_log = logging.getLogger("amocrm")


class InstallHandlers(NamedTuple):
    """The functions of an integration that the app calls.

    Attributes:
        consent_url: returns the URL of the consent page for a state.
        install: handles the query of a redirect, with the state that must come back.
        remove: handles the query of the uninstall hook.
    """

    consent_url: Callable[[str], str]
    install: Callable[[Mapping[str, str], State], object]
    remove: Callable[[Mapping[str, str]], object]


class InstallApp:
    """Receives redirects and uninstall hooks. Thread-safe.

    Args:
        handlers: functions of the integration.
        start: the path that redirects to the consent page.
        secure: the redirect uses HTTPS, so its cookie is for HTTPS only.
    """

    def __init__(self, handlers: InstallHandlers, start: str, *, secure: bool) -> None:
        self._handlers = handlers
        self._start = start.rstrip("/")
        self._secure = secure
        # With this prefix no other site under the same domain can set the cookie.
        self._cookie = "__Host-amocrm_state" if secure else "amocrm_state"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request of a browser or of amoCRM's servers."""
        parts = read_request(environ)
        response = Response("400\n", 400, PRIVATE) if parts is None else self._respond(*parts)
        return response(environ, start_response)

    def _respond(self, request: Request, query: dict[str, str]) -> Response:
        if request.method != "GET":
            # HEAD too: a link preview must not use up the code.
            return Response("405\n", 405, {"Allow": "GET", **PRIVATE})
        if "code" in query or "error" in query:
            return self._install(query, request.cookies.get(self._cookie))
        if "signature" in query:
            return self._remove(query)
        if request.path.rstrip("/") == self._start:
            return self._redirect_to_consent()
        return Response("404\n", 404, PRIVATE)

    def _redirect_to_consent(self) -> Response:
        state = secrets.token_urlsafe(24)
        response = Response("", 302, {"Location": self._handlers.consent_url(state), **PRIVATE})
        response.set_cookie(
            self._cookie, state, max_age=CODE_SECONDS,
            secure=self._secure, httponly=True, samesite="Lax",
        )  # fmt: skip
        return response

    def _install(self, query: Mapping[str, str], state: str | None) -> Response:
        # The cookie stays until it expires: a reloaded page sends the same redirect again.
        try:
            # A browser that started here sends its cookie; amoCRM's servers have none.
            self._handlers.install(query, state or FROM_AMOCRM)
        except AccessDeniedError as error:
            return page(200, _DENIED, str(error))
        except StateMismatchError as error:
            return page(400, _STRANGE, str(error.args[0]))
        except AmoCRMError as error:
            # The reason goes to the operator's log, not to the visitor's page.
            _log.warning("an installation failed: %s", error)
            if error.retryable:
                return page(503, _LATER)
            return page(400 if isinstance(error, AuthorizationError) else 500, _FAILED)
        return page(200, _INSTALLED, good=True)

    def _remove(self, query: Mapping[str, str]) -> Response:
        try:
            self._handlers.remove(query)
        except WebhookError as error:
            _log.warning("an uninstall hook was refused: %s", error)
            return Response("403\n", 403, PRIVATE)
        except AmoCRMError as error:
            _log.warning(
                "an uninstall hook could not be checked, the token stays stored: %s", error
            )
            return Response("503\n", 503, PRIVATE)
        return Response("200\n", 200, PRIVATE)


def call_handler(name: str, handler: Callable[[T], object], argument: T) -> None:
    """Call a handler of the user; log an error of it, because the token is stored already."""
    try:
        handler(argument)
    except Exception:
        _log.exception("%s failed", name)
