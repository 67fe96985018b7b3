"""The one importer of `requests`: a Call goes out, an Answer or a NoReply comes back.

The request is filled by hand and sent through `Session.send`. That keeps what users rely on in a
session (adapters, hooks, proxies, certificates, cookies, headers) and drops what would hurt here: a
netrc entry that replaces our Bearer token, redirects that would carry it elsewhere, and the reading
of the environment on every call.

Nothing raised by `requests` or `urllib3` leaves this module but as the cause of a NoReply.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
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
from amocrm.http.transport.connections import OwnSession, Watch, here
from amocrm.http.transport.deadline import Deadline
from amocrm.http.transport.failures import explain
from amocrm.http.transport.privacy import forget, strip
from amocrm.http.transport.reading import ENCODINGS, Answer, Reader, SinkError
from amocrm.http.transport.sending import Sending

POOL_SIZE: Final = 64
"""Connections kept to one host: more threads than the rate limiter can feed. requests keeps 10, and
throws the rest away after each call, so that every further call pays for a TLS handshake."""

USER_AGENT: Final = f"amocrm-python/{__version__}"

Info: TypeAlias = requests.Response
Session: TypeAlias = requests.Session


@dataclass(frozen=True)
class Response:
    """What a call gives back.

    Attributes:
        data: the decoded body; None when there was none (204).
        info: the `requests.Response`: `status_code`, `headers`, `elapsed`, `url`.
    """

    # Out of `repr`: it may be a token, or a person's data.
    data: Json = field(repr=False)
    info: requests.Response


class _Kept(NamedTuple):
    """Settings that `requests` would work out of the environment on each call."""

    basis: tuple[object, ...]
    proxies: MutableMapping[str, str]
    verify: bool | str
    cert: str | tuple[str, str] | None

    def __repr__(self) -> str:
        # Addresses of proxies hold passwords.
        return "<settings of a session>"


__all__ = [
    "POOL_SIZE",
    "Answer",
    "Info",
    "Response",
    "Session",
    "SinkError",
    "Transport",
    "open_session",
]


class Transport:
    """Sends calls over a session: the user's, or one of our own. Thread-safe."""

    def __init__(
        self, clock: Clock, session: requests.Session | None = None, user_agent: str | None = None
    ) -> None:
        if user_agent is not None:
            _check_header("user_agent", user_agent)
        if session is not None and not isinstance(session, requests.Session):
            raise ConfigurationError("session must be a requests.Session")
        self._clock = clock
        self._given = session
        self._session = session
        self._agent = f"{user_agent} {USER_AGENT}" if user_agent else None
        self._kept: dict[str, _Kept] = {}
        # The connections of a given session; our own tells of its own.
        self._seen: WeakSet[object] | None = None if session is None else WeakSet()
        self._lock = ForkLock()
        self._closed = False
        after_fork(self)

    def send(self, call: Call, watch: Watch | None = None) -> Answer | NoReply:
        """Send a call once and read the whole answer within the call's time limits.

        Args:
            call: what to send.
            watch: who wants to know when it leaves.
        """
        deadline = Deadline(self._clock, call.timeout.total)
        session = self._session or self._open()
        if self._closed:
            raise ConfigurationError("this client is closed", hint="make another AmoCRM")
        reader = Reader(self._clock, deadline, call.url, self._seen, call.sink)
        request = self._fill(session, call, reader)
        kept = self._settings(session, call.url)
        connect, read, total = call.timeout
        here.begin(watch, deadline, call.path)
        failure: BaseException
        try:
            info = session.send(
                request,
                stream=True,
                timeout=(min(connect, total), min(read, total)),
                allow_redirects=False,
                proxies=kept.proxies,
                verify=kept.verify,
                cert=kept.cert,
            )
        except BaseException as error:
            failure = error
        else:
            outcome = reader.outcome
            if not isinstance(outcome, Answer) or outcome.info is not info:
                # A hook has put another answer in its place, or this session runs no hooks.
                outcome = reader.read(info)
            if isinstance(outcome, Answer):
                forget(outcome.info, call)
            return outcome
        finally:
            here.end()
            strip(request, call)
        # Out here, where an error of ours does not take the other one for its context.
        try:
            return _after_error(failure, reader, request, kept)
        finally:
            del failure

    def close(self) -> None:
        """Close our own connections; a session that was given stays as it is."""
        with self._lock:
            self._closed = True
            if self._session is not None and self._given is None:
                self._session.close()
            self._session = self._given
            self._kept.clear()

    def renew_after_fork(self) -> None:
        """Drop the parent's connections in a forked child: two processes cannot share one."""
        if self._given is not None:
            self._given.close()
        self._session = self._given
        self._kept.clear()

    def _open(self) -> requests.Session:
        """Make our own session at the first call: an idle client costs next to nothing."""
        with self._lock:
            if self._session is None and not self._closed:
                self._session = open_session()
            if self._session is None:
                raise ConfigurationError("this client is closed", hint="make another AmoCRM")
            return self._session

    def _fill(
        self, session: requests.Session, call: Call, reader: Reader
    ) -> requests.PreparedRequest:
        """Fill a request as `prepare_request` would, without netrc and `session.auth`."""
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
            # Sent as they are, bytes leave piece by piece, each within the time that else is for
            # all of them. (`requests` takes files; its types do not say so here.)
            request.body = cast("bytes", Sending(call.body, reader.deadline))
        if not isinstance(session, OwnSession):
            request.prepare_cookies(session.cookies)
        return request

    def _headers(self, session: requests.Session, call: Call) -> CaseInsensitiveDict[str | bytes]:
        """Return the session's headers with those of the call in their place."""
        headers: CaseInsensitiveDict[str | bytes] = CaseInsensitiveDict(session.headers)
        if call.private:
            headers.pop("Authorization", None)
        theirs = headers.get("User-Agent")
        if self._agent or not theirs or str(theirs).startswith("python-requests/"):
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

    def _settings(self, session: requests.Session, url: str) -> _Kept:
        """Return proxies and certificates for an origin, worked out once.

        What a user can still change are the session's attributes, so they are the basis of what is
        kept; a change of HTTPS_PROXY in a running process is not seen.
        """
        origin = url[: url.index("/", 8)]
        proxies, verify = dict(session.proxies), session.verify
        basis = (proxies, verify, session.cert, session.trust_env)
        kept = self._kept.get(origin)
        if kept is None or kept.basis != basis:
            merged = session.merge_environment_settings(origin, {}, None, None, None)
            # REQUESTS_CA_BUNDLE would win over a `verify` the user set on purpose.
            chosen = merged["verify"] if verify is True or verify is None else verify
            chosen = True if chosen is None else chosen
            kept = _Kept(basis, merged["proxies"], chosen, merged["cert"])
            self._kept[origin] = kept
        return kept


