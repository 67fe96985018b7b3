"""The token endpoint (reference 2.4 to 2.7)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
import requests

from amocrm.api_limits import ACCESS_TOKEN_SECONDS, CODE_SECONDS, REFRESH_TOKEN_SECONDS
from amocrm.sandbox import ManualClock, Sandbox

Grant = Callable[..., requests.Response]

INVALID = {
    "title": "Некорректный запрос",
    "type": "https://developers.amocrm.ru/v3/errors/OAuthProblemJson",
    "detail": "В запросе отсутствует ряд параметров или параметры невалидны",
}


def refusal(status: int, hint: str) -> tuple[int, dict[str, object]]:
    return status, {"hint": hint, **INVALID, "status": status}


def seen(response: requests.Response) -> tuple[int, object]:
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()


def test_a_code_becomes_a_pair(portal: Sandbox, clock: ManualClock, grant: Grant) -> None:
    response = grant(code=portal.issue_code())
    body = response.json()
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert list(body) == [
        "token_type",
        "expires_in",
        "server_time",
        "access_token",
        "refresh_token",
    ]
    assert (body["token_type"], body["expires_in"]) == ("Bearer", ACCESS_TOKEN_SECONDS)
    assert body["server_time"] == int(clock.time())
    assert body["refresh_token"].startswith("def502")
    assert portal.counters["grants.code"] == 1


def test_an_access_token_is_a_jwt_that_names_its_api_domain(portal: Sandbox, grant: Grant) -> None:
    token = grant(code=portal.issue_code()).json()["access_token"]
    head, claims, seal = token.split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    data = json.loads(base64.urlsafe_b64decode(claims + "=="))
    account = portal.account("example")
    assert (header["typ"], header["alg"], len(seal)) == ("JWT", "RS256", 342)
    assert data["aud"] == portal.integration.client_id
    assert data["exp"] - data["iat"] == ACCESS_TOKEN_SECONDS
    assert (data["account_id"], data["base_domain"]) == (account.id, "amocrm.ru")
    assert data["api_domain"] == account.api_domain == "api-b.amocrm.ru"


def test_a_form_works_like_json(portal: Sandbox, session: requests.Session) -> None:
    one = portal.integration
    form = {
        "client_id": one.client_id,
        "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri,
        "grant_type": "authorization_code",
        "code": portal.issue_code(),
    }
    answer = session.post("https://example.amocrm.ru/oauth2/access_token", data=form)
    assert answer.status_code == 200


def test_a_code_works_once(portal: Sandbox, grant: Grant) -> None:
    code = portal.issue_code()
    grant(code=code)
    assert seen(grant(code=code)) == refusal(400, "Authorization code has been revoked")


@pytest.mark.parametrize(("age", "status"), [(CODE_SECONDS - 1, 200), (CODE_SECONDS, 400)])
def test_a_code_lives_twenty_minutes(
    portal: Sandbox, clock: ManualClock, grant: Grant, age: float, status: int
) -> None:
    code = portal.issue_code()
    clock.advance(age)
    response = grant(code=code)
    assert response.status_code == status
    if status == 400:
        assert seen(response) == refusal(400, "Authorization code has expired")


@pytest.mark.parametrize(
    ("fields", "status", "hint"),
    [
        ({"code": "rubbish"}, 400, "Cannot decrypt the authorization code"),
        ({"code": None}, 400, "Check the `code` parameter"),
        ({"client_id": None}, 400, "Check the `client_id` parameter"),
        ({"client_id": "not-a-uuid"}, 400, "Check the `client_id` parameter"),
        ({"client_secret": None}, 400, "Check the `client_secret` parameter"),
        ({"client_secret": ""}, 400, "Check the `client_secret` parameter"),
        ({"redirect_uri": None}, 400, "Redirect URI is not associated with client"),
        (
            {"redirect_uri": "http://127.0.0.1:3000"},
            400,
            "Redirect URI is not associated with client",
        ),
        ({"grant_type": "password"}, 400, "Check the `grant_type` parameter"),
        ({"grant_type": None}, 400, "Check the `grant_type` parameter"),
        ({"refresh_token": "rubbish"}, 401, "Cannot decrypt the refresh token"),
        ({"refresh_token": ""}, 400, "Check the `refresh_token` parameter"),
    ],
)
def test_what_is_wrong_is_told_in_the_hint(
    portal: Sandbox, grant: Grant, fields: dict[str, str | None], status: int, hint: str
) -> None:
    assert seen(grant(**{"code": portal.issue_code(), **fields})) == refusal(status, hint)
    assert portal.counters["grants.refused"] == 1


@pytest.mark.parametrize(
    "fields",
    [{"client_secret": "wrong"}, {"client_id": "00000000-0000-4000-8000-000000000000"}],
    ids=["secret", "id"],
)
def test_a_failed_client_authentication_has_no_hint(
    portal: Sandbox, grant: Grant, fields: dict[str, str]
) -> None:
    status, body = seen(grant(code=portal.issue_code(), **fields))
    assert (status, body) == (
        401,
        {
            "title": "Некорректный клиент",
            "type": INVALID["type"],
            "status": 401,
            "detail": "Авторизация клиента не прошла",
        },
    )


def test_a_refused_code_is_not_spent(portal: Sandbox, grant: Grant) -> None:
    code = portal.issue_code()
    assert grant(code=code, client_secret="wrong").status_code == 401
    assert grant(code=code).status_code == 200


def test_another_account_is_an_invalid_account(clock: ManualClock) -> None:
    portal = Sandbox(("one", "two"), clock=clock)
    one = portal.integration
    base = {
        "client_id": one.client_id,
        "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri,
    }
    with portal.session() as session:

        def ask(host: str, **fields: str) -> requests.Response:
            return session.post(f"https://{host}.amocrm.ru/oauth2/access_token", json=base | fields)

        code = {"grant_type": "authorization_code", "code": portal.issue_code("one")}
        assert seen(ask("two", **code)) == refusal(400, "Invalid account")
        refresh_token = ask("one", **code).json()["refresh_token"]
        refresh = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        assert seen(ask("two", **refresh)) == refusal(400, "Invalid account")
        assert ask("one", **refresh).status_code == 200


def test_a_code_of_another_integration_reads_like_garbage(portal: Sandbox, grant: Grant) -> None:
    other = portal.add_integration("http://127.0.0.1:4000/")
    code = portal.issue_code(integration=other)
    assert seen(grant(code=code)) == refusal(400, "Cannot decrypt the authorization code")
    answer = grant(
        code=code,
        client_id=other.client_id,
        client_secret=other.client_secret,
        redirect_uri=other.redirect_uri,
    )
    assert answer.status_code == 200


def test_titles_are_english_outside_amocrm_ru(clock: ManualClock) -> None:
    portal = Sandbox(("shop.kommo.com",), clock=clock)
    with portal.session() as session:
        answer = session.post("https://shop.kommo.com/oauth2/access_token", json={})
    assert answer.json()["title"] == "Bad request"


def test_strict_mode_kills_a_refresh_token_with_its_exchange(portal: Sandbox, grant: Grant) -> None:
    first = grant(code=portal.issue_code()).json()["refresh_token"]
    second = grant(refresh_token=first).json()["refresh_token"]
    assert seen(grant(refresh_token=first)) == refusal(401, "Token has been revoked")
    assert grant(refresh_token=second).status_code == 200
    assert portal.counters["grants.refresh"] == 2


@pytest.fixture
def kind_grant(clock: ManualClock) -> Callable[[str, str], requests.Response]:
    """A grant from a portal in grace mode: kind of secret, secret ('' for a new code)."""
    portal = Sandbox(clock=clock, refresh_mode="grace")
    one = portal.integration

    def ask(kind: str, secret: str) -> requests.Response:
        body = {
            "client_id": one.client_id,
            "client_secret": one.client_secret,
            "redirect_uri": one.redirect_uri,
            "grant_type": "authorization_code" if kind == "code" else "refresh_token",
            kind: secret or portal.issue_code(),
        }
        with portal.session() as session:
            return session.post("https://example.amocrm.ru/oauth2/access_token", json=body)

    return ask


def test_grace_mode_keeps_the_old_token_until_the_new_one_is_used(
    kind_grant: Callable[[str, str], requests.Response],
) -> None:
    first = kind_grant("code", "").json()["refresh_token"]
    second = kind_grant("refresh_token", first).json()["refresh_token"]
    again = kind_grant("refresh_token", first)
    assert again.status_code == 200
    assert again.json()["refresh_token"] not in (first, second)
    assert kind_grant("refresh_token", second).status_code == 200
    assert seen(kind_grant("refresh_token", first)) == refusal(401, "Token has been revoked")


@pytest.mark.parametrize(
    ("age", "status"), [(REFRESH_TOKEN_SECONDS - 1, 200), (REFRESH_TOKEN_SECONDS, 401)]
)
def test_a_refresh_token_lives_three_months(
    portal: Sandbox, clock: ManualClock, grant: Grant, age: float, status: int
) -> None:
    token = grant(code=portal.issue_code()).json()["refresh_token"]
    clock.advance(age)
    assert grant(refresh_token=token).status_code == status


def test_a_second_code_does_not_cancel_the_first_pair(portal: Sandbox, grant: Grant) -> None:
    first = grant(code=portal.issue_code()).json()["refresh_token"]
    assert grant(code=portal.issue_code()).status_code == 200
    assert grant(refresh_token=first).status_code == 200


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"\xff"])
def test_a_body_that_is_no_object_misses_its_parameters(
    session: requests.Session, body: bytes
) -> None:
    answer = session.post(
        "https://example.amocrm.ru/oauth2/access_token",
        data=body,
        headers={"Content-Type": "application/json"},
    )
    assert seen(answer) == refusal(400, "Check the `grant_type` parameter")


def test_the_token_endpoint_takes_post_only(session: requests.Session) -> None:
    assert session.get("https://example.amocrm.ru/oauth2/access_token").status_code == 405


def test_only_one_of_many_gets_a_refresh_token_exchanged(portal: Sandbox, grant: Grant) -> None:
    from concurrent.futures import ThreadPoolExecutor

    token = grant(code=portal.issue_code()).json()["refresh_token"]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: grant(refresh_token=token).status_code, range(64)))
    assert sorted(answers) == [200] + [401] * 63
