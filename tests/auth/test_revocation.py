from __future__ import annotations

import pickle

import pytest

from amocrm import GrantError
from amocrm.auth.revocation import RevocationCause, explain, find_cause, says_revoked
from amocrm.http.messages import NoReply, Reply


def answered(status: int) -> Reply:
    return Reply(status, {})


@pytest.mark.parametrize(
    ("probe", "in_doubt", "finding"),
    [
        (answered(200), False, "used"),
        (answered(200), True, "lost"),
        (answered(402), False, "used"),
        (answered(404), False, "used"),
        (answered(401), False, "withdrawn"),
        (answered(401), True, "withdrawn"),
        (answered(403), False, None),
        (answered(429), False, None),
        (answered(500), False, None),
        (answered(503), True, "lost"),
        (NoReply(True, "silence"), False, None),
        (NoReply(False, "no route"), True, "lost"),
        (None, False, None),
        (None, True, "lost"),
    ],
)
def test_what_the_access_token_tells(
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
def test_which_refusal_means_a_dead_refresh_token(reason: str | None, revoked: bool) -> None:
    assert says_revoked(GrantError("no", status=401, reason=reason)) is revoked


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        ("withdrawn", "switched off"),
        ("used", "share one store"),
        ("lost", "response was lost"),
    ],
)
def test_a_finding_is_told_and_can_be_read(finding: RevocationCause, words: str) -> None:
    error = GrantError(
        "no", status=401, title="t", detail="d", reason="Token has been revoked", data={"a": 1}
    )
    told = explain(error, finding)
    assert words in str(told)
    assert "\n" not in str(told)
    assert told.finding == finding
    assert (told.status, told.title, told.detail) == (401, "t", "d")
    assert (told.reason, told.data) == (error.reason, error.data)
    assert pickle.loads(pickle.dumps(told)).finding == finding


def test_without_a_finding_the_refusal_stays_as_it_was() -> None:
    error = GrantError("no", status=401)
    assert explain(error, None) is error
    assert error.finding is None