def open_session(hosts: int = 4) -> requests.Session:
    """Make a session that keeps the connections to as many hosts as were used last."""
    return OwnSession(hosts, POOL_SIZE)


def _hooks(session: requests.Session) -> list[Callable[..., object]]:
    """Return the session's response hooks; `requests` takes a list or a single one."""
    hooks = session.hooks.get("response") or []
    return [hooks] if callable(hooks) else list(hooks)


_NETWORK: Final = (
    requests.RequestException, urllib3_errors.HTTPError, OSError, ValueError,
)  # fmt: skip
"""What the sending raises when there is no answer."""


def _after_error(
    error: BaseException, reader: Reader, request: requests.PreparedRequest, kept: _Kept
) -> Answer | NoReply:
    """Tell what an exception of the sending means.

    Once an answer was read it counts, whatever a hook such as `raise_for_status` or the address of
    a redirect then made `requests` raise; any other exception of a hook is the user's to see.
    """
    outcome = reader.outcome
    if outcome is not None and isinstance(error, _NETWORK):
        redirected = isinstance(outcome, Reply) and 300 <= outcome.status < 400
        if isinstance(error, requests.RequestException) or redirected:
            return outcome
    elif isinstance(error, _NETWORK):
        for name, value in request.headers.items():
            _check_sendable(name, value)
        return explain(error, str(request.url), kept.verify, late=reader.deadline.passed)
    # Ctrl-C and what signal handlers raise come out of frames that hold the token.
    cut_frames(error, "urllib3", "http", "ssl", "socket")
    raise error


def _check_sendable(name: object, value: object) -> None:
    """Name a header of the session that HTTP cannot carry: it would fail before it was sent."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if isinstance(text, str) and ("\n" in text or "\r" in text or not _is_latin(text)):
        raise ConfigurationError(f"the session's header {name!r} cannot be sent")


def _is_latin(text: str) -> bool:
    return all(letter <= "\xff" for letter in text)


def _check_header(name: str, value: object) -> None:
    if not isinstance(value, str) or not value.isprintable() or not value.isascii():
        raise ConfigurationError(f"{name} must be printable ASCII on one line")
