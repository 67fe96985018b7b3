"""Signatures that are wrong, cut, longer, in upper case, or no text of ASCII, are none."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm import WebhookError
from amocrm.auth.installation.uninstall_hook import sign, verify
from amocrm.chats.signatures import request_headers, sign_hook, verify_hook, verify_request
from tests.hostile import cases

CLIENT, SECRET, ACCOUNT = "11111111-2222-3333-4444-555555555555", "s3cr3t", 12345
BODY, PATH, NOW = b'{"a":1}', "/v2/origin/custom/chan/connect", 1_639_571_400.0

Verify = Callable[[Any], object]


def by_uninstall_hook(signature: Any) -> object:
    query = {"account_id": str(ACCOUNT), "client_uuid": CLIENT, "signature": signature}
    return verify(query, CLIENT, SECRET)


def by_chat_hook(signature: Any) -> None:
    verify_hook(SECRET, BODY, signature)


def by_request(signature: Any) -> None:
    headers = request_headers(SECRET, "POST", PATH, BODY, NOW)
    verify_request(SECRET, "POST", PATH, {**headers, "X-Signature": signature}, BODY, NOW)


KINDS: dict[str, tuple[Verify, str]] = {
    "uninstall hook": (by_uninstall_hook, sign(CLIENT, SECRET, ACCOUNT)),
    "chat hook": (by_chat_hook, sign_hook(SECRET, BODY)),
    "request": (by_request, request_headers(SECRET, "POST", PATH, BODY, NOW)["X-Signature"]),
}

each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
def test_the_right_one_is_taken(kind: str) -> None:
    take, right = KINDS[kind]
    take(right)


@each_kind
@pytest.mark.parametrize(
    "forge",
    [
        lambda right: "",
        lambda right: right[:-1],
        lambda right: right[1:],
        lambda right: right[: len(right) // 2],
        lambda right: right + "0",
        lambda right: right + right,
        lambda right: right + "\n",
        lambda right: " " + right,
        lambda right: right + "\x00",
        lambda right: right.upper(),
        lambda right: right.replace("a", "A").replace("b", "B"),
        lambda right: right[::-1],
        lambda right: "0x" + right,
        lambda right: "sha256=" + right,
        lambda right: "0" * len(right),
        lambda right: right.replace("0", "\uff10").replace("1", "\u0661"),
        lambda right: right.replace("a", "\u0430").replace("e", "\u0435").replace("c", "\u0441"),
        lambda right: "\u044b" * len(right),
        lambda right: right[:-1] + "\ud800",
        lambda right: right[:-1] + "\xff",
        lambda right: bytes.fromhex(right).decode("latin-1"),
    ],
    ids=[
        "empty", "last cut", "first cut", "half", "longer", "twice", "line break", "space",
        "zero byte", "upper case", "mixed case", "backwards", "0x", "named", "zeros",
        "other digits", "Cyrillic", "not ASCII", "half a character", "\\xff", "raw",
    ],
)  # fmt: skip
def test_a_forged_one_is_refused(kind: str, forge: Callable[[str], str]) -> None:
    take, right = KINDS[kind]
    assert forge(right) != right
    with pytest.raises(WebhookError) as refusal:
        take(forge(right))
    assert right not in str(refusal.value)
    assert SECRET not in str(refusal.value)


@each_kind
@pytest.mark.parametrize("digest", ["md5", "sha1", "sha256", "sha512"])
def test_the_digest_without_the_secret_is_none(kind: str, digest: str) -> None:
    take, right = KINDS[kind]
    texts = [BODY, f"{CLIENT}|{ACCOUNT}".encode(), b""]
    for text in texts:
        for made in (
            hashlib.new(digest, text).hexdigest(),
            hashlib.new(digest, SECRET.encode() + text).hexdigest(),
            hmac.new(b"", text, digest).hexdigest(),
        ):
            assert made != right
            with pytest.raises(WebhookError):
                take(made)


@each_kind
@given(st.text() | st.text("0123456789abcdef", min_size=40, max_size=64))
@cases
def test_whatever_is_brought_is_refused_with_an_error_of_ours(kind: str, signature: str) -> None:
    take, right = KINDS[kind]
    if signature != right:
        with pytest.raises(WebhookError):
            take(signature)


@given(
    st.dictionaries(
        st.sampled_from(["account_id", "client_uuid", "client_id", "signature", "x"]), st.text()
    )
)
@cases
def test_whatever_query_is_brought_removes_nobody(query: dict[str, str]) -> None:
    with pytest.raises(WebhookError):
        verify(query, CLIENT, SECRET)


@pytest.mark.parametrize(
    "number", ["12345", "012345", "+12345", " 12345", "12345 ", "1_2345", "12345.0", "\u0661"]
)
def test_a_signature_is_good_for_one_account_alone(number: str) -> None:
    good = sign(CLIENT, SECRET, 12346)
    with pytest.raises(WebhookError):
        verify({"account_id": number, "client_uuid": CLIENT, "signature": good}, CLIENT, SECRET)


def test_parts_of_the_signed_text_cannot_be_shifted() -> None:
    # client|account: what is signed for one split of the text fits no other.
    signature = sign("client|1", SECRET, 2)
    for client, number in (("client", "12"), ("client|1", "1"), ("client", "1")):
        with pytest.raises(WebhookError):
            verify(
                {"account_id": number, "client_uuid": client, "signature": signature},
                client,
                SECRET,
            )
