"""Sends a Call with `requests`, and returns a ReceivedReply or a NoReply.

It builds the prepared request itself and passes it to `Session.send`. So a session's adapters,
hooks, proxies, certificates, cookies and headers work, but netrc does not replace the token, a
redirect does not get it, and the environment is not read on every call.

Exceptions of `requests` and `urllib3` leave this module only as the cause of a NoReply.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Final, NamedTuple, TypeAlias, cast
from weakref import WeakSet

import requests
from requests.structures import CaseInsensitiveDict
from urllib3 import exceptions as urllib3_errors

from amocrm._support.clock import Clock
from amocrm._support.forks import ForkLock, after_fork
from amocrm._support.frames import cut_frames
from amocrm._version import __version__
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Call, Json, NoReply, Reply
from amocrm.http.transport.connections import OwnSession, Watch
from amocrm.http.transport.deadline import Deadline
from amocrm.http.transport.failures import explain
from amocrm.http.transport.privacy import strip, strip_response
from amocrm.http.transport.reading import ENCODINGS, Reader, ReceivedReply, SinkError
from amocrm.http.transport.sending import Sending

POOL_SIZE: Final = 64
"""Open connections to one host; more than the rate limiter can use. requests keeps 10 and closes
the others after each call, so that every further call needs a TLS handshake."""

USER_AGENT: Final = f"amocrm-python/{__version__}"

Info: TypeAlias = requests.Response
Session: TypeAlias = requests.Session


class Response:
    """The response of a call.

    Attributes:
        data: the decoded body; None if it is empty (204).
        info: the `requests.Response`: `status_code`, `headers`, `elapsed`, `url`.
    """

    __slots__ = ("data", "info")

    def __init__(self, data: Json, info: requests.Response) -> None:
        self.data = data
        self.info = info

    def __repr__(self) -> str:
        # Without the data, which may be a token or a person's data.
        return f"Response(info={self.info!r})"


class _Settings(NamedTuple):
    """Settings that `requests` would read from the environment on each call."""

    basis: tuple[object, ...]
    proxies: MutableMapping[str, str]
    verify: bool | str
    cert: str | tuple[str, str] | None

    def __repr__(self) -> str:
        # URLs of proxies contain passwords.
        return "<settings of a session>"


__all__ = [
    "POOL_SIZE",
    "Info",
    "ReceivedReply",
    "Response",
    "Session",
    "SinkError",
    "Transport",
    "open_session",
]


class Transport:
    """Sends calls over the user's session, or over its own. Thread-safe."""

    def __init__(
        self, clock: Clock, session: requests.Session | None = None, user_agent: str | None = None
    ) -> None:
        if user_agent is not None:
            _check_header("user_agent", user_agent)
        if session is not None and not isinstance(session, requests.Session):
            raise ConfigurationError("session must be a requests.Session")
        self._clock = clock
        self._user_session = session
        self._session = session
        self._agent = f"{user_agent} {USER_AGENT}" if user_agent else None
        self._settings_by_origin: dict[str, _Settings] = {}
        # Connections of a user's session; our own session reports new ones.
        self._seen_connections: WeakSet[object] | None = None if session is None else WeakSet()
        self._lock = ForkLock()
        self._closed = False
        after_fork(self)

    def send(self, call: Call, watch: Watch | None = None) -> ReceivedReply | NoReply:
        """Send a call once and read the response within the call's time limits.

        Args:
            call: the request.
            watch: receives reports about connection and sending.
        """
        deadline = Deadline(self._clock, call.timeout.total)
        session = self._session or self._open()
        if self._closed:
            raise ConfigurationError("this client is closed", hint="create a new AmoCRM")
        reader = Reader(self._clock, deadline, call.url, self._seen_connections, call.sink)
        request = self._fill(session, call, reader)
        settings = self._settings(session, call.url)
        connect, read, total = call.timeout
        own: dict[str, Json] = {}
        if isinstance(session, OwnSession):
            own["call"] = (watch, deadline, call.path)
        failure: BaseException
        try:
            info = session.send(
                request,
                stream=True,
                timeout=(min(connect, total), min(read, total)),
                allow_redirects=False,
                proxies=settings.proxies,
                verify=settings.verify,
                cert=settings.cert,
                **own,
            )
        except BaseException as error:
            failure = error
        else:
            outcome = reader.outcome
            if not isinstance(outcome, ReceivedReply) or outcome.info is not info:
                # A hook has replaced the response, or this session does not call hooks.
                outcome = reader.read(info)
            is_unusual = info.request is not request or info.history or info.next is not None
            if is_unusual and isinstance(outcome, ReceivedReply):
                strip_response(info, call)
            return outcome
        finally:
            strip(request, call)
        # Outside of `except`, so that the other exception is not the context of ours.
        try:
            return _after_error(failure, reader, request, settings)
        finally:
            del failure

    def close(self) -> None:
        """Close our own session; a user's session stays open."""
        with self._lock:
            self._closed = True
            if self._session is not None and self._user_session is None:
                self._session.close()
            self._session = self._user_session
            self._settings_by_origin.clear()

    def renew_after_fork(self) -> None:
        """Drop the parent's connections in a forked child; two processes cannot share one."""
        if self._user_session is not None:
            self._user_session.close()
        self._session = self._user_session
        self._settings_by_origin.clear()

    def _open(self) -> requests.Session:
        """Return our own session; create it at the first call, so that an idle client is cheap."""
        with self._lock:
            if self._session is None and not self._closed:
                self._session = open_session()
            if self._session is None:
                raise ConfigurationError("this client is closed", hint="create a new AmoCRM")
            return self._session

    def _fill(
        self, session: requests.Session, call: Call, reader: Reader
    ) -> requests.PreparedRequest:
        """Prepare a request as `prepare_request` does, but without netrc and `session.auth`."""
        request = requests.PreparedRequest()
        request.method = call.method
        request.url = call.url
        if call.private:
            request.hooks = {"response": [reader]}
        else:
            if session.params:
                request.prepare_url(call.url, session.params)
            request.hooks = {**session.hooks, "response": [reader, *_hooks(session)]}
        request.headers = self._headers(session, call)
        request.body = call.body
        if call.body is not None and call.body is call.data:
            # Bytes are sent in pieces, because a socket's timeout applies to each piece.
            # (`requests` accepts files here, but its types do not say so.)
            request.body = cast("bytes", Sending(call.body, reader.deadline))
        if not isinstance(session, OwnSession):
            request.prepare_cookies(session.cookies)
        return request

    def _headers(self, session: requests.Session, call: Call) -> CaseInsensitiveDict[str | bytes]:
        """Return the session's headers, replaced by those of the call."""
        headers: CaseInsensitiveDict[str | bytes] = CaseInsensitiveDict(session.headers)
        if call.private:
            headers.pop("Authorization", None)
        user_agent = headers.get("User-Agent")
        if self._agent or not user_agent or str(user_agent).startswith("python-requests/"):
            headers["User-Agent"] = self._agent or USER_AGENT
        if headers.get("Accept-Encoding") not in (None, ENCODINGS, "identity"):
            headers["Accept-Encoding"] = ENCODINGS
        headers.update(call.headers)
        if call.body is not None:
            headers["Content-Length"] = str(len(call.body))
        elif call.method not in ("GET", "HEAD"):
            headers["Content-Length"] = "0"
        for name in [name for name, value in headers.items() if value is None]:
            del headers[name]
        return headers

    def _settings(self, session: requests.Session, url: str) -> _Settings:
        """Return proxies and certificates of an origin; read from the environment once.

        They are read again after a change of the session's attributes, but not after a change of
        HTTPS_PROXY in a running process.
        """
        origin = url[: url.index("/", 8)]
        proxies, verify = dict(session.proxies), session.verify
        basis = (proxies, verify, session.cert, session.trust_env)
        settings = self._settings_by_origin.get(origin)
        if settings is None or settings.basis != basis:
            merged = session.merge_environment_settings(origin, {}, None, None, None)
            # REQUESTS_CA_BUNDLE would replace a `verify` that the user has set.
            chosen = merged["verify"] if verify is True or verify is None else verify
            chosen = True if chosen is None else chosen
            settings = _Settings(basis, merged["proxies"], chosen, merged["cert"])
            self._settings_by_origin[origin] = settings
        return settings


