"""JSON web tokens: one algorithm, a right signature, a valid time; nothing else is a token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm import ConfigurationError, WebhookError
from amocrm.webhooks import jwt
from amocrm.webhooks.jwt import LONGEST, sign, verify
from tests.hostile import cases

pytestmark = pytest.mark.timeout(3600)  # for 100,000 cases

SECRET, NOW = "s3cr3t", 1_700_000_000.0
CLAIMS: dict[str, Any] = {"iss": "https://example.amocrm.ru", "account_id": 1, "iat": 1_700_000_000,
                          "nbf": 1_700_000_000, "exp": 1_700_001_800}  # fmt: skip
TOKEN = sign(CLAIMS, SECRET)


def test_the_published_example_of_the_standard() -> None:
    # RFC 7515, A.1: its header and claims have line breaks, so only the signature is compared.
    key = base64.urlsafe_b64decode(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow=="
    )
    signed = (
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQo"
        "gImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    )
    signature = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    assert encoded(signature) == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    # Our own secrets are texts.
    text = hmac.new(b"secret", signed.encode(), hashlib.sha256).digest()
    assert verify(f"{signed}.{encoded(text)}", "secret", now=1_300_819_000) == {
        "iss": "joe", "exp": 1_300_819_380, "http://example.com/is_root": True
    }  # fmt: skip


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def part(value: Any) -> str:
    return encoded(json.dumps(value).encode())


def forged(header: Any, claims: Any, digest: str = "sha256", key: bytes = SECRET.encode()) -> str:
    """A token as a stranger makes it, with a signature of a chosen digest and key."""
    signed = f"{part(header)}.{part(claims)}"
    return f"{signed}.{encoded(hmac.new(key, signed.encode(), digest).digest())}"


@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_what_was_signed_is_verified(algorithm: jwt.Algorithm) -> None:
    claims = {**CLAIMS, "name": "Анна", "list": [1, {"a": None}]}
    assert verify(sign(claims, SECRET, algorithm), SECRET, algorithm, now=NOW) == claims
    digest = {"HS256": "sha256", "HS512": "sha512"}[algorithm]
    assert verify(forged({"alg": algorithm}, claims, digest), SECRET, algorithm, now=NOW) == claims


@pytest.mark.parametrize(
    ("claims", "valid"),
    [({"exp": NOW + 1}, True), ({"exp": NOW - 59}, True), ({"exp": NOW - 60}, False),
     ({"exp": NOW + 1, "nbf": NOW + 60}, True), ({"exp": NOW + 1, "nbf": NOW + 61}, False),
     ({"exp": NOW + 1, "iat": NOW + 60}, True), ({"exp": NOW + 1, "iat": NOW + 61}, False),
     ({"exp": NOW + 1.5, "iat": 0}, True), ({}, False), ({"exp": 0}, False), ({"exp": None}, False),
     ({"exp": str(NOW + 1)}, False), ({"exp": True}, False), ({"exp": 10**30}, False),
     ({"exp": 1e300}, False), ({"exp": -1}, False), ({"exp": [NOW]}, False),
     ({"exp": NOW + 1, "nbf": "x"}, False), ({"exp": NOW + 1, "iat": None}, False)],
    ids=str,
)  # fmt: skip
def test_the_time_is_checked_with_some_skew(claims: dict[str, Any], valid: bool) -> None:
    token = sign(claims, SECRET)
    if valid:
        assert verify(token, SECRET, now=NOW) == claims
    else:
        with pytest.raises(WebhookError, match=r"expired|not valid yet|when it is valid"):
            verify(token, SECRET, now=NOW)


def test_the_skew_can_be_chosen() -> None:
    token = sign({"exp": 1_000}, SECRET)
    assert verify(token, SECRET, now=1_009, skew=10)
    with pytest.raises(WebhookError, match="expired"):
        verify(token, SECRET, now=1_000, skew=0)
    for wrong in (float("nan"), -1.0, float("inf")):
        with pytest.raises(ConfigurationError):
            verify(token, SECRET, now=wrong)
        with pytest.raises(ConfigurationError):
            verify(token, SECRET, now=1_000, skew=wrong)


@pytest.mark.parametrize("secret", ["", None, b"s3cr3t", "\ud800"])
def test_a_secret_that_anybody_could_guess_is_refused(secret: Any) -> None:
    with pytest.raises(ConfigurationError):
        verify(TOKEN, secret, now=NOW)
    with pytest.raises(ConfigurationError):
        sign(CLAIMS, secret)


def test_another_algorithm_cannot_be_asked_for() -> None:
    wrong: Any = "none"
    with pytest.raises(ConfigurationError):
        verify(TOKEN, SECRET, wrong, now=NOW)


@pytest.mark.parametrize(
    "header",
    [{"alg": "none"}, {"alg": "None"}, {"alg": ""}, {"alg": None}, {"alg": ["HS256"]}, {},
     {"alg": "HS512"}, {"alg": "HS384"}, {"alg": "hs256"}, {"alg": "RS256"}, {"typ": "JWT"},
     {"alg": "HS256 "}, {"ALG": "HS256"}, [], "HS256", None, 5, [{"alg": "HS256"}]],
    ids=str,
)  # fmt: skip
def test_a_token_with_another_algorithm_is_refused(header: Any) -> None:
    for digest in ("sha256", "sha384", "sha512"):
        token = forged(header, CLAIMS, digest)
        for one in (token, token.rpartition(".")[0] + "."):
            with pytest.raises(WebhookError, match="not signed with HS256"):
                verify(one, SECRET, now=NOW)


def test_a_token_of_one_algorithm_is_none_of_the_other() -> None:
    with pytest.raises(WebhookError, match="HS512"):
        verify(sign(CLAIMS, SECRET, "HS256"), SECRET, "HS512", now=NOW)
    with pytest.raises(WebhookError, match="HS256"):
        verify(sign(CLAIMS, SECRET, "HS512"), SECRET, "HS256", now=NOW)


HEAD, BODY, SIGNATURE = TOKEN.split(".")
OTHER = part({**CLAIMS, "account_id": 2})

FORGED: dict[str, str] = {
    "other claims": f"{HEAD}.{OTHER}.{SIGNATURE}",
    "other header": f"{part({'alg': 'HS256'})}.{BODY}.{SIGNATURE}",
    "other secret": sign(CLAIMS, "s3cr3t2"),
    "empty key": forged({"alg": "HS256"}, CLAIMS, key=b""),
    "the secret's digest as the key": forged(
        {"alg": "HS256"}, CLAIMS, key=hashlib.sha256(SECRET.encode()).digest()
    ),
    "no signature": f"{HEAD}.{BODY}.",
    "two parts": f"{HEAD}.{BODY}",
    "one part": HEAD,
    "four parts": f"{TOKEN}.{SIGNATURE}",
    "swapped parts": f"{BODY}.{HEAD}.{SIGNATURE}",
    "no header": f".{BODY}.{SIGNATURE}",
    "dots": "..",
    "empty": "",
    "cut": TOKEN[:-1],
    "longer": TOKEN + "A",
    "padded": TOKEN + "=",
    "line break": TOKEN + "\n",
    "space": " " + TOKEN,
    "zero byte": TOKEN + "\0",
    "bearer": f"Bearer {TOKEN}",
    "upper case": TOKEN.upper(),
    "other last bits": TOKEN[:-1] + chr(ord(TOKEN[-1]) + 1),
    "other alphabet": TOKEN.replace("-", "+").replace("_", "/") + "+",
    "not base64": f"{HEAD}.{BODY}.{'!' * len(SIGNATURE)}",
    "Cyrillic": TOKEN.replace("e", "\u0435"),
    "half a character": TOKEN[:-1] + "\ud800",
    "wide digits": TOKEN.replace("0", "\uff10") + "\uff10",
    "huge": TOKEN + "A" * LONGEST,
    "huge and empty": "." * 1_000_000,
    "hex": f"{HEAD}.{BODY}.{hmac.new(b's3cr3t', f'{HEAD}.{BODY}'.encode(), 'sha256').hexdigest()}",
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_is_refused(name: str) -> None:
    with pytest.raises(WebhookError) as refusal:
        verify(FORGED[name], SECRET, now=NOW)
    assert SIGNATURE not in str(refusal.value)
    assert SECRET not in str(refusal.value)
    assert len(str(refusal.value)) < 200


def test_a_huge_token_is_not_read_although_it_is_signed() -> None:
    small, huge = ({**CLAIMS, "x": "x" * length} for length in (5_000, 9_000))
    assert verify(sign(small, SECRET), SECRET, now=NOW) == small
    with pytest.raises(WebhookError, match="not a JSON web token"):
        verify(sign(huge, SECRET), SECRET, now=NOW)


@pytest.mark.parametrize("token", [None, 5, b"a.b.c", ["a"], {}])
def test_what_is_no_text_is_no_token(token: Any) -> None:
    with pytest.raises(WebhookError, match="no token"):
        verify(token, SECRET, now=NOW)


@pytest.mark.parametrize(
    "claims",
    [b"", b"[]", b"null", b"5", b'"text"', b"{", b"\xff", b'{"exp":' + b"[" * 2_000, b"\0",
     b'{"exp":' + b"9" * 4_000 + b"}", b'{"exp":NaN}', b'{"exp":1e999}',
     b'{"a":' + b"[" * 3_000 + b"]" * 3_000 + b"}"],
    ids=range(13),
)  # fmt: skip
def test_claims_that_are_none_are_refused_although_they_are_signed(claims: bytes) -> None:
    signed = f"{part({'alg': 'HS256'})}.{encoded(claims)}"
    signature = encoded(hmac.new(SECRET.encode(), signed.encode(), "sha256").digest())
    with pytest.raises(WebhookError):
        verify(f"{signed}.{signature}", SECRET, now=NOW)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
headers = st.fixed_dictionaries(
    {"alg": st.sampled_from(["HS256", "HS512", "none", "", "RS256"]) | json_values},
    optional={"typ": json_values, "crit": json_values, "kid": json_values},
)
keys = st.sampled_from([b"", b"x", SECRET.encode(), SECRET.encode() * 2])


def changed(text: str, at: int, char: str) -> str:
    at %= len(text) + 1
    return text[:at] + char + text[at + 1 :]


tokens = (
    st.text()
    | st.text("eyJ.-_=+/AZaz09", max_size=60)
    | st.builds(changed, st.just(TOKEN), st.integers(0), st.text(max_size=3))
    | st.builds(forged, headers | json_values, json_values, st.sampled_from(["sha256", "sha512"]),
                keys.filter(lambda key: key != SECRET.encode()))
)  # fmt: skip


@given(tokens)
@cases
def test_whatever_is_brought_is_refused_with_an_error_of_ours(token: str) -> None:
    if token != TOKEN:
        for algorithm in ("HS256", "HS512"):
            with pytest.raises(WebhookError):
                verify(token, SECRET, algorithm, now=NOW)


@given(headers, json_values | st.dictionaries(st.sampled_from(["exp", "nbf", "iat"]), json_values))
@cases
def test_whatever_is_signed_is_read_or_refused(header: Any, claims: Any) -> None:
    take: Callable[[str], Any] = lambda token: verify(token, SECRET, now=NOW)  # noqa: E731
    token = forged(header, claims)
    try:
        found = take(token)
    except WebhookError:
        return
    assert header["alg"] == "HS256"
    assert found["exp"] > NOW - jwt.SKEW
