"""Signed calls of a channel. Each attempt waits for the rate limiter and gets a new signature."""

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
        secret: of the channel; it signs calls and is never sent or shown.
        timeout: limits of each attempt.
    """

    def __init__(self, sender: Sender, origin: str, secret: Secret, timeout: Timeout) -> None:
        self._sender = sender
        self._secret = secret
        self._timeout = timeout
        self.origin = origin

    @property
    def clock(self) -> Clock:
        """The clock of the channel."""
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
        """Sign and make a call; return the decoded body, or None if it is empty.

        Args:
            method: in capitals.
            path: percent-encoded, without a query; it is signed.
            data: the body, sent as JSON.
            query: not signed.
            shown: shown in messages and logs instead of the path.
            replayable: the call is idempotent.
            retry: see `Request`.

        Raises:
            ConfigurationError: `retry` is wrong.
            TransportError: no response came; an OutcomeUnknownError if the call may have been
                carried out and must not be repeated.
            ReplyError: the server returned an error.
        """
        read_retry(retry)
        body = None if data is None else encode_body(data)
        address = f"{self.origin}{path}{query and f'?{query}'}"
        state = RetryState()
        while True:
            # The date is signed, too, so each attempt needs another signature.
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