def open_session(hosts: int = 4) -> requests.Session:
    """Create a session that keeps the connections to the `hosts` most recently used hosts."""
    return OwnSession(hosts, POOL_SIZE)


def _hooks(session: requests.Session) -> list[Callable[..., object]]:
    """Return the session's response hooks; `requests` accepts a list or a single one."""
    hooks = session.hooks.get("response") or []
    return [hooks] if callable(hooks) else list(hooks)


_NETWORK: Final = (
    requests.RequestException, urllib3_errors.HTTPError, OSError, ValueError,
)  # fmt: skip
"""Exceptions of `Session.send` without a response."""


def _after_error(
    error: BaseException, reader: Reader, request: requests.PreparedRequest, settings: _Settings
) -> ReceivedReply | NoReply:
    """Return the result of a call that raised an exception, or raise the exception.

    A response that was read is the result, even if a hook such as `raise_for_status` or the URL of
    a redirect made `requests` raise afterwards. Any other exception of a hook is raised.
    """
    outcome = reader.outcome
    if outcome is not None and isinstance(error, _NETWORK):
        is_redirect = isinstance(outcome, Reply) and 300 <= outcome.status < 400
        if isinstance(error, requests.RequestException) or is_redirect:
            return outcome
    elif isinstance(error, _NETWORK):
        for name, value in request.headers.items():
            _check_sendable(name, value)
        return explain(error, str(request.url), settings.verify, late=reader.deadline.passed)
    # Ctrl-C and exceptions of signal handlers pass frames whose variables contain the token.
    cut_frames(error, "urllib3", "http", "ssl", "socket")
    raise error


def _check_sendable(name: object, value: object) -> None:
    """Raise an error that names a header of the session which HTTP cannot send."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if isinstance(text, str) and ("\n" in text or "\r" in text or not _is_latin(text)):
        raise ConfigurationError(
            f"the session's header {name!r} cannot be sent: it must be latin-1 on one line"
        )


def _is_latin(text: str) -> bool:
    return all(letter <= "\xff" for letter in text)


def _check_header(name: str, value: object) -> None:
    if not isinstance(value, str) or not value.isprintable() or not value.isascii():
        raise ConfigurationError(f"{name} must be printable ASCII on one line")
