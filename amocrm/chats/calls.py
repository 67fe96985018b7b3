"""Signed calls of a channel: each attempt waits for the rate limiter and is signed anew."""

from __future__ import annotations

from amocrm._support.clock import Clock
from amocrm._support.secret import Secret
from amocrm.chats.payloads import explain_chat
from amocrm.chats.signatures import request_headers
from amocrm.errors import AmoCRMError, ReplyError
from amocrm.http.call_options import read_retry
from amocrm.http.messages import Call, Json, Retry, Timeout
from amocrm.http.request_body import encode_body
from amocrm.http.retry import Accept, Again, GiveUp, RetryState, final_error, judge
from amocrm.http.sender import Sender
from amocrm.http.transport.transport import ReceivedReply


class SignedCalls:
    """Makes calls to the Chats API. Thread-safe.

    Args:
        sender: sends them.
        origin: of the Chats API.
        secret: the channel's; it signs, and is never sent or shown.
        timeout: limits of each attempt.
    """

    def __init__(self, sender: Sender, origin: str, secret: Secret, timeout: Timeout) -> None:
        self._sender = sender
        self._secret = secret
        self._timeout = timeout
        self.origin = origin

    @property
    def clock(self) -> Clock:
        """Whose time it is."""
        return self._sender.clock

    def send(
        self,
        method: str,
        path: str,
        data: Json = None,
        *,
        query: str = "",
        shown: str | None = None,
        replayable: bool = False,
        retry: Retry = "auto",
    ) -> Json:
        """Sign a call, make it, and return its decoded answer; None for an empty one.

        Args:
            method: in capitals.
            path: percent-encoded, without a query; it is signed.
            data: the body, sent as JSON.
            query: not signed.
            shown: what messages and logs show instead of the path.
            replayable: it may be repeated without harm.
            retry: see `Request`.

        Raises:
            ConfigurationError: there is no such `retry`.
            TransportError: no answer came; it is an OutcomeUnknownError if the call may have been
                carried out and is not to be repeated.
            ReplyError: the server said no.
        """
        read_retry(retry)
        body = None if data is None else encode_body(data)
        address = f"{self.origin}{path}{query and f'?{query}'}"
        state = RetryState()
        while True:
            # The date is signed, too, so each attempt has a signature of its own.
            now = self.clock.time()
            headers = request_headers(self._secret.reveal(), method, path, body or b"", now)
            call = Call(
                method, address, shown or path, headers, body, data, self._timeout, replayable,
                retry=retry,
            )  # fmt: skip
            try:
                outcome = self._sender.send(call, state)
            except AmoCRMError as error:
                if state.doubt:
                    raise final_error(call, error, state) from error
                raise
            verdict = judge(call, outcome, state)
            if isinstance(verdict, Accept) and isinstance(outcome, ReceivedReply):
                return verdict.data
            if isinstance(verdict, Again):
                self._sender.wait_before_retry(verdict)
                state = state.after(verdict, self._sender.jitter())
            elif isinstance(verdict, GiveUp):
                self._sender.report_failure(verdict)
                raise final_error(call, _explained(verdict.error), state)


def _explained(error: AmoCRMError) -> AmoCRMError:
    return explain_chat(error) if isinstance(error, ReplyError) else error
