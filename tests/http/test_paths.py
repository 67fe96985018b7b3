from __future__ import annotations

import pytest

from amocrm import ConfigurationError
from amocrm.http.paths import resolve

ORIGIN = "https://example.amocrm.ru"


@pytest.mark.parametrize(
    ("path", "target", "shown"),
    [
        ("/api/v4/leads", "/api/v4/leads", "/api/v4/leads"),
        ("api/v4/leads", "/api/v4/leads", "/api/v4/leads"),
        ("/api/v4/leads/", "/api/v4/leads/", "/api/v4/leads/"),
        ("/api/v4/leads?limit=2&filter[id][]=1", "/api/v4/leads?limit=2&filter[id][]=1",
         "/api/v4/leads"),
        (f"{ORIGIN}/api/v4/leads?page=2", "/api/v4/leads?page=2", "/api/v4/leads"),
        (ORIGIN, "/", "/"),
        ("HTTPS://EXAMPLE.amocrm.ru/api", "/api", "/api"),
        ("/api/v4/leads?query=Иван Иванов",
         "/api/v4/leads?query=%D0%98%D0%B2%D0%B0%D0%BD%20%D0%98%D0%B2%D0%B0%D0%BD%D0%BE%D0%B2",
         "/api/v4/leads"),
        ("/v4/тест", "/v4/%D1%82%D0%B5%D1%81%D1%82", "/v4/%D1%82%D0%B5%D1%81%D1%82"),
        ("/a%20b", "/a%20b", "/a%20b"),
        ("/api/v4/leads?next=https://x.example", "/api/v4/leads?next=https://x.example",
         "/api/v4/leads"),
    ],
)  # fmt: skip
def test_a_path_becomes_a_target(path: str, target: str, shown: str) -> None:
    assert resolve(ORIGIN, path) == (target, shown)


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("", "empty"),
        (None, "empty"),
        (b"/api", "empty"),
        ("//evil.example/api", "another host"),
        ("https://evil.example/api", "another host"),
        ("http://example.amocrm.ru/api", "another host"),
        ("https://example.amocrm.ru.evil.example/", "another host"),
        ("https://example.amocrm.ru@evil.example/", "another host"),
        ("https://example.amocrm.ru:444/", "another host"),
        ("https://[::1/", "not a valid URL"),
        ("javascript:alert(1)", "another host"),
        ("/api\r\nHost: evil", "control"),
        ("/api\x00", "control"),
        ("/api\x1f", "control"),
        ("/api\x7f", "control"),
        ("/\\evil.example", "control"),
        ("/api/v4/../oauth2", "segments"),
        ("/api/./v4", "segments"),
        ("..", "segments"),
        ("/api/%2e%2e/x", "segments"),
        ("/api/v4/leads#top", "fragment"),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(path: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as refusal:
        resolve(ORIGIN, path)
    assert refusal.value.hint


def test_three_dots_are_a_name() -> None:
    assert resolve(ORIGIN, "/api/...")[0] == "/api/..."


def test_params_are_added() -> None:
    assert resolve(ORIGIN, "/a", {"b": 1})[0] == "/a?b=1"
    assert resolve(ORIGIN, "/a?c=2", {"b": 1})[0] == "/a?c=2&b=1"
    assert resolve(ORIGIN, "/a", {})[0] == "/a"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://drive-c.amocrm.ru/v1.0/sessions/upload/eyJ.a-b_c", "/v1.0/sessions/upload/..."),
        ("https://drive-c.amocrm.ru/upload/eyJ", "/upload/..."),
        ("https://drive-c.amocrm.ru/download/a/b/c.txt?d=1", "/download/..."),
        ("https://drive-c.amocrm.ru/v1.0/files/a.b", "/v1.0/files/a.b"),
        ("https://drive-c.amocrm.ru/v1.0/uploads/a.b", "/v1.0/uploads/a.b"),
    ],
)
def test_what_opens_a_file_is_not_shown(address: str, shown: str) -> None:
    target, bare = resolve("https://drive-c.amocrm.ru", address)
    assert f"https://drive-c.amocrm.ru{target}" == address
    assert bare == shown
