from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timezone
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm import ConfigurationError, WebhookError
from amocrm.chats.signatures import (
    JSON_TYPE,
    WINDOW,
    Signed,
    body_md5,
    read_date,
    request_headers,
    sign_hook,
    sign_request,
    verify_hook,
    verify_request,
    write_date,
)

NOW = 1_639_571_400.0
DATE = "Wed, 15 Dec 2021 12:30:00 +0000"
PATH = "/v2/origin/custom/chan/connect"
BODY = '{"title":"Чат"}'.encode()


def test_the_vector_of_the_reference() -> None:
    signed = Signed("post", "99914b932bd37a50b983c5e7c90ae93b", JSON_TYPE, DATE, PATH)
    assert sign_request("secret", signed) == "2291f2d34048bb28e82f86fc599852d4ab7c300b"
    assert request_headers("secret", "POST", PATH, b"{}", NOW) == {
        "Date": DATE,
        "Content-Type": "application/json",
        "Content-MD5": "99914b932bd37a50b983c5e7c90ae93b",
        "X-Signature": "2291f2d34048bb28e82f86fc599852d4ab7c300b",
    }


def test_vectors_worked_out_by_hand() -> None:
    # Built here from the rule alone: five parts, joined by line feeds, HMAC-SHA1, hex.
    md5 = hashlib.md5(b"").hexdigest()
    assert body_md5(b"") == md5 == "d41d8cd98f00b204e9800998ecf8427e"
    text = f"GET\n{md5}\napplication/json\n{DATE}\n/v2/h".encode()
    by_hand = hmac.new("ключ".encode(), text, "sha1").hexdigest()
    assert request_headers("ключ", "get", "/v2/h", b"", NOW)["X-Signature"] == by_hand
    assert sign_hook("ключ", BODY) == hmac.new("ключ".encode(), BODY, "sha1").hexdigest()
    # A header that is not sent counts as an empty text.
    nothing = hmac.new(b"s", b"GET\n\n\n\n/x", "sha1").hexdigest()
    assert sign_request("s", Signed("GET", "", "", "", "/x")) == nothing


def test_what_was_signed_is_verified() -> None:
    headers = request_headers("secret", "POST", PATH, BODY, NOW)
    verify_request("secret", "post", PATH, headers, BODY)
    verify_request("secret", "POST", PATH, headers, BODY, NOW)
    verify_hook("secret", BODY, sign_hook("secret", BODY))


@given(
    st.text(min_size=1), st.sampled_from(["GET", "POST"]), st.binary(), st.integers(0, 4 * 10**9)
)
def test_signing_and_verifying_are_a_pair(secret: str, method: str, body: bytes, now: int) -> None:
    secret = secret.encode("utf-8", "replace").decode()
    headers = request_headers(secret, method, PATH, body, now)
    verify_request(secret, method, PATH, headers, body, now)
    with pytest.raises(WebhookError):
        verify_request(secret + "x", method, PATH, headers, body, now)
    with pytest.raises(WebhookError):
        verify_hook(secret, body + b"x", sign_hook(secret, body))


@pytest.mark.parametrize(
    "change",
    ["method", "path", "body", "Content-MD5", "Content-Type", "Date", "X-Signature", "secret"],
)
@pytest.mark.parametrize("gone", [True, False])
def test_whatever_is_changed_is_noticed(change: str, gone: bool) -> None:
    headers = request_headers("secret", "POST", PATH, BODY, NOW)
    if change in headers:
        headers[change] = "" if gone else headers[change][:-1] + "é"
    method = "PATCH" if change == "method" else "POST"
    path = PATH + "x" if change == "path" else PATH
    body = BODY + b" " if change == "body" else BODY
    secret = "other" if change == "secret" else "secret"
    with pytest.raises(WebhookError) as caught:
        verify_request(secret, method, path, headers, body, NOW)
    assert "secret'" not in str(caught.value)


def test_a_signed_md5_must_be_the_body_s() -> None:
    signed = Signed("POST", body_md5(b"other"), JSON_TYPE, DATE, PATH)
    headers = {
        "Content-MD5": signed.md5, "Content-Type": JSON_TYPE, "Date": DATE,
        "X-Signature": sign_request("secret", signed),
    }  # fmt: skip
    with pytest.raises(WebhookError, match="not the signed one"):
        verify_request("secret", "POST", PATH, headers, BODY)


@pytest.mark.parametrize(
    ("late", "good"), [(WINDOW, True), (-WINDOW, True), (WINDOW + 1, False), (-WINDOW - 1, False)]
)
def test_a_signature_is_good_for_fifteen_minutes(late: float, good: bool) -> None:
    headers = request_headers("secret", "POST", PATH, BODY, NOW)
    verify_request("secret", "POST", PATH, headers, BODY, None)
    if good:
        verify_request("secret", "POST", PATH, headers, BODY, NOW + late)
    else:
        with pytest.raises(WebhookError, match="another time"):
            verify_request("secret", "POST", PATH, headers, BODY, NOW + late)


