"""The one importer of `requests`: a Call goes out, an Answer or a Lost comes back.

The request is filled by hand and sent through `Session.send`. That keeps what users rely on in a
session (adapters, hooks, proxies, certificates, cookies, headers) and drops what would hurt here: a
netrc entry that replaces our Bearer token, redirects that would carry it elsewhere, and the reading
of the environment on every call.

Nothing raised by `requests` or `urllib3` leaves this module but as the cause of a Lost.
"""

from __future__ import annotations

import io
import threading
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import exceptions as urllib3_errors

from amocrm import __version__
from amocrm.clock import Clock
from amocrm.core.wire import Call, Json, Lost, Reply
from amocrm.errors import ConfigurationError
from amocrm.transport.loss import explain

POOL_SIZE: Final = 64
"""Connections kept to one host: more threads than the pace can feed. requests keeps 10, and throws
the rest away after each call, so that every further call pays for a TLS handshake."""

MAX_BODY: Final = 64 * 1024 * 1024
"""Bytes of an answer, decoded, that are taken; 250 fat leads are about 2 MB."""

CHUNK: Final = 65_536

USER_AGENT: Final = f"amocrm-python/{__version__}"

Info: TypeAlias = requests.Response
Session: TypeAlias = requests.Session


@dataclass(frozen=True, slots=True)
class Response:
    """What a call gives back.

    Attributes:
        data: the decoded body; None when there was none (204).
        info: the `requests.Response`: `status_code`, `headers`, `elapsed`, `url`.
    """

    data: Json
    info: requests.Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Reply):
    """A Reply together with the `requests.Response` it was read from."""

    info: requests.Response = field(repr=False)


class _Kept(NamedTuple):
    """Settings that `requests` would work out of the environment on each call."""

    basis: tuple[object, ...]
    proxies: MutableMapping[str, str]
    verify: bool | str
    cert: str | tuple[str, str] | None


class Transport:
    """Sends calls over a session: the user's, or one of our own. Thread-safe."""

    def __init__(
        self, clock: Clock, session: requests.Session | None = None, user_agent: str | None = None
    ) -> None:
        if user_agent is not None:
            _check_header("user_agent", user_agent)
        self._clock = clock
        self._given = session
        self._session = session
        self._agent = f"{user_agent} {USER_AGENT}" if user_agent else None
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        self._closed = False

    def send(self, call: Call) -> Answer | Lost:
        """Send a call once and read the whole answer within the call's time limits."""
        started = self._clock.monotonic()
        session = self._session or self._open()
        if self._closed:
            raise ConfigurationError("this client is closed", hint="make another AmoCRM")
        request = self._fill(session, call)
        kept = self._settings(session, call.url)
        limits = call.timeout
        try:
            info = session.send(
                request,
                stream=True,
                timeout=(min(limits.connect, limits.total), min(limits.read, limits.total)),
                allow_redirects=False,
                proxies=kept.proxies,
                verify=kept.verify,
                cert=kept.cert,
            )
        except (requests.RequestException, urllib3_errors.HTTPError, OSError, ValueError) as error:
            return explain(error, call.url, kept.verify)
        return self._read(info, call.url, started + limits.total)

    def close(self) -> None:
        """Close our own connections; a session that was given stays as it is."""
        with self._lock:
            self._closed = True
            if self._session is not None and self._given is None:
                self._session.close()
            self._session = self._given
            self._kept.clear()

    def renew_after_fork(self) -> None:
        """Forget the parent's connections in a forked child: two processes on one are a mess."""
        self._lock = threading.Lock()
        if self._given is not None:
            self._given.close()
        self._session = self._given
        self._kept.clear()

    def _open(self) -> requests.Session:
        """Make our own session at the first call: an idle client costs next to nothing."""
        with self._lock:
            if self._session is None and not self._closed:
                session = requests.Session()
                adapter = HTTPAdapter(pool_connections=4, pool_maxsize=POOL_SIZE, max_retries=0)
                session.mount("https://", adapter)
                session.mount("http://", adapter)
                self._session = session
            if self._session is None:
                raise ConfigurationError("this client is closed", hint="make another AmoCRM")
            return self._session

    def _fill(self, session: requests.Session, call: Call) -> requests.PreparedRequest:
        """Fill a request as `prepare_request` would, without netrc and `session.auth`."""
        request = requests.PreparedRequest()
        request.method = call.method
        request.url = call.url
        if session.params:
            request.prepare_url(call.url, session.params)
        headers = request.headers = CaseInsensitiveDict()
        headers.update(session.headers)
        if self._agent or str(headers.get("User-Agent", "")).startswith("python-requests/"):
            headers["User-Agent"] = self._agent or USER_AGENT
        headers.update(call.headers)
        if call.body is not None:
            headers["Content-Length"] = str(len(call.body))
        elif call.method not in ("GET", "HEAD"):
            headers["Content-Length"] = "0"
        request.body = call.body
        request.hooks = session.hooks
        request.prepare_cookies(session.cookies)
        return request

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

    def _read(self, info: requests.Response, url: str, deadline: float) -> Answer | Lost:
        """Read a body in small pieces, with an eye on the clock and on its size."""
        body: list[bytes] = []
        size, raw = 0, info.raw
        read = getattr(raw, "read1", None) or raw.read
        try:
            while piece := read(CHUNK, decode_content=True):
                body.append(piece)
                size += len(piece)
                if size > MAX_BODY:
                    info.close()
                    return Answer(info.status_code, info.headers, oversize=True, info=info)
                if _is_whole(info):
                    break
                if self._clock.monotonic() > deadline:
                    info.close()
                    return Lost(True, "the answer was still trickling in when its time was up")
        except (urllib3_errors.HTTPError, requests.RequestException, OSError) as error:
            info.close()
            return explain(error, url, True)
        whole = b"".join(body)
        if body:
            # So that `info.content`, `.text` and `.json()` work as ever.
            info.raw = io.BytesIO(whole)
        else:
            # Nothing left to read: there was nothing, or a hook of the user's has read it.
            whole = info.content
        return Answer(info.status_code, info.headers, whole, info=info)


def _is_whole(info: requests.Response) -> bool:
    """Tell whether all that was announced has come: it saves asking once more for nothing.

    Not so with a content encoding, where a decoder may still hold something back.
    """
    left = getattr(info.raw, "length_remaining", None)
    return left == 0 and "Content-Encoding" not in info.headers


def _check_header(name: str, value: object) -> None:
    if not isinstance(value, str) or not value.isprintable() or not value.isascii():
        raise ConfigurationError(f"{name} must be printable ASCII on one line")
