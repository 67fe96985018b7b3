"""The consent page and its redirect (reference 2.2, 2.3)."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox

PAGE = "https://www.amocrm.ru/oauth"


def redirect(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def consent_url(portal: Sandbox, **params: str) -> str:
    query = {"client_id": portal.integration.client_id, **params}
    return requests.Request("GET", PAGE, params=query).prepare().url or ""


def test_agreeing_redirects_with_a_code_that_works(
    portal: Sandbox, session: requests.Session
) -> None:
    url = portal.agree(consent_url(portal, state="s t", mode="popup"))
    params = redirect(url)
    assert url.startswith(portal.integration.redirect_uri + "?")
    assert params == {
        "code": params["code"],
        "referer": "example.amocrm.ru",
        "platform": "1",
        "state": "s t",
        "client_id": portal.integration.client_id,
    }
    one = portal.integration
    body = {
        "client_id": one.client_id,
        "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri,
        "grant_type": "authorization_code",
        "code": params["code"],
    }
    answer = session.post("https://example.amocrm.ru/oauth2/access_token", json=body)
    assert answer.status_code == 200


def test_a_state_that_was_not_sent_does_not_come_back(portal: Sandbox) -> None:
    assert "state" not in redirect(portal.agree(consent_url(portal)))
    assert "state" not in redirect(portal.deny(consent_url(portal)))


def test_refusing_redirects_with_the_only_error(portal: Sandbox) -> None:
    assert redirect(portal.deny(consent_url(portal, state="s"))) == {
        "error": "access_denied",
        "state": "s",
        "client_id": portal.integration.client_id,
    }


def test_the_platform_tells_the_zone(clock: ManualClock) -> None:
    portal = Sandbox(("shop.kommo.com", "old.amocrm.com", "ru"), clock=clock)
    url = consent_url(portal)
    seen = [redirect(portal.agree(url, one)) for one in ("shop", "old", "ru")]
    assert [(one["referer"], one["platform"]) for one in seen] == [
        ("shop.kommo.com", "2"),
        ("old.amocrm.com", "2"),
        ("ru.amocrm.ru", "1"),
    ]


def test_a_redirect_uri_with_a_query_keeps_it() -> None:
    portal = Sandbox(redirect_uri="https://shop.example/in?a=1")
    assert redirect(portal.deny(consent_url(portal)))["a"] == "1"


def test_the_page_offers_accounts_and_two_buttons(
    portal: Sandbox, session: requests.Session
) -> None:
    portal.add_account("second")
    page = session.get(consent_url(portal, state='"><script>'))
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "second.amocrm.ru" in page.text
    assert 'value="agree"' in page.text
    assert 'value="deny"' in page.text
    assert "<script>" not in page.text
    assert page.headers["Content-Security-Policy"] == "frame-ancestors 'none'"


@pytest.mark.parametrize("where", [PAGE, PAGE + "/", "http://127.0.0.1:8080/oauth"])
def test_the_form_can_be_posted_by_a_script(
    portal: Sandbox, session: requests.Session, where: str
) -> None:
    form = {"client_id": portal.integration.client_id, "state": "s", "account": "example"}
    agreed = session.post(where, data={**form, "decision": "agree"}, allow_redirects=False)
    denied = session.post(where, data={**form, "decision": "deny"}, allow_redirects=False)
    assert agreed.status_code == denied.status_code == 302
    assert redirect(agreed.headers["Location"])["referer"] == "example.amocrm.ru"
    assert redirect(denied.headers["Location"])["error"] == "access_denied"


def test_a_post_without_an_account_means_the_first(
    portal: Sandbox, session: requests.Session
) -> None:
    answer = session.post(consent_url(portal), allow_redirects=False)
    assert redirect(answer.headers["Location"])["referer"] == "example.amocrm.ru"


def test_an_unknown_account_is_refused(portal: Sandbox, session: requests.Session) -> None:
    assert session.post(consent_url(portal), data={"account": "nobody"}).status_code == 400


def test_an_unknown_client_id_gets_a_clear_page(session: requests.Session) -> None:
    page = session.get(PAGE, params={"client_id": "x"})
    assert (page.status_code, "Unknown client_id" in page.text) == (400, True)


def test_an_unknown_client_id_is_an_error_by_hand(portal: Sandbox) -> None:
    with pytest.raises(ValueError, match="client_id"):
        portal.agree(PAGE)


def test_the_page_takes_get_and_post_only(portal: Sandbox, session: requests.Session) -> None:
    assert session.put(consent_url(portal)).status_code == 405


def test_a_widget_s_installation_is_a_call_without_a_state(
    portal: Sandbox, session: requests.Session
) -> None:
    url = portal.install_widget("example")
    params = redirect(url)
    assert url.startswith(portal.integration.redirect_uri + "?")
    assert params == {
        "code": params["code"],
        "referer": "example.amocrm.ru",
        "platform": "1",
        "from_widget": "1",
    }
    another = portal.add_integration("https://shop.example/?page=amo")
    assert portal.install_widget("example", another).startswith(
        "https://shop.example/?page=amo&code="
    )
    one = portal.integration
    body = {
        "client_id": one.client_id,
        "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri,
        "grant_type": "authorization_code",
        "code": params["code"],
    }
    assert session.post("https://example.amocrm.ru/oauth2/access_token", json=body).ok
