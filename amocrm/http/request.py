"""Request: calls a path and returns plain data. One loop: token → rate limiter → send → judge."""

# The functions at the end are for the library's other packages. They call private methods of
# Request, which are private so that editors do not offer them to users.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from amocrm.errors import (
    SHORT,
    AmoCRMError,
    ConfigurationError,
    NotFoundError,
    UnauthorizedError,
    UnexpectedReplyError,
    UnreachableError,
    printable,
)
from amocrm.http.authorizer import Authorizer
from amocrm.http.call_options import (
    READS,
    check_headers,
    merge_query,
    read_method,
    read_retry,
    read_timeout,
)
from amocrm.http.error_mapping import CONTEXT_USER
from amocrm.http.messages import Call, Json, Retry, Sink, Timeout
from amocrm.http.paths import resolve
from amocrm.http.request_body import encode_body
from amocrm.http.retry import Accept, Again, GiveUp, Refresh, RetryState, final_error, judge
from amocrm.http.sender import BeforeSend, Sender
from amocrm.http.transport.transport import ReceivedReply, Response, SinkError

__all__ = ["Request", "Response"]

_ACCEPT: Final = "application/hal+json, application/json"

REFRESHES_AFTER_401: Final = 2
"""Other tokens that a call tries after a 401: one that another process stored, and a new one."""

_MAY_HAVE_MOVED: Final = (
    NotFoundError, UnauthorizedError, UnexpectedReplyError, UnreachableError,
)  # fmt: skip
"""Errors after which a call may be sent to a new host: it was not carried out, or it is a read."""


class Target(NamedTuple):
    """A host other than the account's, such as the host of its files.

    Attributes:
        origin: returns scheme and authority.
        shown: the text in messages and logs instead of the path; None shows the path.
        has_moved: called after an error that a new host may explain; returns whether `origin` now
            returns another host. If so, the call is sent once more.
    """

    origin: Callable[[], str]
    shown: str | None = None
    has_moved: Callable[[], bool] | None = None


