from __future__ import annotations

import pickle

import pytest

from amocrm import GrantError
from amocrm.auth.revocation import RevocationCause, explain, find_cause, says_revoked
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
