from __future__ import annotations

import json
from typing import Any

import pytest

from amocrm import (
    AmoCRMError,
    BlockedError,
    ForbiddenError,
    LostReplyError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitedError,
    ReplyError,
    ServerError,
    UnauthorizedError,
    UnexpectedReplyError,
    UnreachableError,
)
from amocrm.http.messages import RETRY, Call, NoReply, Reply
from amocrm.http.retry import (
    BLOCK_PAUSE,
    PATIENCE,
    RETRIES,
    Accept,
    Again,
    GiveUp,
    Refresh,
    RetryState,
    backoff,
    final_error,
    judge,
)

READ = Call("GET", "https://h/p", "/p", {}, replayable=True)
WRITE = Call("POST", "https://h/p", "/p", {}, data=[])
JSON = {"Content-Type": "application/json"}


def reply(status: int, body: Any = None, media: str = "application/json") -> Reply:
    return Reply(
        status, {"Content-Type": media}, b"" if body is None else json.dumps(body).encode()
    )


def refused(verdict: object) -> AmoCRMError:
    assert isinstance(verdict, GiveUp)
    return verdict.error


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
def test_success_is_accepted(call: Call, status: int) -> None:
    assert judge(call, reply(status, {"a": 1})) == Accept({"a": 1})


@pytest.mark.parametrize(
    ("call", "answer", "data"),
    [
        (READ, reply(204), None),
        (WRITE, reply(204), None),
        (WRITE, reply(202), None),
        (WRITE, reply(200), None),
        (WRITE, Reply(202, {"Content-Type": "text/plain"}, b"Accepted"), None),
    ],
)
def test_a_response_without_data_is_none(call: Call, answer: Reply, data: object) -> None:
    assert judge(call, answer) == Accept(data)


def test_a_read_answered_200_and_nothing_is_an_error() -> None:
    assert isinstance(refused(judge(READ, reply(200))), UnexpectedReplyError)


def test_a_broken_response_is_read_again_but_not_written_again() -> None:
    broken = Reply(200, JSON, b'{"a"')
    assert isinstance(judge(READ, broken), Again)
    error = refused(judge(WRITE, broken))
    assert isinstance(error, OutcomeUnknownError)
    assert isinstance(error.__cause__, UnexpectedReplyError)
    assert "check before you repeat" in str(error)
    last = refused(judge(READ, broken, RetryState(attempt=RETRIES)))
    assert "broken JSON" in str(last)
    assert last.hint is None


def test_an_oversize_response_is_not_asked_for_again() -> None:
    assert isinstance(refused(judge(READ, Reply(200, JSON, oversize=True))), UnexpectedReplyError)


@pytest.mark.parametrize("status", [300, 301, 304, 308, 399])
def test_a_redirect_is_never_followed(status: int) -> None:
    error = refused(judge(READ, reply(status)))
    assert isinstance(error, UnexpectedReplyError)
    assert "redirect" in str(error)


@pytest.mark.parametrize("status", [400, 401, 404, 499])
def test_a_refusal_is_not_a_redirect(status: int) -> None:
    assert "redirect" not in str(refused(judge(READ, reply(status))))


def test_the_wait_before_another_try_is_a_number() -> None:
    assert judge(READ, reply(500)) == Again(0.25)


def test_a_401_renews_once() -> None:
    assert judge(READ, reply(401), RetryState(renewable=True)) == Refresh()
    assert judge(WRITE, reply(401), RetryState(renewable=True)) == Refresh()
    assert isinstance(refused(judge(READ, reply(401))), UnauthorizedError)
    # Only 401: a 403 is not cured by another token.
    problem = {"title": "Forbidden"}
    assert isinstance(
        refused(judge(READ, reply(403, problem), RetryState(renewable=True))), ReplyError
    )


@pytest.mark.parametrize(("status", "again"), [(499, False), (500, True), (504, True), (599, True)])
def test_server_errors_are_repeated_for_reads_only(status: int, again: bool) -> None:
    assert isinstance(judge(READ, reply(status)), Again) is again
    assert isinstance(judge(WRITE, reply(status)), GiveUp)
    if again:
        error = refused(judge(WRITE, reply(status)))
        assert isinstance(error, OutcomeUnknownError)
        assert isinstance(error.__cause__, ServerError)
        assert not error.retryable
        assert refused(judge(READ, reply(status), RetryState(attempt=RETRIES))).retryable


@pytest.mark.parametrize(
    ("call", "sent", "again"),
    [(READ, False, True), (READ, True, True), (WRITE, False, True), (WRITE, True, False)],
)
def test_a_lost_write_is_repeated_only_when_nothing_was_sent(
    call: Call, sent: bool, again: bool
) -> None:
    lost = NoReply(sent, "gone", cause=OSError("x"))
    assert isinstance(judge(call, lost), Again) is again
    error = refused(judge(call, lost, RetryState(attempt=RETRIES)))
    known = OutcomeUnknownError if call is WRITE else LostReplyError
    assert type(error) is (known if sent else UnreachableError)
    assert error.__cause__ is lost.cause
    assert error.retryable is not (call is WRITE and sent)
    assert ("check before you repeat" in str(error)) is (call is WRITE and sent)


