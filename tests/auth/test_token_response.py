from __future__ import annotations

import json
from typing import Any

import pytest

from amocrm import (
    ConfigurationError,
    ForbiddenError,
    GrantError,
    LostReplyError,
    NotAuthorizedError,
    RateLimitedError,
    ServerError,
    UnexpectedReplyError,
    UnreachableError,
)
from amocrm.auth.consent import consent_url
from amocrm.auth.moved_account import new_host
from amocrm.auth.revocation import means_revoked
from amocrm.auth.settings import read_auth
from amocrm.auth.token_endpoint import code_grant, refresh_grant
from amocrm.auth.token_response import (
    Granted,
    GrantRefused,
    GrantVerdict,
    judge_grant,
    may_be_carried_out,
)
from amocrm.http.hosts import portal
from amocrm.http.messages import Call, NoReply, Reply
from amocrm.http.retry import PATIENCE, RETRIES, Again, GiveUp, RetryState

SETTINGS = read_auth({"client_id": "id", "client_secret": "s", "redirect_uri": "https://e.org/"})
HERE = "example.amocrm.ru"
CALL = Call("POST", "https://h/oauth2/access_token", "/oauth2/access_token", {})
JSON = {"Content-Type": "application/problem+json"}
TOKEN = {"expires_in": 86400, "access_token": "SECRETa", "refresh_token": "SECRETr"}


def judged(outcome: Reply | NoReply, in_doubt: bool = False, **state: Any) -> GrantVerdict:
    return judge_grant(CALL, outcome, RetryState(**state), asked_at=1000.0, in_doubt=in_doubt)


def problem(status: int, **words: str) -> Reply:
    return Reply(status, JSON, json.dumps(words).encode())


def test_the_consent_url() -> None:
    url = consent_url(portal("a.kommo.com"), "id", "s t", "popup")
    assert url == "https://www.kommo.com/oauth?client_id=id&mode=popup&state=s%20t"
    with pytest.raises(ConfigurationError, match="popup, post_message"):
        consent_url(portal("a"), "id", "s", "window")


def test_the_bodies_of_both_grants() -> None:
    both = {"client_id": "id", "client_secret": "s", "redirect_uri": "https://e.org/"}
    assert code_grant(SETTINGS, "c") == {**both, "grant_type": "authorization_code", "code": "c"}
    assert refresh_grant(SETTINGS, "r") == {
        **both, "grant_type": "refresh_token", "refresh_token": "r",
    }  # fmt: skip
    with pytest.raises(NotAuthorizedError, match="client_id"):
        refresh_grant(read_auth({"access_token": "x"}), "r")


def test_a_granted_pair_is_read() -> None:
    verdict = judged(Reply(200, {"Content-Type": "application/json"}, json.dumps(TOKEN).encode()))
    assert isinstance(verdict, Granted)
    assert verdict.token.expires_at == 1000 + 86400


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/json", b'{"access_token": "SECRET'),
        ("application/json", b""),
        ("application/json", b"[]"),
        ("application/json", b'"SECRET"'),
        ("application/json", json.dumps({**TOKEN, "refresh_token": None}).encode()),
        ("text/html", b"<p>SECRET"),
    ],
)
def test_a_200_without_a_token_is_an_error_that_does_not_show_the_body(
    media: str, body: bytes
) -> None:
    reply = Reply(200, {"Content-Type": media}, body)
    assert isinstance(judged(reply), Again), "it counts as a lost response"
    verdict = judged(reply, attempt=RETRIES)
    assert isinstance(verdict, GiveUp)
    assert isinstance(verdict.error, UnexpectedReplyError)
    assert "SECRET" not in str(verdict.error) + repr(vars(verdict.error))


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("media", ["application/json", "text/html", ""])
def test_a_pair_is_read_from_any_2xx_response(status: int, media: str) -> None:
    verdict = judged(Reply(status, {"Content-Type": media}, json.dumps(TOKEN).encode()))
    assert isinstance(verdict, Granted)


REVOKED = "Token has been revoked"


