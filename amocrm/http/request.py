"""Request: a path in, plain data out. One loop: token → rate limiter → send → judge."""

# The functions at the end give the library's other packages what users do not need: they belong to
# the class, but would stand in every editor's list of its methods.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from amocrm.errors import (
    AmoCRMError,
    ConfigurationError,
    NotFoundError,
    UnauthorizedError,
    UnexpectedReplyError,
    UnreachableError,
)
from amocrm.http.authorizer import Authorizer, Credential
from amocrm.http.call_options import (
    READS,
    both,
    check_headers,
    read_method,
    read_retry,
    read_timeout,
)
from amocrm.http.error_mapping import CONTEXT_USER
from amocrm.http.messages import Call, Json, Retry, Sink, Timeout
from amocrm.http.paths import resolve
from amocrm.http.request_body import encode_body
from amocrm.http.retry import Accept, Again, GiveUp, Renew, RetryState, final_error, judge
from amocrm.http.sender import BeforeSend, Sender
from amocrm.http.transport.transport import Answer, Response, SinkError

__all__ = ["Request", "Response"]

_ACCEPT: Final = "application/hal+json, application/json"

REFRESHES_AFTER_401: Final = 2
"""How many other tokens a call tries after a 401: one that others stored, and a new one."""

_MAY_HAVE_MOVED: Final = (
    NotFoundError, UnauthorizedError, UnexpectedReplyError, UnreachableError,
)  # fmt: skip
"""Errors after which a call may be sent to a new host: nothing was done, or the call is a read."""


class Target(NamedTuple):
    """Where calls go that do not go to the account's own host.

    Attributes:
        origin: returns scheme and authority.
        shown: what messages and logs show instead of the path; None shows the path.
        has_moved: asked after an error that a new host may explain: whether `origin` gives another
            one by now. Then the call is sent once more.
    """

    origin: Callable[[], str]
    shown: str | None = None
    has_moved: Callable[[], bool] | None = None


class Request:
    """Calls any path of the account. Thread-safe; `AmoCRM` makes it, as `crm.request`."""

    def __init__(
        self,
        authorizer: Authorizer,
        sender: Sender,
        timeout: Timeout,
        headers: Mapping[str, str] | None = None,
        target: Target | None = None,
    ) -> None:
        self._headers = {"Accept": _ACCEPT, **(headers or {})}
        self._authorizer = authorizer
        self._sender = sender
        self._timeout = timeout
        self._target = target

    def __call__(
        self,
        method: str,
        path: str,
        data: Json = None,
        *,
        params: Mapping[str, Json] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | Timeout | None = None,
        retry: Retry = "auto",
    ) -> Response:
        """Make one call and return its response.

        Reads are repeated after lost responses and server errors, within a budget; writes only when
        nothing was sent, or after a 429; see `retry`. A 401 renews the token once.

        Args:
            method: GET, POST, PATCH, PUT or DELETE, in any case.
            path: such as `/api/v4/leads`, with or without a query; or a `next` link.
            data: the body: bytes are sent as they are, anything else as JSON. For a GET it is added
                to the query, as in amocrm-js.
            params: the query, which may be nested: `{"filter": {"id": [1, 2]}}`.
            headers: added to the library's.
            timeout: seconds for each whole attempt, or a `Timeout`.
            retry: `always` also repeats a write whose outcome is unknown, which may create an
                entity twice; `never` repeats nothing.

        Raises:
            ConfigurationError: an argument is wrong; nothing was sent.
            AuthorizationError: there is no token, and a person has to authorize again.
            TransportError: no response arrived; it is an OutcomeUnknownError if the write may have
                been carried out.
            ReplyError: the server refused the call.
            RateLimiterError: a shared rate limiter cannot be reached; nothing was sent.

        Source: reference 3.
        """
        verb = read_method(method)
        if verb in READS and data is not None:
            params, data = both(params, data), None
        return self._send(self._draft(verb, path, data, params, headers, timeout, retry))

    def get(
        self,
        path: str,
        params: Mapping[str, Json] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | Timeout | None = None,
        retry: Retry = "auto",
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
        retry: Retry = "auto",
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
        retry: Retry = "auto",
    ) -> Response:
        """Change: `patch("/api/v4/leads/42", {"price": 5000})`."""
        return self._send(self._draft("PATCH", path, data, params, headers, timeout, retry))

    def put(
        self,
        path: str,
        data: Json = None,
        *,
        params: Mapping[str, Json] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | Timeout | None = None,
        retry: Retry = "auto",
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
        retry: Retry = "auto",
    ) -> Response:
        """Delete; some paths take a body (reference 3.1)."""
        return self._send(self._draft("DELETE", path, data, params, headers, timeout, retry))

    def as_user(self, user_id: int) -> Request:
        """Return a copy that acts as another user; see `AmoCRM.as_user`."""
        if isinstance(user_id, bool) or not isinstance(user_id, int) or user_id <= 0:
            raise ConfigurationError("user_id must be a positive whole number")
        return Request(self._authorizer, self._sender, self._timeout, {CONTEXT_USER: str(user_id)})

    @property
    def _origin(self) -> str:
        """Scheme and authority that calls go to; they change when the account is renamed."""
        return self._authorizer.origin if self._target is None else self._target.origin()

    def _draft(
        self,
        method: str,
        path: str,
        data: Json,
        params: Mapping[str, Json] | None,
        headers: Mapping[str, str] | None,
        timeout: float | Timeout | None,
        retry: Retry,
    ) -> Call:
        """Check the arguments and build the call, without its host and token. Nothing is sent."""
        address, bare = resolve(self._origin, path, params)
        shown = None if self._target is None else self._target.shown
        sent = dict(self._headers)
        body = None
        if data is not None:
            as_it_is = isinstance(data, bytes)
            sent["Content-Type"] = "application/octet-stream" if as_it_is else "application/json"
            body = data if as_it_is else encode_body(data)
        if headers is not None:
            sent.update(check_headers(headers))
        limits = self._timeout if timeout is None else read_timeout(timeout)
        return Call(
            method, address, shown or bare, sent, body, data, limits, method in READS,
            retry=read_retry(retry),
        )  # fmt: skip

    def _send(self, draft: Call, before_send: BeforeSend | None = None) -> Response:
        """Send a call; once more if its target has moved to another host."""
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
        """Send a call until `judge` accepts the outcome or gives up."""
        authorizer, sender = self._authorizer, self._sender
        token, state, refreshes = authorizer.token(), RetryState(renewable=authorizer.renewable), 0
        while True:
            call = _addressed(draft, self._origin, token)
            try:
                outcome = sender.send(call, state, before_send)
            except AmoCRMError as error:
                if state.doubt:
                    raise final_error(draft, error, state) from error
                raise
            verdict = judge(call, outcome, state)
            if isinstance(verdict, Renew):
                date = outcome.headers.get("Date") if isinstance(outcome, Answer) else None
                renewed = authorizer.refresh_after_401(token, date)
                if not isinstance(renewed, str):
                    token, refreshes = renewed, refreshes + 1
                    state = state._replace(renewable=refreshes < REFRESHES_AFTER_401)
                    continue
                verdict = judge(call, outcome, state._replace(renewable=False))
                if isinstance(verdict, GiveUp) and renewed:
                    hint = verdict.error.hint
                    verdict.error.hint = f"{hint}; {renewed}" if hint else renewed
            if isinstance(verdict, Accept) and isinstance(outcome, Answer):
                return Response(verdict.data, outcome.info)
            if isinstance(verdict, Again):
                sender.wait_before_retry(verdict)
                state = state.after(verdict, sender.jitter())
            elif isinstance(verdict, GiveUp):
                sender.report_failure(verdict)
                raise final_error(draft, verdict.error, state)


