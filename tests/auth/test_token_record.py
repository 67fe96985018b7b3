from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm import ConfigurationError, Token
from amocrm.auth.token import fingerprint
from amocrm.auth.token_record import (
    Alias,
    Record,
    code_digest,
    read_account_id,
    read_record,
    write_record,
)

WHOSE = ("client", "example.amocrm.ru")
TOKEN = Token("a", "r", 1_700_000_000, {"token_type": "Bearer", "note": "Имя"})


@pytest.mark.parametrize(
    "content",
    [
        Record(TOKEN, "example.amocrm.ru"),
        Record(TOKEN, "renamed.amocrm.ru", "c0de", 1_700_000_000.5),
        Record(TOKEN, "example.amocrm.ru", granted_after_401=True),
        Record(Token("a"), "example.kommo.com"),
        Record(Token("a", extra={"note": "\ud800"}), "example.kommo.com"),
        Alias("example.amocrm.ru"),
    ],
)
def test_a_written_record_is_read_back(content: Record | Alias) -> None:
    text = write_record(*WHOSE, content)
    assert "\n" not in text
    assert read_record(text, *WHOSE) == content


@given(st.text(min_size=1), st.text())
def test_client_id_and_account_may_be_any_text(client_id: str, account: str) -> None:
    content = Alias("example.amocrm.ru")
    assert read_record(write_record(client_id, account, content), client_id, account) == content


@pytest.mark.parametrize("other", [("other", WHOSE[1]), (WHOSE[0], "other.amocrm.ru")])
def test_the_record_of_another_account_or_integration_is_refused(other: tuple[str, str]) -> None:
    text = write_record(*other, Record(TOKEN, "example.amocrm.ru"))
    with pytest.raises(ConfigurationError, match="belongs to another"):
        read_record(text, *WHOSE)


def record_text(**changes: Any) -> str:
    plain = json.loads(write_record(*WHOSE, Record(TOKEN, "example.amocrm.ru")))
    return json.dumps({**plain, **changes})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "broken JSON"),
        ("[]", "not a JSON object"),
        ("\ud800", "broken JSON"),
        (record_text(token=None), "token must be a dict"),
        (record_text(token={"access_token": "SECRET x"}), "access_token"),
        (record_text(host="evil.example"), "not an account of amoCRM"),
        (record_text(host=5), "not an account of amoCRM"),
    ],
)
def test_a_damaged_record_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as refusal:
        read_record(text, *WHOSE)
    assert "SECRET" not in str(refusal.value)


@pytest.mark.parametrize(
    "changes", [{"code": 5}, {"asked_at": "x"}, {"cured": 1}, {"tomorrow": {"a": 1}}]
)
def test_malformed_fields_beside_the_token_are_ignored(changes: dict[str, Any]) -> None:
    assert read_record(record_text(**changes), *WHOSE) == Record(TOKEN, "example.amocrm.ru")


def test_a_record_without_a_host_uses_its_account_as_host() -> None:
    plain = json.loads(record_text())
    del plain["host"]
    assert read_record(json.dumps(plain), *WHOSE) == Record(TOKEN, "example.amocrm.ru")


def test_the_digest_of_a_code_depends_on_its_state_and_the_secret() -> None:
    digests = {
        code_digest("code", "state", "secret"),
        code_digest("code", None, "secret"),
        code_digest("code|state", None, "secret"),
        code_digest("code", "", "secret"),
        code_digest('code", "state', None, "secret"),
        code_digest("code", "state", "another"),
        code_digest("\ud800", None, "\ud800"),
    }
    assert len(digests) == 7
    assert {len(digest) for digest in digests} == {64}
    assert not any(digest.startswith(fingerprint("code")) for digest in digests)
    assert code_digest("code", "state", "secret") == code_digest("code", "state", "secret")


@pytest.mark.parametrize(
    ("text", "account_id"),
    [("30000001", 30_000_001), ("0", 0), ("", None), ("example.amocrm.ru", None), ("-1", None),
     ("1" * 19, None), ("\u0661", None), ("1 ", None)],
)  # fmt: skip
def test_the_name_of_a_key_is_an_id_or_a_host(text: str, account_id: int | None) -> None:
    assert read_account_id(text) == Alias(text).account_id == account_id


def test_a_fingerprint_identifies_a_secret_and_does_not_reveal_it() -> None:
    assert fingerprint("def502aa") == fingerprint("def502aa") != fingerprint("def502ab")
    assert len(fingerprint("\ud800")) == 12
    assert "def502" not in fingerprint("def502aa")
