from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm import ConfigurationError
from amocrm.http.hosts import account_host, is_account_host, is_api_host, is_drive_host, portal


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("example", "example.amocrm.ru"),
        ("  EXAMPLE  ", "example.amocrm.ru"),
        ("my-shop2", "my-shop2.amocrm.ru"),
        ("example.amocrm.com", "example.amocrm.com"),
        ("http://example.kommo.com", "example.kommo.com"),
        ("https://example.kommo.com/", "example.kommo.com"),
        ("a" * 63, "a" * 63 + ".amocrm.ru"),
    ],
)
def test_what_people_type_becomes_a_host(typed: str, host: str) -> None:
    assert account_host(typed) == host


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("", "empty"),
        ("   ", "empty"),
        (None, "empty"),
        (5, "empty"),
        ("https://", "not an account"),
        ("example.amocrm.ru/leads", "path"),
        ("example.amocrm.ru//", "path"),
        ("example?x=1", "path"),
        ("example#x", "path"),
        ("example\\x", "path"),
        ("user:secret@example.amocrm.ru", "credentials"),
        ("https://user:secret@example.amocrm.ru/", "credentials"),
        ("example.amocrm.ru:8080", "port"),
        ("example.com", "not an account"),
        ("amocrm.ru", "not an account"),
        ("amocrm.ru.evil.example", "not an account"),
        ("example.amocrm.ru.evil.example", "not an account"),
        ("evil-amocrm.ru", "not an account"),
        ("a.b.amocrm.ru", "not an account"),
        (".amocrm.ru", "not an account"),
        ("-a.amocrm.ru", "not an account"),
        ("a-", "not an account"),
        ("a_b", "not an account"),
        ("a" * 64, "not an account"),
        ("www.amocrm.ru", "not an account"),
        ("www", "not an account"),
        ("api-b.amocrm.ru", "not an account"),
        ("drive-a.amocrm.ru", "not an account"),
        ("amojo.amocrm.ru", "not an account"),
        ("пример", "letters other than a-z"),
        ("пример.amocrm.ru", "letters other than a-z"),
        ("xn--e1afmkfd.amocrm.ru", "letters other than a-z"),
        ("exa mple", "not an account"),
        ("exa\nmple.amocrm.ru", "not an account"),
        ("example.amocrm.ru.", "not an account"),
    ],
)
def test_anything_else_is_refused_by_name(typed: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as refusal:
        account_host(typed)
    assert "secret" not in str(refusal.value)
    assert "mycompany.amocrm.ru" in str(refusal.value.hint)


@given(st.text(max_size=40))
def test_whatever_is_typed_ends_in_an_account_or_a_clear_error(typed: str) -> None:
    try:
        host = account_host(typed)
    except ConfigurationError:
        return
    assert is_account_host(host)


@pytest.mark.parametrize(
    ("host", "api", "account"),
    [
        ("api-a.amocrm.ru", True, False),
        ("api-c.kommo.com", True, False),
        ("api.amocrm.ru", True, False),
        ("example.amocrm.ru", False, True),
        ("apix.amocrm.ru", False, True),
        ("api-a.evil.example", False, False),
        ("api-a.amocrm.ru.evil.example", False, False),
    ],
)
def test_api_hosts_are_amocrm_s_own(host: str, api: bool, account: bool) -> None:
    assert is_api_host(host) is api
    assert is_account_host(host) is account


def test_an_account_is_reached_over_https_and_consent_is_in_its_zone() -> None:
    one = portal("example.kommo.com")
    assert (one.account, one.fixed) == ("example.kommo.com", False)
    assert (one.origin, one.consent) == ("https://example.kommo.com", "https://www.kommo.com")
    assert one.lookup("api-c.kommo.com") == "https://api-c.kommo.com"
    assert one.lookup("api-c.evil.example") is None
    assert one.lookup(None) is None
    assert one.moved("new.kommo.com") == portal("new.kommo.com")


def test_a_test_server_plays_every_part() -> None:
    one = portal("example", "HTTP://LocalHost:8080/")
    assert (one.account, one.fixed) == ("example.amocrm.ru", True)
    assert (one.origin, one.consent) == ("http://localhost:8080",) * 2
    assert one.lookup("api-a.amocrm.ru") == one.lookup(None) == one.origin
    moved = one.moved("new.amocrm.ru")
    assert (moved.account, moved.origin) == ("new.amocrm.ru", one.origin)
    assert portal("example", "http://[::1]:80").origin == "http://[::1]:80"
    assert portal("example", "https://sandbox.test").origin == "https://sandbox.test"


@pytest.mark.parametrize(
    "address",
    ["", "localhost:8080", "ftp://x", "http://", "http://x/api", "http://x?a=1", "http://x/#a",
     "http://u:hidden@x", "http://hidden@x", "http://x:99999", "http://[::1", 5, b"http://x"],
)  # fmt: skip
def test_a_base_url_is_an_origin_and_nothing_more(address: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url") as refusal:
        portal("example", address)
    assert "http://127.0.0.1:8080" in str(refusal.value.hint)
    assert "hidden" not in str(refusal.value)


@pytest.mark.parametrize(
    ("host", "drive"),
    [
        ("drive.amocrm.ru", True),
        ("drive-b.amocrm.ru", True),
        ("drive-c.kommo.com", True),
        ("drive-2.amocrm.com", True),
        ("drive-.amocrm.ru", False),
        ("drive-a-b.amocrm.ru", False),
        ("drives.amocrm.ru", False),
        ("example.amocrm.ru", False),
        ("x.drive-b.amocrm.ru", False),
        ("drive-b.evil.example", False),
        ("drive-b.amocrm.ru.evil.example", False),
        ("drive-b.amocrm.ru:443", False),
        ("x@drive-b.amocrm.ru", False),
        ("drive-b.amocrm.ru\n", False),
        ("amocrm.ru", False),
        ("", False),
    ],
)
def test_hosts_of_files_are_amocrm_s_own(host: str, drive: bool) -> None:
    assert is_drive_host(host) is drive
    assert not (drive and is_account_host(host))


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://drive-b.amocrm.ru", "https://drive-b.amocrm.ru"),
        ("https://drive-b.amocrm.ru/", "https://drive-b.amocrm.ru"),
        ("HTTPS://Drive-B.Kommo.com/v1.0/sessions/upload/x?y=1", "https://drive-b.kommo.com"),
        ("http://drive-b.amocrm.ru", None),
        ("https://drive-b.amocrm.ru:8443/", None),
        ("https://drive-b.amocrm.ru@evil.example/", None),
        ("https://x:y@drive-b.amocrm.ru/", None),
        ("https://example.amocrm.ru/", None),
        ("https://evil.example/drive-b.amocrm.ru", None),
        ("https://evil.example\\@drive-b.amocrm.ru/", None),
        ("https://[drive-b.amocrm.ru", None),
        ("//drive-b.amocrm.ru/", None),
        ("drive-b.amocrm.ru", None),
        ("", None),
        (None, None),
        (b"https://drive-b.amocrm.ru", None),
    ],
)
def test_the_token_goes_to_files_over_https_alone(address: object, origin: str | None) -> None:
    assert portal("example").drive(address) == origin


def test_files_of_a_test_server_are_at_its_one_address() -> None:
    one = portal("example", "http://localhost:8080")
    assert one.drive("http://LocalHost:8080/v1.0/x") == "http://localhost:8080"
    for other in ("https://drive-b.amocrm.ru", "http://localhost:8081", "https://localhost:8080"):
        assert one.drive(other) is None


@given(st.text(max_size=60))
def test_whatever_follows_a_scheme_leads_nowhere_else(text: str) -> None:
    origin = portal("example").drive(f"https://{text}")
    assert origin is None or is_drive_host(origin.removeprefix("https://"))