@pytest.mark.parametrize(
    ("reply", "cause", "elsewhere"),
    [
        (problem(401, hint=REVOKED), "refresh token was already used", True),
        (problem(401, title="Некорректный клиент", detail="Авторизация клиента не прошла"),
         "do not belong together", True),
        (problem(400, hint="Authorization code has been revoked"), "code was already used", False),
        (problem(400, hint="Authorization code has expired"), "older than 20 minutes", False),
        (problem(400, hint="Cannot decrypt the authorization code"), "damaged", False),
        (problem(400, hint="Check the `client_id` parameter"), "client_id is missing", False),
        (problem(400, hint="Check the `client_secret` parameter"), "client_secret is", False),
        (problem(400, hint="Redirect URI is not associated with client"), "redirect_uri differs",
         False),
        (problem(400, hint="Invalid account"), "belongs to another account", True),
        (problem(404, title="Not Found"), "no account has this host", True),
        (problem(401, title="Unauthorized"), "no account has this host", True),
        (Reply(404, {"Content-Type": "text/html"}, b"<h1>404"), "no account has this host", True),
        (problem(400, hint="Something new"), "not valid.*'Something new'", False),
        (problem(400), "the grant is not valid", False),
    ],
)  # fmt: skip
def test_the_endpoint_s_reason_becomes_the_probable_cause(
    reply: Reply, cause: str, elsewhere: bool
) -> None:
    verdict = judged(reply)
    assert isinstance(verdict, GrantRefused)
    assert verdict.elsewhere is elsewhere
    assert verdict.error.hint
    with pytest.raises(type(verdict.error), match=cause):
        raise verdict.error


def test_a_refusal_has_the_endpoint_s_fields() -> None:
    verdict = judged(problem(401, hint=REVOKED, title="T", detail="D"))
    assert isinstance(verdict, GrantRefused)
    error = verdict.error
    assert (error.status, error.reason, error.title, error.detail) == (401, REVOKED, "T", "D")
    assert error.data == {"hint": REVOKED, "title": "T", "detail": "D"}


def test_a_refusal_after_a_lost_response_says_so() -> None:
    assert "was lost" not in str(judged(problem(401, hint=REVOKED)))
    verdict = judged(problem(401, hint=REVOKED), in_doubt=True)
    assert isinstance(verdict, GrantRefused)
    assert "response was lost" in str(verdict.error)


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (NoReply(True, "x"), LostReplyError),
        (NoReply(False, "x"), UnreachableError),
        (Reply(403, {"Content-Type": "text/html"}, b"no"), ForbiddenError),
        (problem(429), RateLimitedError),
        (problem(500), ServerError),
        (problem(503), ServerError),
    ],
)
def test_an_indefinite_result_is_followed_by_the_same_request(
    outcome: Reply | NoReply, kind: type[Exception]
) -> None:
    assert isinstance(judged(outcome), Again)
    assert isinstance(judged(outcome, attempt=RETRIES - 1), Again)
    for tired in (judged(outcome, attempt=RETRIES), judged(outcome, waited=PATIENCE)):
        assert isinstance(tired, GiveUp)
        assert isinstance(tired.error, kind)


def test_a_429_delays_all_calls_by_retry_after() -> None:
    limited = Reply(429, JSON, b'{"retry_after": 20}')
    assert judged(limited) == Again(20, everybody=True)
    verdict = judged(limited, waited=PATIENCE)
    assert isinstance(verdict, GiveUp)
    assert verdict.pause == 20


def test_after_an_untrusted_certificate_nothing_is_sent_again() -> None:
    cause = OSError("x")
    verdict = judged(NoReply(False, "not trusted", "do this", cause, final=True))
    assert isinstance(verdict, GiveUp)
    assert str(verdict.error) == "POST /oauth2/access_token: not trusted (do this)"
    assert verdict.error.__cause__ is cause


@pytest.mark.parametrize(
    ("data", "host"),
    [
        ({"domain": "new.amocrm.ru"}, "new.amocrm.ru"),
        ({"domain": "new.kommo.com"}, "new.kommo.com"),
        ({"domain": "evil.example"}, None),
        ({"domain": "api-b.amocrm.ru"}, None),
        ({"domain": 5}, None),
        ({}, None),
        (None, None),
        ([], None),
    ],
)
def test_a_new_host_is_accepted_only_if_it_is_an_account_host(
    data: object, host: str | None
) -> None:
    assert new_host(data) == host


@pytest.mark.parametrize(
    ("reason", "revoked"),
    [
        ("Token has been revoked", True),
        ("Token has expired", True),
        ("Invalid account", False),
        ("Redirect URI is not associated with client.", False),
        ("Check the `client_id` parameter", False),
        ("Check the `client_secret` parameter", False),
        ("", False),
        (None, False),
    ],
)
def test_only_a_refusal_of_the_token_itself_means_that_it_is_revoked(
    reason: str | None, revoked: bool
) -> None:
    assert means_revoked(GrantError("no", status=401, reason=reason)) is revoked


@pytest.mark.parametrize(
    ("outcome", "done"),
    [
        (NoReply(True, "silence"), True),
        (NoReply(False, "no route"), False),
        (Reply(200, {}), True),
        (Reply(500, {}), True),
        (Reply(502, {}), True),
        (Reply(403, {}), False),
        (Reply(429, {}), False),
    ],
)
def test_which_grants_may_have_been_carried_out(outcome: Reply | NoReply, done: bool) -> None:
    assert may_be_carried_out(outcome) is done