def test_what_cannot_help_is_not_tried_again() -> None:
    error = refused(judge(READ, NoReply(False, "bad certificate", "do this", final=True)))
    assert error.retryable is False
    assert str(error) == "GET /p: bad certificate (do this)"


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
def test_a_429_makes_everybody_wait_as_long_as_asked(call: Call) -> None:
    verdict = judge(call, reply(429, {"retry_after": 7}))
    assert verdict == Again(7, everybody=True)
    assert judge(call, reply(429, {"retry_after": 0})) == Again(1, everybody=True)
    assert judge(call, reply(429)) == Again(1, everybody=True)
    assert judge(call, reply(429), RetryState(attempt=3)) == Again(2, everybody=True)


@pytest.mark.parametrize(
    ("asked", "waited", "again"),
    [(60, 0, True), (61, 0, False), (30, 30, True), (30, 31, False), (300, 0, False)],
)
def test_patience_has_a_border(asked: float, waited: float, again: bool) -> None:
    verdict = judge(READ, reply(429, {"retry_after": asked}), RetryState(waited=waited))
    assert isinstance(verdict, Again) is again
    if isinstance(verdict, GiveUp):
        assert verdict.pause == asked
        assert isinstance(verdict.error, RateLimitedError)
        assert verdict.error.retry_after == asked


@pytest.mark.parametrize(
    "outcome", [reply(429), reply(500), NoReply(True, "x"), Reply(200, JSON, b"{")]
)
def test_retries_have_a_border(outcome: Reply | NoReply) -> None:
    assert isinstance(judge(READ, outcome, RetryState(attempt=RETRIES - 1)), Again)
    last = judge(READ, outcome, RetryState(attempt=RETRIES))
    assert isinstance(last, GiveUp)
    assert isinstance(last.error, AmoCRMError)


def test_waiting_has_a_border_for_every_kind_of_trouble() -> None:
    nearly = RetryState(waited=PATIENCE - 0.25)
    assert isinstance(judge(READ, reply(500), nearly), Again)
    assert isinstance(judge(READ, reply(500), nearly._replace(waited=PATIENCE - 0.24)), GiveUp)


def test_a_block_pauses_everybody_and_missing_rights_do_not() -> None:
    block = judge(READ, Reply(403, {"Content-Type": "text/html"}, b"<h1>403</h1>"))
    assert isinstance(block, GiveUp)
    assert (block.pause, block.blocked) == (BLOCK_PAUSE, True)
    assert isinstance(block.error, BlockedError)
    assert block.error.retry_after == BLOCK_PAUSE
    assert "send fewer" in str(block.error)
    rights = judge(READ, reply(403, {"title": "Forbidden", "detail": "Invalid scope"}))
    assert isinstance(rights, GiveUp)
    assert (rights.pause, rights.blocked) == (0, False)
    assert type(rights.error) is ForbiddenError


@pytest.mark.parametrize(
    ("attempt", "jitter", "seconds"),
    [(0, 0, 0.25), (0, 0.5, 0.375), (1, 0, 0.5), (2, 0, 1), (3, 0, 2), (4, 0, 4), (9, 0, 4)],
)
def test_the_wait_doubles_to_a_bound(attempt: int, jitter: float, seconds: float) -> None:
    assert backoff(RetryState(attempt=attempt, jitter=jitter)) == seconds


def test_effort_adds_up() -> None:
    state = RetryState(attempt=1, waited=2, renewable=True).after(Again(3), 0.5)
    assert state == RetryState(attempt=2, waited=5, renewable=True, jitter=0.5, last_wait=3)


def test_the_constants_are_those_the_manual_names() -> None:
    assert (RETRIES, PATIENCE, BLOCK_PAUSE) == (4, 60, 60)


LOST, UNSENT = NoReply(True, "silence"), NoReply(False, "no route")
BROKEN = Reply(200, JSON, b"{")