class Request:
    """Calls any path of the account. Thread-safe; available as `crm.request`."""

    def __init__(
        self,
        authorizer: Authorizer,
        sender: Sender,
        timeout: Timeout,
        headers: Mapping[str, str] | None = None,
        target: Target | None = None,
        retry: Retry = "auto",
    ) -> None:
        self._read_only: bool | str = False
        self._headers = {"Accept": _ACCEPT, **(headers or {})}
        self._authorizer = authorizer
        self._sender = sender
        self._timeout = timeout
        self._target = target
        self._retry: Retry = retry

    def __call__(
        self,
        method: str,
        path: str,
        data: Json = None,
        *,
        params: Mapping[str, Json] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | Timeout | None = None,
        retry: Retry | None = None,
    ) -> Response:
        """Make one call and return its response.

        Reads are retried after lost responses and server errors, up to four times; writes only if
        nothing was sent or after a 429; see `retry`. After a 401 the token is refreshed.

        Args:
            method: GET, POST, PATCH, PUT or DELETE, in any case.
            path: such as `/api/v4/leads`, with or without a query; or a `next` link.
            data: the body: bytes are sent as they are, anything else as JSON. For a GET it is added
                to the query, as in amocrm-js.
            params: the query, which may be nested: `{"filter": {"id": [1, 2]}}`.
            headers: added to the library's.
            timeout: seconds for each attempt, or a `Timeout`; the client's, if none is given.
            retry: `auto` repeats what does no harm twice; `always` also repeats a write that may
                have been carried out, which can create an entity twice; `never` repeats nothing.
                The client's, if none is given: see `AmoCRM.with_options`.

        Raises:
            ConfigurationError: an argument is wrong; nothing was sent.
            AuthorizationError: there is no token, and a person has to authorize again.
            TransportError: no response arrived; it is an OutcomeUnknownError if the write may have
                been carried out.
            ReplyError: the server refused the call.
            RateLimiterError: a shared rate limiter cannot be reached; nothing was sent.

        Source: reference 3.
        """
        method = read_method(method)
        if method in READS and data is not None:
            params, data = merge_query(params, data), None
        return self._send(self._draft(method, path, data, params, headers, timeout, retry))

    def get(
        self,
        path: str,
        params: Mapping[str, Json] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | Timeout | None = None,
        retry: Retry | None = None,
    ) -> Response:
        """Read: `get("/api/v4/leads", {"limit": 250, "filter": {"id": [1, 2]}})`."""
        return self._send(self._draft("GET", path, None, params, headers, timeout, retry))

    def post(
        self,
        path: str,
        data: Json = None,
        *,
        params: Mapping[str, Json] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | Timeout | None = None,
        retry: Retry | None = None,
    ) -> Response:
        """Create: `post("/api/v4/leads", [{"name": "First"}])`."""
        return self._send(self._draft("POST", path, data, params, headers, timeout, retry))

    def patch(
        self,
        path: str,
        data: Json = None,
        *,
        params: Mapping[str, Json] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | Timeout | None = None,
        retry: Retry | None = None,
    ) -> Response:
        """Update: `patch("/api/v4/leads/42", {"price": 5000})`."""
        return self._send(self._draft("PATCH", path, data, params, headers, timeout, retry))

    def put(
        self,
        path: str,
        data: Json = None,
        *,
        params: Mapping[str, Json] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | Timeout | None = None,
        retry: Retry | None = None,
    ) -> Response:
        """Replace."""
        return self._send(self._draft("PUT", path, data, params, headers, timeout, retry))

    def delete(
        self,
        path: str,
        data: Json = None,
        *,
        params: Mapping[str, Json] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | Timeout | None = None,
        retry: Retry | None = None,
    ) -> Response:
        """Delete; some paths take a body (reference 3.1)."""
        return self._send(self._draft("DELETE", path, data, params, headers, timeout, retry))

    def as_user(self, user_id: int) -> Request:
        """Return a copy that acts as another user; see `AmoCRM.as_user`."""
        if isinstance(user_id, bool) or not isinstance(user_id, int) or user_id <= 0:
            raise ConfigurationError("user_id must be a positive whole number")
        twin = copy.copy(self)
        twin._headers = {**self._headers, CONTEXT_USER: str(user_id)}
        return twin

    @property
    def _origin(self) -> str:
        """Scheme and authority of the calls; they change when the account is renamed."""
        return self._authorizer.origin if self._target is None else self._target.origin()

    def _draft(
        self,
        method: str,
        path: str,
        data: Json,
        params: Mapping[str, Json] | None,
        headers: Mapping[str, str] | None,
        timeout: float | Timeout | None,
        retry: Retry | None,
        *,
        undecoded: bool = False,
        sink: Sink | None = None,
    ) -> Call:
        """Check the arguments and build the call, without its host and token. Nothing is sent."""
        if self._read_only and method not in READS:
            raise _not_written(method, path, self._read_only)
        target, bare = resolve(self._origin, path, params)
        shown = None if self._target is None else self._target.shown
        all_headers = dict(self._headers)
        body = None
        if data is not None:
            is_bytes = isinstance(data, bytes)
            all_headers["Content-Type"] = (
                "application/octet-stream" if is_bytes else "application/json"
            )
            body = data if is_bytes else encode_body(data)
        if headers is not None:
            all_headers.update(check_headers(headers))
        return Call(
            method, target, shown or bare, all_headers, body, data,
            self._timeout if timeout is None else read_timeout(timeout), method in READS,
            retry=self._retry if retry is None else read_retry(retry),
            undecoded=undecoded, sink=sink,
        )  # fmt: skip

    def _send(self, draft: Call, before_send: BeforeSend | None = None) -> Response:
        """Send a call; if its target has moved to another host, send it once more."""
        has_moved = None if self._target is None else self._target.has_moved
        if has_moved is None:
            return self._attempt(draft, before_send)
        try:
            return self._attempt(draft, before_send)
        except _MAY_HAVE_MOVED:
            if not has_moved():
                raise
        return self._attempt(draft, before_send)

    def _attempt(self, draft: Call, before_send: BeforeSend | None) -> Response:
        """Send attempts of a call until `judge` accepts a response or gives up."""
        authorizer, sender = self._authorizer, self._sender
        token, state, refreshes = authorizer.token(), RetryState(renewable=authorizer.renewable), 0
        while True:
            call = draft.with_token(self._origin, token)
            try:
                outcome = sender.send(call, state, before_send)
            except AmoCRMError as error:
                if state.doubt:
                    raise final_error(draft, error, state) from error
                raise
            verdict = judge(call, outcome, state)
            if isinstance(verdict, Refresh):
                date = outcome.headers.get("Date") if isinstance(outcome, ReceivedReply) else None
                new = authorizer.refresh_after_401(token, date)
                if not isinstance(new, str):
                    token, refreshes = new, refreshes + 1
                    state = state._replace(renewable=refreshes < REFRESHES_AFTER_401)
                    continue
                verdict = judge(call, outcome, state._replace(renewable=False))
                if isinstance(verdict, GiveUp) and new:
                    hint = verdict.error.hint
                    verdict.error.hint = f"{hint}; {new}" if hint else new
            if isinstance(verdict, Accept) and isinstance(outcome, ReceivedReply):
                return Response(verdict.data, outcome.info)
            if isinstance(verdict, Again):
                sender.wait_before_retry(verdict)
                state = state.after(verdict, sender.jitter())
            elif isinstance(verdict, GiveUp):
                sender.report_failure(verdict)
                raise final_error(draft, verdict.error, state)


