"""The uninstall hook: only a valid signature is accepted."""

from __future__ import annotations

from typing import Any

import pytest

from amocrm import ConfigurationError, WebhookError
from amocrm.auth.installation.uninstall_hook import sign, verify
from amocrm.sandbox import Sandbox

CLIENT = "11111111-2222-3333-4444-555555555555"
VECTOR = "5654e451a12c58462c9bdf29fef6c3ae6aaf801eba3577c82611b3bf85f202d8"
HOOK = {"account_id": "12345", "client_uuid": CLIENT, "signature": VECTOR}


def test_the_signature_matches_the_reference() -> None:
    assert sign(CLIENT, "secret", 12345) == VECTOR
    assert verify(HOOK, CLIENT, "secret") == 12345


def test_a_signature_of_the_sandbox_is_verified() -> None:
    portal = Sandbox()
    one, hook = portal.integration, portal.uninstall_hook()
    assert verify(hook.params, one.client_id, one.client_secret) == portal.account().id


@pytest.mark.parametrize("names", [("client_uuid",), ("client_id",), ("client_uuid", "client_id")])
def test_both_names_of_the_integration_s_parameter_are_read(names: tuple[str, ...]) -> None:
    hook = {"account_id": "12345", "signature": VECTOR, **dict.fromkeys(names, CLIENT)}
    assert verify(hook, CLIENT, "secret") == 12345


@pytest.mark.parametrize("number", ["1", "9" * 18])
def test_the_number_of_an_account_has_up_to_eighteen_digits(number: str) -> None:
    signature = sign(CLIENT, "secret", int(number))
    hook = {"account_id": number, "client_uuid": CLIENT, "signature": signature}
    assert verify(hook, CLIENT, "secret") == int(number)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"signature": VECTOR[:-1] + "9"}, "is wrong"),
        ({"signature": VECTOR.upper()}, "is wrong"),
        ({"signature": ""}, "is wrong"),
        ({"signature": "ы\ud800"}, "is wrong"),
        ({"account_id": "12346"}, "is wrong"),
        ({"account_id": "012345"}, "no valid account_id"),
        ({"account_id": "+12345"}, "no valid account_id"),
        ({"account_id": "١٢٣٤٥"}, "no valid account_id"),
        ({"account_id": "12345\n"}, "no valid account_id"),
        ({"account_id": "1" * 19}, "no valid account_id"),
        ({"account_id": "0"}, "no valid account_id"),
        ({"account_id": ""}, "no valid account_id"),
        ({"client_uuid": "another"}, "another integration"),
        ({"client_id": "another"}, "another integration"),
    ],
)
def test_a_hook_without_a_valid_signature_is_refused(
    change: dict[str, str], complaint: str
) -> None:
    with pytest.raises(WebhookError, match=complaint):
        verify({**HOOK, **change}, CLIENT, "secret")


@pytest.mark.parametrize("missing", sorted(HOOK))
def test_a_missing_parameter_is_refused(missing: str) -> None:
    with pytest.raises(WebhookError):
        verify({name: value for name, value in HOOK.items() if name != missing}, CLIENT, "secret")


def test_a_signature_with_another_secret_is_refused() -> None:
    with pytest.raises(WebhookError, match="replaced in amoCRM"):
        verify(HOOK, CLIENT, "another")


ODD = [None, 7, b"x", ["x"], {"x": 1}, object(), True]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", ["account_id", "client_uuid", "client_id", "signature"])
def test_a_hook_with_parameters_of_another_type_is_refused(name: str, odd: Any) -> None:
    query = {"account_id": "12345", "client_uuid": "id", "signature": sign("id", "secret", 12345)}
    with pytest.raises(WebhookError):
        verify({**query, name: odd}, "id", "secret")


@pytest.mark.parametrize("query", [*ODD[:4], "a=b", []])
def test_a_hook_of_another_type_is_refused(query: Any) -> None:
    with pytest.raises(WebhookError):
        verify(query, "id", "secret")


def test_lone_surrogates_and_long_texts_are_refused() -> None:
    query = {"account_id": "12345", "client_uuid": "id", "signature": sign("id", "secret", 12345)}
    for change in ({"signature": "\ud800"}, {"account_id": "1" * 10**6}, {"client_id": "\udfff"}):
        with pytest.raises(WebhookError):
            verify({**query, **change}, "id", "secret")


@pytest.mark.parametrize("secret", [*ODD, "", "\ud800"])
def test_an_empty_secret_is_refused(secret: Any) -> None:
    with pytest.raises(ConfigurationError):
        verify({"account_id": "1", "client_uuid": "id", "signature": "x"}, "id", secret)
