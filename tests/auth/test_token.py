from __future__ import annotations

import base64
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm import ConfigurationError, Token
from amocrm.auth.token import (
    REFRESH_EARLY,
    REFRESH_SPREAD,
    Freshness,
    granted,
    jwt_payload,
    read_claims,
    read_token,
)

NOW = 1_700_000_000


def jwt(**said: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


@pytest.mark.parametrize(
    ("left", "freshness"),
    [
        (901, Freshness.FRESH),
        (900, Freshness.STALE),
        (301, Freshness.STALE),
        (300, Freshness.DUE),
        (1, Freshness.DUE),
        (0, Freshness.EXPIRED),
        (-1, Freshness.EXPIRED),
    ],
)
def test_freshness_on_both_sides_of_each_limit(left: int, freshness: Freshness) -> None:
    assert Token("a", "r", NOW + left).freshness(NOW) is freshness


@pytest.mark.parametrize("life", [None, 86_400, 3600])
def test_the_early_refresh_of_a_pair_is_spread_and_has_one_instant_for_all(
    life: int | None,
) -> None:
    extra = {} if life is None else {"expires_in": life}
    longest = min(REFRESH_SPREAD, (life or 86_400) / 6)
    stale: list[float] = []
    for number in range(200):
        token, same = (Token("a", f"r{number}", NOW + 86_400, extra) for _ in range(2))
        seconds = token._share_of(REFRESH_SPREAD)
        assert 0 <= seconds < longest
        stale.append(token.expires_at - REFRESH_EARLY - seconds)  # type: ignore[operator]
        for one in (token, same):
            assert one.freshness(stale[-1] - 0.01, REFRESH_SPREAD) is Freshness.FRESH
            assert one.freshness(stale[-1] + 0.01, REFRESH_SPREAD) is Freshness.STALE
        assert token.freshness(stale[-1] - 0.01) is Freshness.FRESH
    assert max(stale) - min(stale) > 0.95 * longest


def busiest_hour(instants: list[float]) -> int:
    return max(Counter(int(one // 3600) for one in instants).values())


def test_accounts_that_were_installed_in_one_hour_are_renewed_at_all_hours_after_a_few_days() -> (
    None
):
    installed = [NOW + number * 3600 / 10_000 for number in range(10_000)]
    by_day = [busiest_hour(installed)]
    for day in range(7):
        for number, begun in enumerate(installed):
            token = Token("a", f"{number}, {day}", begun + 86_400)
            early = REFRESH_EARLY + token._share_of(REFRESH_SPREAD)
            installed[number] = begun + 86_400 - early
        by_day.append(busiest_hour(installed))
    assert by_day[0] >= 5000
    assert by_day[1] < 2700
    assert by_day[7] < 1300


def test_a_token_without_a_known_expiry_is_fresh() -> None:
    assert Token("a").freshness(NOW) is Freshness.FRESH


@pytest.mark.parametrize(
    ("token", "granted_at"),
    [
        (Token(jwt(iat=5), "r", NOW), 5),
        (Token("a", "r", NOW, {"expires_in": 100}), NOW - 100),
        (Token("a", "r", NOW), NOW - 86_400),
        (Token(jwt(iat=True), "r", NOW), NOW - 86_400),
        (Token("a", "r"), None),
    ],
)
def test_the_instant_of_the_grant(token: Token, granted_at: float | None) -> None:
    assert token.granted_at == granted_at


@pytest.mark.parametrize(
    ("one", "other", "older"),
    [
        (Token(jwt(iat=5), "r", NOW + 9), Token(jwt(iat=6), "s", NOW), True),
        (Token(jwt(iat=6), "r", NOW), Token(jwt(iat=5), "s", NOW + 9), False),
        (Token(jwt(iat=5), "r", NOW), Token(jwt(iat=5), "s", NOW + 9), False),
        (Token("a", "r", NOW), Token("b", "s", NOW + 1), True),
        (Token("a", "r", NOW), Token("b", "s", NOW), False),
        (Token(jwt(iat=9), "r", NOW), Token("b", "s", NOW + 1), True),
        (Token("a", "r"), Token("b", "s", NOW), False),
        (Token("a", "r", NOW), Token("b", "s"), False),
    ],
)
def test_which_of_two_pairs_is_older(one: Token, other: Token, older: bool) -> None:
    assert one.is_older_than(other) is older


@pytest.mark.parametrize(
    ("access", "number"), [(jwt(account_id=7), 7), (jwt(account_id="7"), None), ("a", None)]
)
def test_the_account_id_is_read_from_the_access_token(access: str, number: int | None) -> None:
    assert read_claims(access).account_id == number


def test_repr_shows_no_secret() -> None:
    assert "SECRET" not in repr(Token("SECRETa", "SECRETr", 5, {"x": "SECRETx"}))


@pytest.mark.parametrize(
    ("given_", "read"),
    [
        (NOW, NOW),
        (NOW + 0.5, NOW + 0.5),
        (float(NOW), NOW),
        (str(NOW), NOW),
        (f"{NOW}.5", NOW + 0.5),
        (NOW * 1000, NOW),
        (str(NOW * 1000), NOW),
        (1, 1),
        (0, 0),
        (100_000_000_000, 100_000_000_000),
        (100_000_000_001, 100_000_000.001),
        (None, None),
    ],
)
def test_expires_at_is_read_in_every_stored_form(given_: object, read: float | None) -> None:
    token = read_token({"access_token": "a", "refresh_token": "r", "expires_at": given_})
    assert token.expires_at == read


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (None, "dict"),
        ("token", "dict"),
        ([], "dict"),
        ({}, "access_token"),
        ({"access_token": ""}, "access_token"),
        ({"access_token": 5}, "access_token"),
        ({"access_token": "SECRET half\n"}, "access_token"),
        ({"access_token": "a", "refresh_token": ""}, "refresh_token"),
        ({"access_token": "a", "refresh_token": "SECRET x"}, "refresh_token"),
        ({"access_token": "a", "expires_at": "soon"}, "expires_at"),
        ({"access_token": "a", "expires_at": True}, "expires_at"),
        ({"access_token": "a", "expires_at": [1]}, "expires_at"),
        ({"access_token": "a", "expires_at": -1}, "expires_at"),
        ({"access_token": "a", "expires_at": float("nan")}, "expires_at"),
        ({"access_token": "a", "expires_at": "inf"}, "expires_at"),
    ],
)
def test_the_error_names_the_wrong_field_of_a_token(data: object, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as refusal:
        read_token(data)
    assert "SECRET" not in str(refusal.value)


def test_without_expires_at_the_exp_claim_is_used() -> None:
    assert read_token({"access_token": jwt(exp=NOW)}).expires_at == NOW
    assert read_token({"access_token": jwt(exp=True)}).expires_at is None
    assert read_token({"access_token": jwt(exp=NOW), "expires_at": 5}).expires_at == 5


@pytest.mark.parametrize("size", range(8))
def test_a_payload_of_any_length_is_decoded(size: int) -> None:
    assert jwt_payload(jwt(pad="x" * size)) == {"pad": "x" * size}


@pytest.mark.parametrize(
    "token", ["", "a.b", "a.b.c.d", "a.!!!.c", "a.e30x.c", "a.W10.c", "a.NQ.c"]
)
def test_a_token_that_is_not_a_jwt_has_no_payload(token: str) -> None:
    assert jwt_payload(token) == {}


def test_the_api_domain_is_read_from_the_token() -> None:
    assert read_claims(jwt(api_domain="api-b.amocrm.ru")).api_domain == "api-b.amocrm.ru"
    assert read_claims(jwt(api_domain=5)).api_domain is None
    assert read_claims(jwt()).api_domain is None


ANSWER = {
    "token_type": "Bearer",
    "expires_in": 86400,
    "server_time": NOW,
    "access_token": "a",
    "refresh_token": "r",
}


def test_the_lifetime_counts_from_the_moment_of_the_request() -> None:
    token = granted({**ANSWER, "new_in_2027": 1}, NOW + 0.9)
    assert token.expires_at == NOW + 86400
    assert token.as_dict() == {**ANSWER, "expires_at": NOW + 86400, "new_in_2027": 1}


@pytest.mark.parametrize(
    "change",
    [
        {"access_token": None}, {"refresh_token": None}, {"refresh_token": ""},
        {"access_token": "a b"}, {"refresh_token": 5},
    ],
)  # fmt: skip
def test_a_grant_without_both_tokens_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        granted({**ANSWER, **change}, NOW)


@pytest.mark.parametrize(
    ("said", "lifetime"),
    [
        (1, 1), (0.5, 0.5), ("3600", 3600), ("0.5", 0.5), (None, 86400), (0, 86400), (-1, 86400),
        (True, 86400), ("soon", 86400), ([1], 86400), (1e12, 86400), ("inf", 86400),
    ],
)  # fmt: skip
def test_a_pair_with_a_malformed_lifetime_is_accepted(said: object, lifetime: float) -> None:
    assert granted({**ANSWER, "expires_in": said}, NOW).expires_at == NOW + lifetime


def test_without_expires_in_the_exp_claim_is_used() -> None:
    answer = {**ANSWER, "expires_in": None, "access_token": jwt(exp=NOW + 60)}
    assert granted(answer, NOW).expires_at == NOW + 60


@given(
    st.text("abc._-", min_size=1),
    st.none() | st.text("abc._-", min_size=1),
    st.none() | st.integers(0, 10**10),
)
def test_plain_form_and_token_are_inverse(
    access: str, refresh: str | None, expires_at: int | None
) -> None:
    token = Token(access, refresh, expires_at, {"token_type": "Bearer"})
    assert read_token(json.loads(json.dumps(token.as_dict()))) == token


def test_the_account_s_id_is_read_from_the_token() -> None:
    assert read_claims(jwt(account_id=12345)).account_id == 12345
    for odd in (jwt(account_id="12345"), jwt(account_id=True), jwt(), "opaque"):
        assert read_claims(odd).account_id is None