# For the other packages of this library ----------------------------------------------------------


def send(
    request: Request,
    method: str,
    path: str,
    data: Json,
    *,
    retry: Retry,
    before_send: BeforeSend,
    divisible: bool = False,
) -> Response:
    """Make a call, and call a function before each attempt.

    Args:
        request: makes the call.
        method: in capitals.
        path: as in `Request`.
        data: the body.
        retry: as in `Request`.
        before_send: called before each attempt, after the wait for the rate limiter; an import
            writes its journal here. If it raises, nothing is sent and the exception is raised.
        divisible: do not repeat it after a 504, because it was too heavy as it is.
    """
    draft = request._draft(method, path, data, None, None, None, retry)
    return request._send(draft.replace(divisible=divisible), before_send)


def fetch(request: Request, path: str) -> Response:
    """Make a GET whose `data` is the JSON as bytes, to be decoded later.

    Used for reading ahead, because the bytes take a tenth of the memory of the decoded objects.
    """
    return request._send(request._draft("GET", path, None, None, None, None, None, undecoded=True))


def read_into(
    request: Request, sink: Sink, path: str, *, timeout: float | Timeout | None = None
) -> Response:
    """Read a body of any size in pieces; `data` of the response is None.

    Args:
        request: makes the call.
        sink: called for each attempt that gets a 200; returns the function that receives the
            pieces. Exceptions of that function are raised here.
        path: as in `Request`.
        timeout: as in `Request`.
    """
    draft = request._draft("GET", path, None, None, None, timeout, None, sink=sink)
    try:
        return request._send(draft)
    except SinkError as sink_error:
        raise sink_error.error from sink_error.error.__cause__


def redirect(request: Request, target: Target) -> Request:
    """Return a copy whose calls go to another host, with the same tokens and headers."""
    twin = copy.copy(request)
    twin._target = target
    return twin


def with_options(
    request: Request,
    *,
    timeout: float | Timeout | None = None,
    retry: Retry | None = None,
    read_only: bool | str = False,
) -> Request:
    """Return a copy with other defaults of `timeout` and `retry`; None keeps one.

    Args:
        request: makes the calls.
        timeout: as in `Request`.
        retry: as in `Request`.
        read_only: refuse writes; a text is the hint of the errors. It cannot be taken back.
    """
    twin = copy.copy(request)
    twin._read_only = read_only or request._read_only
    if timeout is not None:
        twin._timeout = read_timeout(timeout)
    if retry is not None:
        twin._retry = read_retry(retry)
    return twin


def origin_at(request: Request, address: object) -> str | None:
    """Return the origin of a URL of the Files service; None if it must not get the token."""
    return request._authorizer.at(address)


def origin_of(request: Request) -> str:
    """Return the scheme and authority of a request's calls."""
    return request._origin


def usual_timeout(request: Request) -> Timeout:
    """Return the time limits of calls that do not set their own."""
    return request._timeout


def usual_retry(request: Request) -> Retry:
    """Return when calls are repeated that do not say it."""
    return request._retry


def _not_written(method: str, path: object, hint: bool | str) -> ConfigurationError:
    where = printable(path, SHORT).partition("?")[0]
    return ConfigurationError(
        f"{method} {where} was not sent: this client is read-only",
        hint=hint if isinstance(hint, str) else None,
    )