def test_a_date_that_is_none_is_no_time_at_all() -> None:
    signed = Signed("GET", body_md5(b""), JSON_TYPE, "soon", PATH)
    headers = {
        "Content-MD5": signed.md5, "Content-Type": JSON_TYPE, "Date": "soon",
        "X-Signature": sign_request("secret", signed),
    }  # fmt: skip
    verify_request("secret", "GET", PATH, headers, b"")
    with pytest.raises(WebhookError, match="another time"):
        verify_request("secret", "GET", PATH, headers, b"", NOW)


@given(st.integers(-(10**10), 2 * 10**11))
def test_a_date_is_written_as_the_standard_library_writes_it(seconds: int) -> None:
    text = write_date(seconds)
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    assert text == format_datetime(moment)
    assert read_date(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "Wed, 15 Dec 2021 12:30:00 +0300", "Wed, 15 Dec 2021 12:30:00 -0730",
        "15 Dec 2021 12:30:00 +0000", "Wed, 5 Dec 2021 12:30:00 GMT",
    ],
)  # fmt: skip
def test_other_ways_to_write_a_date(text: str) -> None:
    assert read_date(text) == parsedate_to_datetime(text).timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "Wed, 15 Dez 2021 12:30:00 +0000", "Wed, 32 Dec 2021 12:30:00 +0000",
        "Wed, 15 Dec 2021 24:30:00 +0000", "Wed, 15 Dec 2021 12:30:00", "2021-12-15T12:30:00Z",
    ],
)  # fmt: skip
def test_what_is_no_date(text: str) -> None:
    assert read_date(text) is None


@pytest.mark.parametrize("signature", [None, "", b"x", "x"])
def test_a_hook_without_its_signature_is_refused(signature: Any) -> None:
    with pytest.raises(WebhookError):
        verify_hook("secret", b"{}", signature)


ODD = [None, 7, ["x"], {"x": 1}, object(), True, "\ud800"]


@pytest.mark.parametrize("odd", [*ODD, b"x"])
@pytest.mark.parametrize("name", ["Content-MD5", "Content-Type", "Date", "X-Signature"])
def test_a_request_of_odd_headers_is_refused(name: str, odd: Any) -> None:
    headers: dict[str, Any] = dict(request_headers("secret", "POST", PATH, BODY, NOW))
    with pytest.raises(WebhookError):
        verify_request("secret", "POST", PATH, {**headers, name: odd}, BODY, NOW)


@pytest.mark.parametrize("odd", ODD)
def test_a_request_of_odd_parts_is_refused(odd: Any) -> None:
    headers = request_headers("secret", "POST", PATH, BODY, NOW)
    for method, path, sent, body in (
        (odd, PATH, headers, BODY),
        ("POST", odd, headers, BODY),
        ("POST", PATH, odd, BODY),
        ("POST", PATH, headers, odd),
    ):
        with pytest.raises(WebhookError):
            verify_request("secret", method, path, sent, body, NOW)


@pytest.mark.parametrize("odd", [*ODD, b"x"])
def test_a_hook_of_odd_parts_is_refused(odd: Any) -> None:
    with pytest.raises(WebhookError):
        verify_hook("secret", BODY, odd)
    if not isinstance(odd, bytes):
        with pytest.raises(WebhookError):
            verify_hook("secret", odd, sign_hook("secret", BODY))


@pytest.mark.parametrize("secret", [*ODD, b"x", ""])
def test_without_a_secret_nothing_is_signed_or_verified(secret: Any) -> None:
    headers = request_headers("secret", "POST", PATH, BODY, NOW)
    with pytest.raises(ConfigurationError):
        verify_request(secret, "POST", PATH, headers, BODY)
    with pytest.raises(ConfigurationError):
        verify_hook(secret, BODY, "x")


@pytest.mark.parametrize(
    "date",
    ["Fri, 31 Dec 9999 23:59:59 -9999", "1 Jan 0001 00:00:00 +9999", "1 Jan 0000 00:00:00 GMT"],
)
def test_a_date_beyond_all_counting_is_none(date: str) -> None:
    assert read_date(date) is None


@pytest.mark.parametrize("now", [float("nan"), float("inf"), 10**400, True])
def test_a_clock_that_tells_no_time_lets_nothing_pass(now: Any) -> None:
    headers = request_headers("secret", "POST", PATH, BODY, NOW)
    with pytest.raises(ConfigurationError):
        verify_request("secret", "POST", PATH, headers, BODY, now)
