"""Request: a path in, plain data out. One loop: token → rate limiter → send → judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amocrm.errors import AmoCRMError, ConfigurationError
from amocrm.http.authorizer import Authorizer, Credential, OtherHost
from amocrm.http.call_options import READS, both, check_headers, read_method, read_timeout
from amocrm.http.error_mapping import CONTEXT_USER
from amocrm.http.messages import RETRY, Call, Json, Retry, Sink, Timeout
from amocrm.http.paths import resolve
from amocrm.http.request_body import encode_body
from amocrm.http.retry import Accept, Again, GiveUp, Renew, RetryState, final_error, judge
from amocrm.http.sender import BeforeSend, Sender
from amocrm.http.transport.transport import Answer, Response, SinkError

__all__ = ["Request", "Response"]

_ACCEPT: Final = "application/hal+json, application/json"

REFRESHES_AFTER_401: Final = 2
"""Other tokens that a call is tried with after a 401: one that others brought, and its own."""


class Request:
    """Calls any path of the account. Thread-safe; `AmoCRM` makes it, as `crm.request`."""

    def __init__(
        self,
        authorizer: Authorizer,
        sender: Sender,
        timeout: Timeout,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._headers = {"Accept": _ACCEPT, **(headers or {})}
        self._authorizer = authorizer
        self._sender = sender
        self._timeout = timeout

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
        before_send: BeforeSend | None = None,
    ) -> Response:
        """Make one call and return its answer.

        Reads are repeated after lost answers and server errors, within a budget; writes only when
        nothing was sent, or after a 429; see `retry`. A 401 renews the token once.

        Args:
            method: GET, POST, PATCH, PUT or DELETE, in any case.
            path: such as `/api/v4/leads`, with or without a query; or a `next` link.
            data: the body, sent as JSON, but bytes as they are; of a GET, more query, as in the
                seed.
            params: the query, nested as it needs: `{"filter": {"id": [1, 2]}}`.
            headers: sent besides ours.
            timeout: seconds for the whole of each attempt, or a `Timeout`.
            retry: `always` repeats a write of unknown outcome as well, so what it creates may be
                there twice; `never` repeats nothing.
            before_send: is called without arguments before each attempt, when the call's turn has
                come and it is about to be sent: for whoever keeps a journal. What it raises is
                raised here, and the call is not sent.

        Raises:
            ConfigurationError: an argument is wrong; nothing was sent.
            AuthorizationError: there is no token, and a person has to act.
            TransportError: no answer came; it is an OutcomeUnknownError if a write may have been
                carried out.
            ReplyError: the server said no.
            RateLimiterError: a rate limiter shared with others cannot be reached; nothing was sent.

        Source: reference 3.
        """
        verb = read_method(method)
        if verb in READS and data is not None:
            params, data = both(params, data), None
        draft = self._draft(verb, path, data, params, headers, timeout, retry)
        return self._send(draft, before_send)

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

    def fetch(self, path: str) -> Response:
        """Read, and leave the decoding for later: `data` is the JSON as it came, in bytes.

        For whoever reads ahead: text takes a tenth of the memory of what it is decoded to.
        """
        draft = self._draft("GET", path, None, None, None, None, "auto")
        return self._send(draft.replace(undecoded=True))

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
        """Return a twin that acts as another user; see `AmoCRM.as_user`."""
        if isinstance(user_id, bool) or not isinstance(user_id, int) or user_id <= 0:
            raise ConfigurationError("a user's id is a positive whole number")
        return Request(self._authorizer, self._sender, self._timeout, {CONTEXT_USER: str(user_id)})

    def read_into(
        self, sink: Sink, path: str, *, timeout: float | Timeout | None = None
    ) -> Response:
        """Read a body of any size piece by piece: nothing of it is kept; `data` is None.

        Args:
            sink: is called for each attempt that is answered 200, and gives what takes its pieces.
                What that raises is raised here.
            path: as of every call.
            timeout: as of every call.
        """
        draft = self._draft("GET", path, None, None, None, timeout, "auto")
        try:
            return self._send(draft.replace(sink=sink))
        except SinkError as failed:
            raise failed.error from failed.error.__cause__

    def at(self, address: object) -> Request:
        """Return a twin whose calls go to the host of an address of the Files service.

        Raises:
            ConfigurationError: it is none of amoCRM's (of a test server: its own), and the token
                must not go there.
        """
        origin = self._authorizer.at(address)
        if origin is None:
            raise ConfigurationError(
                "the address is not at a host of amoCRM's for files: this token must not go there"
            )
        authorizer = OtherHost(self._authorizer, lambda: origin)
        return Request(authorizer, self._sender, self._timeout, self._headers)

    @property
    def origin(self) -> str:
        """Scheme and authority that calls go to; they change when the account is renamed."""
        return self._authorizer.origin

    @property
    def timeout(self) -> Timeout:
        """How long an attempt of a call may take that does not say otherwise."""
        return self._timeout

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
        """Check everything and make the call, but for the host and the token: nothing is sent."""
        target, bare = resolve(self._authorizer.origin, path, params)
        sent = dict(self._headers)
        body = None
        if data is not None:
            as_it_is = isinstance(data, bytes)
            sent["Content-Type"] = "application/octet-stream" if as_it_is else "application/json"
            body = data if as_it_is else encode_body(data)
        if headers is not None:
            sent.update(check_headers(headers))
        limits = self._timeout if timeout is None else read_timeout(timeout)
        if retry not in RETRY:
            raise ConfigurationError(f"there is no retry {retry!r}", hint=", ".join(RETRY))
        return Call(method, target, bare, sent, body, data, limits, method in READS, retry=retry)

    def _send(self, draft: Call, before_send: BeforeSend | None = None) -> Response:
        """Obey the verdicts until one of them is an answer or an error."""
        authorizer, sender = self._authorizer, self._sender
        token, state, refreshes = authorizer.token(), RetryState(renewable=authorizer.renewable), 0
        while True:
            call = _addressed(draft, authorizer.origin, token)
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
    """Add what may change between attempts: the account's host and the token."""
    headers = {**draft.headers, "Authorization": f"Bearer {token.access_token}"}
    return Call(
        draft.method, origin + draft.url, draft.path, headers,
        draft.body, draft.data, draft.timeout, draft.replayable, False, draft.retry,
        draft.undecoded, draft.sink,
    )  # fmt: skip
