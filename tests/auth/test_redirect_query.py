"""The query of a redirect: state, code, refusal, account."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from amocrm import AccessDeniedError, ConfigurationError, StateMismatchError, WebhookError
from amocrm.auth.redirect.query import (
    FROM_AMOCRM,
    RedirectResult,
    State,
    read_install,
    read_query,
    read_redirect,
    same_state,
)

HERE = "example.amocrm.ru"


def test_another_error_of_the_consent_page_is_reported() -> None:
    odd = read_redirect({"error": "server_error", "state": "s"}, "s", HERE)
    assert "consent failed" in str(odd.error)


def test_the_code_is_read_from_a_redirect() -> None:
    query = {"code": "c", "state": "s", "referer": "Example.amocrm.ru", "platform": "1"}
    assert read_redirect(query, "s", HERE) == RedirectResult(code="c")
    assert read_redirect({"code": "c", "state": "s"}, "s", HERE) == RedirectResult(code="c")
    assert "'c'" not in repr(RedirectResult(code="c"))


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({}, "another state"),
        ({"code": "c"}, "another state"),
        ({"code": "c", "state": "S"}, "another state"),
        ({"code": "c", "state": "s "}, "another state"),
        ({"code": "c", "state": "ы\ud800"}, "another state"),
        ({"error": "access_denied"}, "another state"),
        ({"state": "s"}, "no valid code"),
        ({"code": "", "state": "s"}, "no valid code"),
        ({"code": "c", "state": "s", "referer": "evil.example"}, "not an account of amoCRM"),
        ({"code": "c", "state": "s", "referer": "amocrm.ru.evil.example"}, "not an account"),
        ({"code": "c", "state": "s", "referer": "https://example.amocrm.ru"}, "not an account"),
    ],
)
def test_a_redirect_that_does_not_belong_to_this_consent_is_refused(
    query: dict[str, str], complaint: str
) -> None:
    with pytest.raises(StateMismatchError, match=complaint):
        read_redirect(query, "s", HERE)


def test_a_refusal_and_a_wrong_account_are_results() -> None:
    denied = read_redirect({"error": "access_denied", "state": "s"}, "s", HERE)
    assert isinstance(denied.error, AccessDeniedError)
    assert "access was refused" in str(denied.error)
    other = read_redirect({"code": "c", "state": "s", "referer": "other.amocrm.ru"}, "s", HERE)
    assert "given for other.amocrm.ru" in str(other.error)
    assert other.code is None


def test_states_are_compared_exactly() -> None:
    assert same_state("a", "a")
    assert not same_state("a", "b")
    assert not same_state("", "a")


# Any account -------------------------------------------------------------------------------------


def test_the_account_that_agreed_is_read_from_a_redirect() -> None:
    query = {"code": "c", "state": "s", "referer": "Shop.kommo.com", "platform": "2"}
    assert read_install(query, "s") == RedirectResult(code="c", host="shop.kommo.com")


@pytest.mark.parametrize("flag", ["from_widget", "from_exchange"])
def test_calls_of_amocrm_s_servers_without_a_state_are_accepted_only_if_expected(
    flag: str,
) -> None:
    query = {"code": "c", "referer": HERE, flag: "1"}
    assert read_install(query, FROM_AMOCRM).code == "c"
    for state in (None, ""):
        with pytest.raises(StateMismatchError, match="no state"):
            read_install(query, state)


@pytest.mark.parametrize("flag", ["from_widget", "from_exchange"])
def test_a_given_state_is_compared_even_if_the_query_has_a_flag_of_amocrm(flag: str) -> None:
    with pytest.raises(StateMismatchError, match="another state"):
        read_install({"code": "c", "referer": HERE, flag: "1"}, "s")


@pytest.mark.parametrize("state", [None, "", FROM_AMOCRM])
@pytest.mark.parametrize(
    "query",
    [
        {"code": "c", "referer": HERE},
        {"code": "c", "referer": HERE, "state": ""},
        {"code": "c", "referer": HERE, "state": "s"},
        {"error": "access_denied", "state": "s"},
    ],
)
def test_a_redirect_without_a_state_to_compare_is_refused(
    query: dict[str, str], state: State
) -> None:
    with pytest.raises(StateMismatchError, match=r"callback\(query, state=\.\.\.\)"):
        read_install(query, state)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"state": "S"}, "another state"),
        ({"code": ""}, "no valid code"),
        ({"code": "two words"}, "no valid code"),
        ({"referer": ""}, "no referer"),
        ({"referer": "evil.example"}, "not an account of amoCRM"),
        ({"referer": "www.amocrm.ru"}, "not an account of amoCRM"),
        ({"referer": "evil.example/.amocrm.ru"}, "not an account of amoCRM"),
        ({"referer": "a.amocrm.ru.evil.example"}, "not an account of amoCRM"),
        ({"referer": "a.amocrm.ru:443"}, "not an account of amoCRM"),
        ({"referer": "evil@a.amocrm.ru"}, "not an account of amoCRM"),
    ],
)
def test_a_forged_installation_is_refused(change: dict[str, str], complaint: str) -> None:
    with pytest.raises(StateMismatchError, match=complaint):
        read_install({"code": "c", "state": "s", "referer": HERE, **change}, "s")


def test_a_refusal_to_install_is_reported() -> None:
    refused = read_install({"error": "access_denied", "state": "s"}, "s")
    assert isinstance(refused.error, AccessDeniedError)


ODD = [7, b"c", ["c"], {"c": 1}, object(), True]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", ["code", "state", "referer", "error"])
def test_parameters_that_are_not_strings_raise_an_error_that_names_them(
    name: str, odd: Any
) -> None:
    query = {"code": "c", "state": "s", "referer": "example.amocrm.ru", name: odd}
    with pytest.raises(ConfigurationError, match=name):
        read_install(query, "s")
    with pytest.raises(ConfigurationError, match=name):
        read_redirect(query, "s", HERE)


@pytest.mark.parametrize("name", ["code", "state", "referer", "error"])
def test_a_missing_parameter_may_be_none(name: str) -> None:
    query = {"code": "c", "state": "s", "referer": "example.amocrm.ru", name: None}
    if name == "error":
        assert read_install(query, "s").code == "c"
    else:
        with pytest.raises(StateMismatchError):
            read_install(query, "s")


@pytest.mark.parametrize("state", [*ODD, 0, b"", [], ()])
def test_a_state_that_is_not_a_string_raises_an_error(state: Any) -> None:
    with pytest.raises(ConfigurationError, match="state"):
        read_install({"code": "c", "from_widget": "1", "referer": "example.amocrm.ru"}, state)


@pytest.mark.parametrize("query", [*ODD[:3], None, 1.5, [("code", "c")]])
def test_a_query_of_another_type_raises_an_error(query: Any) -> None:
    with pytest.raises(ConfigurationError, match="query"):
        read_query(query)


@pytest.mark.parametrize(
    "query",
    [
        "code=a&code=b&state=s",
        "state=s&state=s&code=a",
        "%63ode=a&code=b",
        "code=" + "a" * 10_000_000,
        "&" * 10_000,
        MultiDict([("code", "a"), ("code", "b")]),
    ],
)
def test_a_query_with_a_repeated_parameter_is_refused(query: Any) -> None:
    with pytest.raises(StateMismatchError):
        read_query(query)
    with pytest.raises(WebhookError):
        read_query(query, WebhookError)


@pytest.mark.parametrize(
    ("query", "code"),
    [("code=\xff&state=s", "ÿ"), ("code=%ff", "\ufffd"), ("a=1&a=2&code=c", "c"), ("code=%", "%")],
)
def test_a_raw_query_of_any_bytes_is_read(query: str, code: str) -> None:
    assert read_query(query)["code"] == code


def test_a_code_with_a_lone_surrogate_or_too_long_is_refused() -> None:
    for code in ("\ud800", "c" * 100_000):
        with pytest.raises(StateMismatchError):
            read_install({"code": code, "state": "s", "referer": "example.amocrm.ru"}, "s")
