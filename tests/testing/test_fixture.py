"""`amocrm.testing.sandbox`, the same in unittest; its assertions, and their texts."""

from __future__ import annotations

import unittest
from typing import Any

import pytest

from amocrm import AmoCRMError, ConfigurationError
from amocrm.testing import sandbox
from amocrm.testing.creations import KINDS


class TestOrders(unittest.TestCase):
    """As the users of unittest write it; pytest runs it, too."""

    def setUp(self) -> None:
        opened = sandbox(account="shop.kommo.com", rps=7, plan="advanced")
        self.sandbox = opened.__enter__()
        self.addCleanup(opened.__exit__, None, None, None)
        self.crm = self.sandbox.client()

    def test_an_order(self) -> None:
        received: list[str] = []

        def app(environ: Any, start_response: Any) -> list[bytes]:
            received.append(environ["PATH_INFO"])
            start_response("200 OK", [])
            return []

        self.sandbox.webhooks.subscribe(app, "add_lead", path="/in")
        self.crm.leads.create({"name": "Order"})
        self.sandbox.webhooks.deliver()
        assert received == ["/in"]
        assert [one["name"] for one in self.sandbox.created("leads")] == ["Order"]
        self.sandbox.assert_no_refusals()

    def test_the_next_one_begins_anew(self) -> None:
        assert self.sandbox.created("leads") == []
        assert self.crm.connection.host == "shop.kommo.com"


def test_tokens_of_the_client_expire_by_the_clock() -> None:
    with sandbox() as portal:
        crm = portal.client()
        crm.account.get()
        assert portal.counters["grants.refresh"] == 0
        portal.clock.advance(86_400)
        crm.account.get()
        assert portal.counters["grants.refresh"] == 1
        assert [one.path for one in portal.calls] == ["/api/v4/account"] * 2
        assert len(portal.log) == 3


def test_a_client_of_your_own_settings() -> None:
    with sandbox() as portal:
        other = portal.add_account("other")
        crm = portal.client({"access_token": portal.issue_long_lived(other)}, account=other)
        assert crm.account.get()["subdomain"] == "other"
        assert [one.account for one in portal.calls] == ["other"]


def test_clients_are_closed_at_the_end() -> None:
    with sandbox() as portal:
        crm = portal.client()
    with pytest.raises(ConfigurationError, match="closed"):
        crm.account.get()


def test_refusals_are_listed_with_their_reasons() -> None:
    with sandbox() as portal:
        crm = portal.client()
        for body in ({"name": 5}, {"price": "a lot", "status_id": 1}):
            with pytest.raises(AmoCRMError):
                crm.request.post("/api/v4/leads", [body])
        for _ in range(2):
            with pytest.raises(AmoCRMError):
                crm.request.get("/api/v4/leads/5/links")
        crm.request.get("/api/v4/leads")
        with pytest.raises(AssertionError) as caught:
            portal.assert_no_refusals()
    assert str(caught.value) == (
        "the sandbox refused 4 of 5 requests:\n"
        "  POST /api/v4/leads 400: name: This value should be of type string (InvalidType)\n"
        "  POST /api/v4/leads 400: price: This value should be of type number (InvalidType); "
        "status_id: The value you selected is not a valid choice (NotSupportedChoice)\n"
        "  GET /api/v4/leads/5/links 404: Not found (2 times)"
    )


def test_what_the_test_injected_is_no_refusal() -> None:
    with sandbox() as portal:
        crm = portal.client()
        portal.inject("server_error", times=2)
        portal.inject("too_many")
        crm.account.get()
        portal.assert_no_refusals()
        with pytest.raises(AmoCRMError):
            crm.request.get("/api/v4/leads/5/links")
        portal.assert_no_refusals(allow=[404])
        with pytest.raises(AssertionError, match="refused 1 of"):
            portal.assert_no_refusals(allow=[400])


def test_the_message_is_bounded_and_one_line_for_each_refusal() -> None:
    with sandbox() as portal:
        crm = portal.client()
        for number in range(30):
            with pytest.raises(AmoCRMError):
                crm.request.get(f"/api/v4/leads/{number}/links")
        with pytest.raises(AmoCRMError):
            crm.request.post("/api/v4/leads", [{"name": ["x\n" * 5000]}] * 50)
        with pytest.raises(AssertionError) as caught:
            portal.assert_no_refusals()
    lines = str(caught.value).splitlines()
    assert len(lines) == 22
    assert lines[-1] == "  and 11 others"
    assert max(len(line) for line in lines) < 500


def test_created_shows_what_requests_made_and_nothing_else() -> None:
    with sandbox() as portal:
        portal.add_shop()
        portal.add("leads", {"name": "By hand"})
        assert [kind for kind in KINDS if portal.created(kind)] == []
        crm = portal.client()
        lead = crm.leads.create({"name": "First"})["id"]
        crm.leads(lead).update({"price": 700})
        crm.leads.complex.create({"name": "Second", "_embedded": {"contacts": [{"name": "Ann"}]}})
        crm.leads(lead).notes.create({"note_type": "common", "params": {"text": "Hi"}})
        crm.tasks.create({"text": "Call", "complete_till": 1_800_000_000})
        crm.leads.tags.create({"name": "VIP"})
        crm.contacts.custom_fields.create({"name": "Size", "type": "text"})
        found = {kind: portal.created(kind) for kind in KINDS if portal.created(kind)}
        assert {kind: len(each) for kind, each in found.items()} == {
            "leads": 2,
            "contacts": 1,
            "tasks": 1,
            "leads/notes": 1,
            "leads/tags": 1,
            "contacts/custom_fields": 1,
        }
        assert [(one["name"], one["price"]) for one in found["leads"]] == [
            ("First", 700),
            ("Second", 0),
        ]
        assert found["leads"][1]["contacts"] == [found["contacts"][0]["id"]]
        found["leads"][0]["name"] = "changed"
        assert portal.created("leads")[0]["name"] == "First", "it is a copy"


def test_created_knows_its_kinds() -> None:
    with sandbox() as portal:
        with pytest.raises(ConfigurationError, match=r"no kind 'lead' \(did you mean 'leads'\?\)"):
            portal.created("lead")
        with pytest.raises(ConfigurationError, match="no kind 'x' \\(one of leads, contacts"):
            portal.created("x")


def test_what_was_deleted_is_not_created_any_more() -> None:
    with sandbox() as portal:
        crm = portal.client()
        first, second = (
            crm.leads.loss_reasons.create({"name": name})["id"] for name in ("Price", "Time")
        )
        crm.leads.loss_reasons.delete(second)
        crm.leads.loss_reasons.create({"name": "Taste"})
        assert [one["name"] for one in portal.created("loss_reasons")] == ["Price", "Taste"]
        assert first != second
