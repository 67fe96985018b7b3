from __future__ import annotations

import pickle
import re

import pytest

from amocrm import GrantError, Token
from amocrm.auth.revocation import (
    Revocation,
    RevocationCause,
    explain,
    find_cause,
    says_revoked,
)
from amocrm.http.messages import NoReply, Reply


def reply(status: int) -> Reply:
    return Reply(status, {})


@pytest.mark.parametrize(
    ("probe", "in_doubt", "finding"),
    [
        (reply(200), False, "used"),
        (reply(200), True, "lost"),
        (reply(402), False, "used"),
        (reply(404), False, "used"),
        (reply(401), False, "withdrawn"),
        (reply(401), True, "withdrawn"),
        (reply(403), False, None),
        (reply(429), False, None),
        (reply(500), False, None),
        (reply(503), True, "lost"),
        (NoReply(True, "silence"), False, None),
        (NoReply(False, "no route"), True, "lost"),
        (None, False, None),
        (None, True, "lost"),
    ],
)
def test_the_cause_follows_from_the_access_token(
    probe: Reply | NoReply | None, in_doubt: bool, finding: RevocationCause | None
) -> None:
    assert find_cause(probe, in_doubt=in_doubt) == finding


@pytest.mark.parametrize(
    ("reason", "revoked"),
    [
        ("Token has been revoked", True),
        ("token has been revoked.", True),
        ("Authorization code has been revoked", False),
        (None, False),
    ],
)
def test_which_reason_means_token_has_been_revoked(reason: str | None, revoked: bool) -> None:
    assert says_revoked(GrantError("no", status=401, reason=reason)) is revoked


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        ("withdrawn", "switched off"),
        ("used", "share one store"),
        ("lost", "response was lost"),
    ],
)
def test_the_cause_is_in_the_message_and_in_finding(finding: RevocationCause, words: str) -> None:
    error = GrantError(
        "no", status=401, title="t", detail="d", reason="Token has been revoked", data={"a": 1}
    )
    explained = explain(error, finding)
    assert words in str(explained)
    assert "\n" not in str(explained)
    assert explained.finding == finding
    assert (explained.status, explained.title, explained.detail) == (401, "t", "d")
    assert (explained.reason, explained.data) == (error.reason, error.data)
    assert pickle.loads(pickle.dumps(explained)).finding == finding


def test_without_a_cause_the_refusal_is_unchanged() -> None:
    error = GrantError("no", status=401)
    assert explain(error, None) is error
    assert error.finding is None


# The last refused pair ---------------------------------------------------------------------------

PAIR = Token("access", "refresh")
SAME_REFRESH_TOKEN = Token("another access", "refresh")
OTHER = Token("access", "another refresh")


def refusal(reason: str | None, finding: str | None = None) -> GrantError:
    return GrantError(f"refused: {reason}", status=401, reason=reason, finding=finding)


def test_a_revoked_pair_is_known_by_its_refresh_token() -> None:
    revocation = Revocation()
    revocation.note(PAIR, refusal("Token has been revoked"))
    assert revocation.is_revoked(PAIR)
    assert revocation.is_revoked(SAME_REFRESH_TOKEN)
    assert not revocation.is_revoked(OTHER)
    assert revocation.revoked_pair is PAIR
    assert revocation.reason == "refused: Token has been revoked"


@pytest.mark.parametrize(
    ("pair", "reason"),
    [(PAIR, "Invalid account"), (PAIR, None), (Token("access"), "Token has been revoked")],
)
def test_a_refusal_for_another_reason_or_without_a_refresh_token_revokes_nothing(
    pair: Token, reason: str | None
) -> None:
    revocation = Revocation()
    revocation.note(pair, refusal(reason))
    assert not revocation.is_revoked(pair)
    assert revocation.revoked_pair is None
    assert revocation.reason == f"refused: {reason}"


def test_a_refusal_is_new_once_for_each_pair_and_reason() -> None:
    revocation = Revocation()
    assert revocation.note(PAIR, refusal("a"))
    assert not revocation.note(PAIR, refusal("a"))
    assert revocation.note(PAIR, refusal("b"))
    assert revocation.note(OTHER, refusal("b"))


def test_the_access_token_is_revoked_by_withdrawn_access_or_by_a_401() -> None:
    revocation = Revocation()
    revocation.note_401(PAIR)
    assert not revocation.is_access_revoked(PAIR), "amoCRM has not refused to refresh it"
    revocation.note(PAIR, refusal("Token has been revoked", "used"))
    revocation.note_401(SAME_REFRESH_TOKEN)
    assert not revocation.is_access_revoked(PAIR)
    revocation.note_401(PAIR)
    assert revocation.is_access_revoked(PAIR)
    revocation.note(OTHER, refusal("Token has been revoked", "withdrawn"))
    assert revocation.is_access_revoked(OTHER)
    assert not revocation.is_access_revoked(PAIR)


def test_another_token_clears_the_refusal_and_the_same_refresh_token_does_not() -> None:
    revocation = Revocation()
    revocation.note(PAIR, refusal("Token has been revoked"))
    revocation.clear(unless=SAME_REFRESH_TOKEN)
    assert revocation.is_revoked(PAIR)
    revocation.clear(unless=OTHER)
    assert (revocation.is_revoked(PAIR), revocation.reason) == (False, None)
    revocation.note(PAIR, refusal("Token has been revoked"))
    revocation.clear()
    assert not revocation.is_revoked(PAIR)


@pytest.mark.parametrize(
    ("token", "long_lived", "message", "hint"),
    [
        (None, False, "no token is stored", "access_token.*code.*store"),
        (Token("access"), True, "cannot be refreshed", "another long-lived token"),
        (Token("access"), False, "cannot be refreshed", "get consent again"),
    ],
)
def test_without_a_way_to_a_token_the_error_says_what_to_do(
    token: Token | None, long_lived: bool, message: str, hint: str
) -> None:
    error = Revocation().not_authorized(token, long_lived=long_lived)
    assert re.search(message, str(error.args[0]))
    assert re.search(hint, error.hint or "")


def test_after_a_revocation_the_error_names_its_reason() -> None:
    revocation = Revocation()
    revocation.note(PAIR, refusal("Token has been revoked"))
    error = revocation.not_authorized(PAIR, long_lived=False)
    assert "refused the refresh token earlier: refused: Token has been revoked" in str(error)
