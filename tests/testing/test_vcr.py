"""`vcr_config` with pytest-recording, which records against a served sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
import vcr as vcr  # Here, or each of the runs imports PyYAML anew, which then fails.
from vcr.request import Request

from amocrm.sandbox import Sandbox
from amocrm.sandbox.http.server import Served
from amocrm.testing.vcr import mask_request, mask_response
from tests.testing.conftest import PLUGIN

pytest_plugins = ["pytester"]

TESTS = """
import os

import pytest

from amocrm import AmoCRM
from amocrm.testing import vcr_config

vcr_config = pytest.fixture(scope="module")(vcr_config)


@pytest.mark.vcr
def test_contacts():
    names = ("client_id", "client_secret", "redirect_uri", "code")
    auth = {name: os.environ[f"KIT_{name}"] for name in names}
    with AmoCRM("example", auth, base_url=os.environ["KIT_url"], rate_limiter=None) as crm:
        assert crm.account.get()["subdomain"] == "example"
        pipeline = next(iter(crm.leads.pipelines.list()))
        assert pipeline["name"] == "Воронка"
        fields = {one["code"]: one["name"] for one in crm.contacts.custom_fields.list()}
        assert {"PHONE", "EMAIL"} <= set(fields)
        contacts = list(crm.contacts.list(query="+7 (999) 123-45-67", with_=["leads"]))
        assert len(contacts) == 1
        list(crm.contacts.list(query="Анна"))
        list(crm.contacts.list(query="anna@example.org"))
        lead = crm.leads.create({"name": "Заявка Анны", "price": 1500, "_embedded": {
            "contacts": [{"id": contacts[0]["id"]}], "tags": [{"name": "подруга Анны"}]}})["id"]
        crm.leads(lead).notes.create({"note_type": "common", "params": {"text": "Анна просила"}})
        crm.tasks.create({"text": "Позвонить Анне", "complete_till": 1_800_000_000})
        crm.contacts.create({"first_name": "Анна", "last_name": "Петрова", "custom_fields_values": [
            {"field_code": "PHONE", "values": [{"value": "+79991234567"}]}]})
        crm.webhooks.create({"destination": "https://mine.example.net/secret-path",
                             "settings": ["add_lead"]})
        assert crm.leads.get(lead)["price"] == 1500
        assert len(list(crm.users.list())) > 1
        list(crm.leads(lead).notes.list())
        crm.connection.refresh_token()
        assert crm.account.get()["id"]
"""

PERSONAL = (
    *("Анн", "Петров", "1234567", "123-45-67", "anna@", "mine.example", "secret-path"),
    *("def502", "Bearer e", "Admin"),
)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Sandbox, Served]]:
    portal = Sandbox(rps=None)
    portal.account().main_pipeline["name"] = "Воронка"
    portal.add("contacts", {
        "name": "Анна Петрова",
        "custom_fields_values": [
            {"field_code": "PHONE", "values": [{"value": "+79991234567"}]},
            {"field_code": "EMAIL", "values": [{"value": "anna@example.org"}]},
        ],
    })  # fmt: skip
    with portal.serve(threads=4) as served:
        one = portal.integration
        for name in ("client_id", "client_secret", "redirect_uri"):
            monkeypatch.setenv(f"KIT_{name}", getattr(one, name))
        monkeypatch.setenv("KIT_code", portal.issue_code())
        monkeypatch.setenv("KIT_url", served.url)
        yield portal, served


def test_a_cassette_holds_no_person_and_no_secret_and_plays(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, served: tuple[Sandbox, Served]
) -> None:
    portal, _ = served
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(test_recorded=TESTS)
    options = ("-p", PLUGIN, "-p", "pytest_recording.plugin")
    done = pytester.runpytest_inprocess(*options, "--record-mode=once")
    done.assert_outcomes(passed=1)
    requests = portal.counters["requests"]
    assert requests > 15
    (cassette,) = Path(pytester.path).rglob("*.yaml")
    text = cassette.read_text("utf-8")
    readable = unquote(text.replace("+", " ")) + text.encode().decode("unicode_escape")
    secrets = [portal.integration.client_secret, *portal._tokens.access, *portal._tokens.refresh]
    users = [user.name for user in portal.account().users.values()]
    personal = [*PERSONAL, *secrets, *portal._tokens.codes, *users]
    assert [one for one in personal if one in text or one in readable] == []
    assert "Воронка" in readable, "names of settings stay"
    done = pytester.runpytest_inprocess(*options, "--record-mode=none", "--block-network")
    done.assert_outcomes(passed=1)
    assert portal.counters["requests"] == requests, "nothing was sent"


FORM = "application/x-www-form-urlencoded"
FILES = (b"Anna=79991234567", b"QW5uYQ==", b"Anna", b"\xff\xd8Anna")


@pytest.mark.parametrize("body", FILES)
def test_a_file_is_removed_whatever_it_looks_like(body: bytes) -> None:
    sent = Request("POST", "https://drive-b.amocrm.ru/v1.0/sessions/upload/x", body, {})
    answered = {"headers": {}, "body": {"string": body}}
    assert mask_request(sent).body == b"(removed)"
    assert mask_response(answered)["body"]["string"] == b"(removed)"


def test_what_is_sent_as_a_form_stays_a_form() -> None:
    url = "https://example.amocrm.ru/oauth2/access_token"
    sent = Request("POST", url, b"client_id=1&code=def502aa", {"Content-Type": FORM})
    assert mask_request(sent).body == b"client_id=1&code=masked-code"