def _addressed(draft: Call, origin: str, token: Credential) -> Call:
    """Add what may change between attempts, the host and the token, outside the frame that sends.

    Error trackers show the variables of every frame that an exception passes.
    """
    headers = {**draft.headers, "Authorization": f"Bearer {token.access_token}"}
    return draft.replace(url=origin + draft.url, headers=headers)


# For the other packages of this library, which need more than a path and its data ----------------


def send(
    request: Request,
    method: str,
    path: str,
    data: Json,
    *,
    retry: Retry,
    before_send: BeforeSend,
) -> Response:
    """Make a call, and announce each attempt.

    Args:
        request: makes it.
        method: in capitals.
        path: as of every call.
        data: the body.
        retry: as of every call.
        before_send: called before each attempt, when the rate limiter has admitted it: for whoever
            keeps a journal. What it raises is raised here, and the call is not sent.
    """
    return request._send(request._draft(method, path, data, None, None, None, retry), before_send)


def fetch(request: Request, path: str) -> Response:
    """Read, and leave the decoding for later: `data` is the JSON as bytes.

    For reading ahead: the text takes a tenth of the memory of the decoded objects.
    """
    draft = request._draft("GET", path, None, None, None, None, "auto")
    return request._send(draft.replace(undecoded=True))


def read_into(
    request: Request, sink: Sink, path: str, *, timeout: float | Timeout | None = None
) -> Response:
    """Read a body of any size piece by piece; nothing of it is collected, and `data` is None.

    Args:
        request: makes the call.
        sink: called for each attempt that is answered 200; returns what takes the pieces. What that
            raises is raised here.
        path: as of every call.
        timeout: as of every call.
    """
    draft = request._draft("GET", path, None, None, None, timeout, "auto")
    try:
        return request._send(draft.replace(sink=sink))
    except SinkError as failed:
        raise failed.error from failed.error.__cause__


def redirect(request: Request, target: Target) -> Request:
    """Return a copy whose calls go to another host, with the same tokens and headers."""
    return Request(request._authorizer, request._sender, request._timeout, request._headers, target)


def origin_at(request: Request, address: object) -> str | None:
    """Return the origin of an address of the Files service; None if the token must not go there."""
    return request._authorizer.at(address)


def origin_of(request: Request) -> str:
    """Return the scheme and authority that a request's calls go to."""
    return request._origin


def usual_timeout(request: Request) -> Timeout:
    """Return how long an attempt of a call may take that does not say otherwise."""
    return request._timeout