@pytest.mark.parametrize(
    ("call", "outcome", "auto", "always", "never"),
    [
        (READ, UNSENT, Again, Again, UnreachableError),
        (READ, LOST, Again, Again, LostReplyError),
        (READ, reply(502), Again, Again, ServerError),
        (READ, BROKEN, Again, Again, UnexpectedReplyError),
        (READ, reply(429), Again, Again, RateLimitedError),
        (READ, reply(401), Refresh, Refresh, Refresh),
        (READ, reply(404), NotFoundError, NotFoundError, NotFoundError),
        (READ, Reply(403, {}, b"<html>"), BlockedError, BlockedError, BlockedError),
        (READ, reply(302), UnexpectedReplyError, UnexpectedReplyError, UnexpectedReplyError),
        (WRITE, UNSENT, Again, Again, UnreachableError),
        (WRITE, LOST, OutcomeUnknownError, Again, OutcomeUnknownError),
        (WRITE, reply(502), OutcomeUnknownError, Again, OutcomeUnknownError),
        (WRITE, BROKEN, OutcomeUnknownError, Again, OutcomeUnknownError),
        (WRITE, reply(429), Again, Again, RateLimitedError),
        (WRITE, reply(401), Refresh, Refresh, Refresh),
        (WRITE, reply(404), NotFoundError, NotFoundError, NotFoundError),
        (WRITE, Reply(403, {}, b"<html>"), BlockedError, BlockedError, BlockedError),
        (WRITE, reply(302), UnexpectedReplyError, UnexpectedReplyError, UnexpectedReplyError),
    ],
)
def test_every_row_of_the_table(
    call: Call, outcome: Reply | NoReply, auto: type, always: type, never: type
) -> None:
    for retry, expected in zip(RETRY, (auto, always, never), strict=True):
        verdict = judge(call.replace(retry=retry), outcome, RetryState(renewable=True))
        assert type(verdict.error if isinstance(verdict, GiveUp) else verdict) is expected


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Reply(200, JSON, b'{"a":1}'), Accept(b'{"a":1}')),
        (Reply(200, JSON, b"{"), Accept(b"{")),
        (Reply(204, {}), Accept(None)),
    ],
)
def test_who_decodes_later_gets_the_body(answer: Reply, verdict: Accept) -> None:
    assert judge(READ.replace(undecoded=True), answer) == verdict


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, {"Content-Type": "text/html"}, b"<html>"),
        Reply(200, JSON, oversize=True),
        Reply(502, JSON, b"{}"),
    ],
)
def test_a_response_that_is_not_json_is_an_error_before_decoding_too(answer: Reply) -> None:
    later, at_once = (
        judge(READ.replace(undecoded=undecoded), answer) for undecoded in (True, False)
    )
    assert type(later) is type(at_once)
    assert not isinstance(later, Accept)


def test_a_write_in_doubt_stays_in_doubt_whatever_the_next_attempts_end_in() -> None:
    call, state = WRITE.replace(retry="always"), RetryState()
    for outcome, doubt in ((UNSENT, False), (reply(429), False), (LOST, True), (UNSENT, True)):
        verdict = judge(call, outcome, state)
        assert isinstance(verdict, Again)
        state = state.after(verdict, 0.0)
        assert state.doubt == doubt
    refusal = refused(judge(call, reply(404), state))
    assert isinstance(refusal, NotFoundError)
    told = final_error(call, refusal, state)
    assert isinstance(told, OutcomeUnknownError)
    assert told.__cause__ is refusal
    assert final_error(call, told, state) is told
    assert final_error(call, refusal, RetryState(attempt=3)) is refusal
    bad = refused(judge(call, reply(400, {"status": 400}), state))
    assert final_error(call, bad, state) is bad


@pytest.mark.parametrize("outcome", [LOST, reply(502), BROKEN])
def test_a_read_is_never_in_doubt(outcome: Reply | NoReply) -> None:
    verdict = judge(READ, outcome)
    assert isinstance(verdict, Again)
    assert not verdict.doubt


def test_a_write_that_was_tried_always_ends_unknown_and_may_be_tried_later() -> None:
    error = refused(judge(WRITE.replace(retry="always"), LOST, RetryState(attempt=RETRIES)))
    assert isinstance(error, OutcomeUnknownError)
    assert error.retryable
    assert not refused(judge(WRITE, LOST)).retryable


def test_an_unknown_outcome_carries_the_call() -> None:
    sent = WRITE.replace(data=[{"name": "Secret lead"}])
    answer = Reply(502, {"X-Request-Id": "abc"}, b"")
    error = refused(judge(sent, answer))
    assert isinstance(error, OutcomeUnknownError)
    assert (error.method, error.path, error.data) == ("POST", "/p", [{"name": "Secret lead"}])
    assert (error.status, error.request_id) == (502, "abc")
    assert str(error) == (
        "POST /p returned 502 Bad Gateway "
        "(it may have been carried out: check before you repeat it) [request abc]"
    )
    lost = refused(judge(sent, NoReply(True, "silence", "check the proxy", OSError("x"))))
    assert isinstance(lost, OutcomeUnknownError)
    assert (lost.status, lost.request_id) == (None, None)
    assert str(lost).endswith("check before you repeat it; check the proxy)")
    assert isinstance(lost.__cause__, OSError)


def test_what_went_into_a_sink_is_accepted_whatever_it_was() -> None:
    pouring = READ.replace(sink=lambda: lambda piece: None)
    assert judge(pouring, Reply(200, {"Content-Type": "application/pdf"})) == Accept(None)
    assert judge(pouring, reply(202, {"a": 1})) == Accept({"a": 1})
    assert isinstance(refused(judge(pouring, reply(404))), NotFoundError)


def test_a_response_that_cannot_be_read_shows_nothing_of_a_secret_address() -> None:
    html = Reply(200, {"Content-Type": "text/html"}, b"<p>/secret")
    part = Call("POST", "https://h/upload/secret", "/upload/...", {})
    assert "a body that is not JSON" in str(refused(judge(part, html)))
    assert "/secret" in str(refused(judge(WRITE, html)))
