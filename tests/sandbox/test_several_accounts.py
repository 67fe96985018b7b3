"""Several accounts on one port, a shop's data, and tokens of a chosen life."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox
from amocrm.sandbox.http.server import Served

NAMES = ("one", "two", "shop.kommo.com")


@pytest.fixture
def portal(clock: ManualClock) -> Sandbox:
    return Sandbox(NAMES, clock=clock, rps=None)


@pytest.fixture
def served(portal: Sandbox) -> Iterator[Served]:
    with portal.serve() as served:
        yield served


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def bearer(portal: Sandbox, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {portal.issue_long_lived(name)}"}


@pytest.mark.parametrize("name", ["one", "two", "two.amocrm.ru", "shop", "shop.kommo.com"])
def test_a_path_names_an_account(
    portal: Sandbox, served: Served, session: requests.Session, name: str
) -> None:
    root, account = f"{served.url}/{name}", portal.account(name)
    headers = bearer(portal, name)
    answer = session.get(f"{root}/api/v4/account?with=drive_url", headers=headers).json()
    assert (answer["id"], answer["_links"]["self"]["href"]) == (
        account.id, f"{root}/api/v4/account",
    )  # fmt: skip
    assert answer["drive_url"] == root
    session.post(f"{root}/api/v4/leads", headers=headers, json=[{}, {}])
    page = session.get(f"{root}/api/v4/leads?limit=1", headers=headers).json()
    following = page["_links"]["next"]["href"]
    assert following.startswith(f"{root}/api/v4/leads?")
    assert session.get(following, headers=headers).status_code == 200
    assert [len(portal.leads(one)) for one in portal.accounts] == [
        2 if one is account else 0 for one in portal.accounts
    ]


def test_a_token_is_good_for_the_account_of_its_path_alone(
    portal: Sandbox, served: Served, session: requests.Session
) -> None:
    headers = bearer(portal, "two")
    assert session.get(f"{served.url}/two/api/v4/account", headers=headers).status_code == 200
    for root in (served.url, f"{served.url}/one"):
        assert session.get(f"{root}/api/v4/account", headers=headers).status_code == 401
    assert session.get(f"{served.url}/three/api/v4/account", headers=headers).status_code == 404


def test_grants_and_files_have_the_path_too(
    portal: Sandbox, served: Served, session: requests.Session
) -> None:
    root, one = f"{served.url}/two", portal.integration
    body = {
        "client_id": one.client_id, "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri, "grant_type": "authorization_code",
        "code": portal.issue_code("two"),
    }  # fmt: skip
    pair = session.post(f"{root}/oauth2/access_token", json=body).json()
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    model: dict[str, Any] = {"file_name": "a.txt", "file_size": 2}
    opened = session.post(f"{root}/v1.0/sessions", headers=headers, json=model).json()
    assert opened["upload_url"].startswith(f"{root}/v1.0/sessions/upload/")
    file = session.post(opened["upload_url"], headers=headers, data=b"ab").json()
    assert session.get(file["_links"]["download"]["href"]).content == b"ab"
    portal.inject("server_error", path="/api/v4/account", status=503)
    assert session.get(f"{root}/api/v4/account", headers=headers).status_code == 503


@pytest.mark.parametrize("name", ["one", "two", "shop"])
def test_a_host_names_an_account(
    portal: Sandbox, served: Served, session: requests.Session, name: str
) -> None:
    headers = {**bearer(portal, name), "Host": f"{name}.localhost:{served.port}"}
    answer = session.get(f"{served.url}/api/v4/account", headers=headers).json()
    assert answer["subdomain"] == name
    root = f"http://{name}.localhost:{served.port}"
    assert answer["_links"]["self"]["href"] == f"{root}/api/v4/account"


def test_on_the_platform_s_own_hosts_a_path_names_nothing(
    portal: Sandbox,
) -> None:
    headers = bearer(portal, "two")
    answer = portal.session().get("https://two.amocrm.ru/two/api/v4/account", headers=headers)
    assert answer.status_code == 404


def test_a_token_lives_as_long_as_it_is_told(clock: ManualClock) -> None:
    portal = Sandbox(clock=clock, rps=None, token_lifetime=120)
    session, one = portal.session(), portal.integration
    body = {
        "client_id": one.client_id, "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri, "grant_type": "authorization_code",
        "code": portal.issue_code(),
    }  # fmt: skip
    pair = session.post("https://example.amocrm.ru/oauth2/access_token", json=body).json()
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    url = "https://example.amocrm.ru/api/v4/account"
    assert pair["expires_in"] == 120
    clock.advance(119)
    assert session.get(url, headers=headers).status_code == 200
    clock.advance(1)
    assert session.get(url, headers=headers).status_code == 401
    body |= {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    again = session.post("https://example.amocrm.ru/oauth2/access_token", json=body)
    assert again.json()["expires_in"] == 120


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_token_lives_at_all(seconds: float) -> None:
    with pytest.raises(ValueError, match="token_lifetime must be above 0 s"):
        Sandbox(token_lifetime=seconds)


def test_a_shop_has_everything_a_client_can_try(portal: Sandbox, clock: ManualClock) -> None:
    portal.add_shop("two")
    session, headers = portal.session(), bearer(portal, "two")

    def get(path: str) -> requests.Response:
        return session.get(f"https://two.amocrm.ru/api/v4{path}", headers=headers)

    leads = get("/leads?with=contacts,loss_reason,catalog_elements").json()["_embedded"]["leads"]
    account = portal.account("two")
    stages = {one["id"] for one in account.statuses(int(account.main_pipeline["id"]))[1:]}
    assert {one["status_id"] for one in leads} == stages
    assert all(one["_embedded"]["contacts"] for one in leads)
    assert all(one["_embedded"]["catalog_elements"] for one in leads)
    assert all(one["created_at"] < clock.time() for one in leads)
    lost = [one for one in leads if one["status_id"] == 143]
    assert lost
    assert all(one["_embedded"]["loss_reason"] for one in lost)
    found = get("/contacts?query=9997654321").json()["_embedded"]["contacts"]
    assert [one["name"] for one in found] == ["Иван Смирнов"]
    for path in ("/companies", "/tasks", "/leads/notes", "/leads/tags", "/catalogs"):
        assert get(path).status_code == 200
    assert portal.leads("one") == []
    assert portal.log[0].path == "/api/v4/leads"
