"""Signed calls of a channel: a turn of the pace, a signature, one attempt, until it is decided."""

from __future__ import annotations

from amocrm._support.clock import Clock
from amocrm._support.secret import Secret
from amocrm.chats.payloads import explain_chat
from amocrm.chats.signatures import request_headers
from amocrm.errors import AmoCRMError, ConfigurationError, ReplyError
from amocrm.http.messages import RETRY, Call, Json, Retry, Timeout
from amocrm.http.request_body import encode_body
from amocrm.http.retry import Accept, Again, Effort, GiveUp, in_all, judge
from amocrm.http.sender import Line
from amocrm.http.transport.transport import Answer


class Calls:
    """Makes calls to the Chats API. Thread-safe.

    Args:
        line: sends them.
        origin: of the Chats API.
        secret: the channel's; it signs, and is never sent or shown.
        timeout: limits of each attempt.
    """

    def __init__(self, line: Line, origin: str, secret: Secret, timeout: Timeout) -> None:
        self._line = line
        self._secret = secret
        self._timeout = timeout
        self.origin = origin

    @property
    def clock(self) -> Clock:
        """Whose time it is."""
        return self._line.clock

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
        if retry not in RETRY:
            raise ConfigurationError(f"there is no retry {retry!r}", hint=", ".join(RETRY))
        body = None if data is None else encode_body(data)
        address = f"{self.origin}{path}{query and f'?{query}'}"
        effort = Effort()
        while True:
            # The date is signed, too, so each attempt has a signature of its own.
            now = self.clock.time()
            headers = request_headers(self._secret.reveal(), method, path, body or b"", now)
            call = Call(
                method, address, shown or path, headers, body, data, self._timeout, replayable,
                retry=retry,
            )  # fmt: skip
            try:
                outcome = self._line.send(call, effort)
            except AmoCRMError as error:
                if effort.doubt:
                    raise in_all(call, error, effort) from error
                raise
            verdict = judge(call, outcome, effort)
            if isinstance(verdict, Accept) and isinstance(outcome, Answer):
                return verdict.data
            if isinstance(verdict, Again):
                self._line.rest(verdict)
                effort = effort.after(verdict, self._line.jitter())
            elif isinstance(verdict, GiveUp):
                self._line.give_up(verdict)
                raise in_all(call, _explained(verdict.error), effort)


def _explained(error: AmoCRMError) -> AmoCRMError:
    return explain_chat(error) if isinstance(error, ReplyError) else error
