"""Every family of the table, there and back: through the sandbox, over the real transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from amocrm import (
    AmoCRM,
    ConfigurationError,
    Created,
    NotFoundError,
    Refused,
    ReplyError,
    Updated,
    ValidationError,
)
from amocrm.sandbox import Sandbox
from amocrm.schema.telephony import NewCall
from tests.resources.test_table import REFERENCE

T = TypeVar("T", bound=Callable[..., object])
COVERED: set[str] = set()


def covers(*paths: str) -> Callable[[T], T]:
    """Note which rows a test goes through."""
    COVERED.update(paths)
    return lambda test: test


@pytest.fixture
def portal() -> Sandbox:
    return Sandbox(("example",), rps=None)


@pytest.fixture
def crm(portal: Sandbox) -> Iterator[AmoCRM]:
    token = portal.issue_long_lived()
    with AmoCRM(
        "example", {"access_token": token}, session=portal.session(), rate_limiter=None
    ) as crm:
        yield crm


def test_every_row_is_covered() -> None:
    assert sorted(REFERENCE - COVERED) == []


@covers("/account")
def test_account(crm: AmoCRM) -> None:
    plain = crm.account.get()
    assert plain["subdomain"] == "example"
    assert "version" not in plain
    full = crm.account.get(with_=["version", "users_groups"])
    assert full["version"] > 0
    assert full["_embedded"]["users_groups"][0]["id"] == 0


@covers("/leads")
def test_leads(crm: AmoCRM) -> None:
    made = crm.leads.create({"name": "A", "price": 5, "request_id": "mine"})
    assert made["request_id"] == "mine"
    assert crm.leads.get(made["id"], with_=["contacts"])["price"] == 5
    changed = crm.leads.update(str(made["id"]), {"price": 6})
    assert changed["id"] == made["id"]
    outcomes = list(crm.leads.create_many([{"name": "B"}, {"name": "C"}]))
    assert all(isinstance(one, Created) for one in outcomes)
    updates = list(crm.leads.update_many([{"id": made["id"], "name": "D"}]))
    assert [type(one) for one in updates] == [Updated]
    assert [one["name"] for one in crm.leads.list(order={"id": "asc"})] == ["D", "B", "C"]
    with pytest.raises(ValidationError):
        crm.leads.create({"name": 5})  # type: ignore[typeddict-item]
    with pytest.raises(NotFoundError):
        crm.leads.update(1, {"name": "A"})


@covers("/contacts")
def test_contacts(crm: AmoCRM) -> None:
    made = crm.contacts.create({"first_name": "Anna", "last_name": "Petrova"})
    assert crm.contacts.get(made["id"])["name"] == "Anna Petrova"
    assert crm.contacts.update(made["id"], {"name": "Anna"})["name"] == "Anna"
    assert [one["id"] for one in crm.contacts.list(query="Anna")] == [made["id"]]
    with pytest.raises(NotFoundError):
        crm.contacts.get(1)


@covers("/companies")
def test_companies(crm: AmoCRM) -> None:
    made = crm.companies.create({"name": "Example"})
    assert crm.companies.update(made["id"], {"name": "Example Ltd"})["name"] == "Example Ltd"
    assert [one["name"] for one in crm.companies.list()] == ["Example Ltd"]
    with pytest.raises(NotFoundError):
        crm.companies.get(1)


@covers("/leads/complex")
def test_complex_leads(crm: AmoCRM) -> None:
    made = crm.leads.complex.create(
        {"name": "A", "_embedded": {"contacts": [{"first_name": "Anna"}]}}
    )
    assert made["merged"] is False
    assert made["contact_id"] is not None
    assert crm.contacts.get(made["contact_id"])["first_name"] == "Anna"


@covers("/leads/unsorted", "/leads/unsorted/forms", "/leads/unsorted/sip")
def test_unsorted(crm: AmoCRM) -> None:
    form = crm.leads.unsorted.forms.create({
        "source_name": "Site", "source_uid": "s-1", "metadata": {
            "form_id": "f", "form_name": "Callback", "form_page": "https://shop.example/",
            "form_sent_at": 1_700_000_000, "ip": "192.0.2.1", "referer": "",
        },
        "_embedded": {"leads": [{"name": "From the site"}], "contacts": [{"name": "Anna"}]},
    })  # fmt: skip
    assert crm.leads.unsorted.get(form["uid"])["category"] == "forms"
    done = crm.leads.unsorted(form["uid"]).accept()
    assert crm.leads.get(done["_embedded"]["leads"][0]["id"])["name"] == "From the site"
    call = crm.leads.unsorted.calls.create({
        "source_name": "Phone", "source_uid": "p-1", "metadata": {
            "from": "79990000000", "phone": "79990000001", "called_at": 1_700_000_000,
            "duration": 60, "link": "https://pbx.example/1.mp3", "service_code": "pbx",
            "uniq": "u-1", "is_call_event_needed": True,
        },
        "_embedded": {"leads": [{"name": "From a call"}]},
    })  # fmt: skip
    assert [one["uid"] for one in crm.leads.unsorted.list(filter={"category": ["sip"]})] == [
        call["uid"]
    ]
    assert crm.leads.unsorted(call["uid"]).decline()["uid"] == call["uid"]
    summary = crm.leads.unsorted.summary()
    assert (summary["accepted"], summary["declined"]) == (1, 1)
    with pytest.raises(NotFoundError):
        crm.leads.unsorted("nothing").accept()


@covers("/leads/pipelines", "/leads/pipelines/{id}/statuses")
def test_pipelines_and_stages(crm: AmoCRM) -> None:
    made = crm.leads.pipelines.create(
        {"name": "Repairs", "sort": 20, "is_main": False, "is_unsorted_on": True}
    )
    assert made["name"] == "Repairs"
    stages = crm.leads.pipelines(made["id"]).statuses
    stage = stages.create({"name": "Agreed", "sort": 30, "color": "#fffeb2"})
    assert stages.update(stage["id"], {"name": "Signed"})["name"] == "Signed"
    assert stages.get(stage["id"], with_=["descriptions"])["name"] == "Signed"
    assert "Signed" in [one["name"] for one in stages.list()]
    stages.delete(stage["id"])
    assert crm.leads.pipelines.update(made["id"], {"name": "Service"})["name"] == "Service"
    assert len(list(crm.leads.pipelines.list())) == crm.leads.pipelines.list().count()
    crm.leads.pipelines.delete(made["id"])
    assert made["id"] not in [one["id"] for one in crm.leads.pipelines.list()]


@covers("/leads/loss_reasons")
def test_loss_reasons(crm: AmoCRM) -> None:
    made = crm.leads.loss_reasons.create({"name": "Too dear", "sort": 1})
    assert crm.leads.loss_reasons.update(made["id"], {"name": "Dear"})["name"] == "Dear"
    assert crm.leads.loss_reasons.get(made["id"])["name"] == "Dear"
    assert [one["id"] for one in crm.leads.loss_reasons.list()] == [made["id"]]
    crm.leads.loss_reasons.delete(made["id"])
    with pytest.raises(NotFoundError):
        crm.leads.loss_reasons.get(made["id"])


@covers("/contacts/chats")
def test_chats_of_contacts(crm: AmoCRM, portal: Sandbox) -> None:
    contact = crm.contacts.create({"name": "Anna"})["id"]
    chat = "5c7b6a0e-0000-4000-8000-000000000001"
    portal.account().shelf("chats")[chat] = {}
    made = crm.contacts.chats.create({"contact_id": contact, "chat_id": chat})
    assert made["chat_id"] == chat
    found = list(crm.contacts.chats.list(params={"contact_id": contact}))
    assert [one["chat_id"] for one in found] == [chat]


@covers("/catalogs", "/catalogs/{id}/elements")
def test_catalogs_and_elements(crm: AmoCRM) -> None:
    made = crm.catalogs.create({"name": "Cars"})
    assert made["type"] == "regular"
    assert crm.catalogs.update(made["id"], {"name": "Vans"})["name"] == "Vans"
    assert crm.catalogs.get(made["id"])["name"] == "Vans"
    assert made["id"] in [one["id"] for one in crm.catalogs.list()]
    elements = crm.catalogs(made["id"]).elements
    first = elements.create({"name": "Transit"})
    assert elements.update(first["id"], {"name": "Sprinter"})["name"] == "Sprinter"
    assert elements.get(first["id"])["catalog_id"] == made["id"]
    assert [one["name"] for one in elements.list(query="Sprint")] == ["Sprinter"]
    assert [type(one) for one in elements.create_many([{"name": "A"}, {"name": "B"}])] == [
        Created,
        Created,
    ]


@covers("/catalogs/products/settings")
def test_products_settings(crm: AmoCRM) -> None:
    assert crm.catalogs.products.set(is_enabled=True)["is_enabled"] is True
    assert crm.catalogs.products.get()["is_enabled"] is True


ENTITIES = pytest.mark.parametrize("kind", ["leads", "contacts", "companies", "customers"])


def new(crm: AmoCRM, kind: str) -> int:
    if kind == "customers":
        crm.customers.mode.set("segments", is_enabled=True)
    number: int = getattr(crm, kind).create({"name": "One"})["id"]
    return number


@covers(*(f"/{kind}{path}" for kind in ("leads", "contacts", "companies", "customers")
          for path in ("/links", "/{id}/links")))  # fmt: skip
@pytest.mark.parametrize(
    ("kind", "other"),
    [
        ("leads", "contacts"),
        ("contacts", "companies"),
        ("companies", "customers"),
        ("customers", "contacts"),
    ],
)
def test_links(crm: AmoCRM, kind: str, other: str) -> None:
    one, two = new(crm, kind), new(crm, other)
    family = getattr(crm, kind)
    family(one).links.link([{"to_entity_id": two, "to_entity_type": other}])
    assert [link["to_entity_id"] for link in family(one).links.list()] == [two]
    assert [link["entity_id"] for link in family.links.list(filter={"entity_id": [one]})] == [one]
    family.links.unlink([{"entity_id": one, "to_entity_id": two, "to_entity_type": other}])
    assert list(family(one).links.list()) == []
    family.links.link([{"entity_id": one, "to_entity_id": two, "to_entity_type": other}])
    family(one).links.unlink([{"to_entity_id": two, "to_entity_type": other}])
    assert list(family(one).links.list()) == []


@covers(*(f"/{kind}{path}" for kind in ("leads", "contacts", "companies", "customers")
          for path in ("/notes", "/{id}/notes")))  # fmt: skip
@ENTITIES
def test_notes(crm: AmoCRM, kind: str) -> None:
    one = new(crm, kind)
    family = getattr(crm, kind)
    made = family(one).notes.create({"note_type": "common", "params": {"text": "A"}})
    assert made["entity_id"] == one
    family(one).notes.update(made["id"], {"note_type": "common", "params": {"text": "B"}})
    assert family.notes.get(made["id"])["params"]["text"] == "B"
    other = family.notes.create({"entity_id": one, "note_type": "common", "params": {"text": "C"}})
    assert [note["id"] for note in family(one).notes.list(order={"id": "asc"})] == [
        made["id"],
        other["id"],
    ]
    family.notes.pin(made["id"])
    assert family.notes.get(made["id"], with_=["is_pinned"])["is_pinned"] is True
    family.notes.unpin(made["id"])
    assert family.notes.get(made["id"], with_=["is_pinned"])["is_pinned"] is False


@covers(*(f"/{kind}/tags" for kind in ("leads", "contacts", "companies", "customers")))
@ENTITIES
def test_tags(crm: AmoCRM, kind: str) -> None:
    one = new(crm, kind)
    family = getattr(crm, kind)

    def names() -> list[str]:
        return sorted(tag["name"] for tag in family.get(one)["_embedded"]["tags"])

    made = family.tags.create({"name": "vip"})
    assert [tag["id"] for tag in family.tags.list(query="vi")] == [made["id"]]
    family(one).tags.add(made["id"], "new")
    assert names() == ["new", "vip"]
    family(one).tags.remove("vip")
    assert names() == ["new"]
    family(one).tags.set("a", "b")
    assert names() == ["a", "b"]
    family(one).tags.set()
    assert names() == []


FIELDS = pytest.mark.parametrize(
    "where", ["leads", "contacts", "companies", "customers", "catalogs", "segments"]
)


@covers(
    *(f"/{kind}{path}" for kind in ("leads", "contacts", "companies", "customers", "catalogs/{id}")
      for path in ("/custom_fields", "/custom_fields/groups")),
    "/customers/segments/custom_fields",
)  # fmt: skip
@FIELDS
def test_custom_fields(crm: AmoCRM, where: str) -> None:
    family: Any = getattr(crm, where, None) or crm.customers.segments
    if where == "catalogs":
        family = crm.catalogs(crm.catalogs.create({"name": "Cars"})["id"])
    if where in ("customers", "segments"):
        crm.customers.mode.set("segments", is_enabled=True)
    fields = family.custom_fields
    made = fields.create({"name": "Region", "type": "select", "enums": [{"value": "north"}]})
    assert made["enums"][0]["value"] == "north"
    assert fields.update(made["id"], {"name": "Area"})["name"] == "Area"
    assert fields.get(made["id"])["name"] == "Area"
    assert made["id"] in [one["id"] for one in fields.list(filter={"type": ["select"]})]
    if where != "segments":
        group = fields.groups.create({"name": "More", "sort": 2})
        assert fields.groups.update(group["id"], {"name": "Most"})["name"] == "Most"
        assert fields.groups.get(group["id"])["name"] == "Most"
        assert group["id"] in [one["id"] for one in fields.groups.list()]
        fields.groups.delete(group["id"])
        with pytest.raises(NotFoundError):
            fields.groups.get(group["id"])
    fields.delete(made["id"])
    with pytest.raises(NotFoundError):
        fields.get(made["id"])


@covers("/tasks")
def test_tasks(crm: AmoCRM) -> None:
    lead = crm.leads.create({"name": "A"})["id"]
    made = crm.tasks.create(
        {"text": "Call", "complete_till": 1_800_000_000, "entity_id": lead, "entity_type": "leads"}
    )
    assert crm.tasks.get(made["id"])["is_completed"] is False
    crm.tasks(made["id"]).complete("Called")
    assert crm.tasks.get(made["id"])["result"] == {"text": "Called"}
    found = crm.tasks.list(filter={"entity_type": "leads", "entity_id": [lead], "is_completed": 1})
    assert [one["id"] for one in found] == [made["id"]]
    crm.tasks.update(made["id"], {"is_completed": False})
    crm.tasks(made["id"]).complete()
    assert crm.tasks.get(made["id"])["is_completed"] is True


@covers("/events", "/events/types")
def test_events(crm: AmoCRM) -> None:
    lead = crm.leads.create({"name": "A"})["id"]
    events = list(crm.events.list(filter={"type": ["lead_added"]}, with_=["lead_name"]))
    assert [one["entity_id"] for one in events] == [lead]
    assert crm.events.get(events[0]["id"])["type"] == "lead_added"
    kinds = crm.events.types.list(params={"language_code": "ru"})
    assert "lead_added" in [one["key"] for one in kinds]


@covers("/customers", "/customers/mode")
def test_customers(crm: AmoCRM) -> None:
    assert crm.customers.mode.set("segments", is_enabled=True)["mode"] == "segments"
    made = crm.customers.create({"name": "Anna", "next_price": 100})
    assert crm.customers.get(made["id"], with_=["contacts"])["next_price"] == 100
    crm.customers.update(made["id"], {"next_price": 200})
    assert [one["next_price"] for one in crm.customers.list()] == [200]
    with pytest.raises(NotFoundError):
        crm.customers.get(1)


@covers("/customers/transactions", "/customers/{id}/transactions", "/customers/{id}/bonus_points")
def test_purchases_and_bonus_points(crm: AmoCRM) -> None:
    customer = new(crm, "customers")
    made = crm.customers(customer).transactions.create({"price": 100, "comment": "first"})
    assert crm.customers(customer).transactions.get(made["id"])["price"] == 100
    assert crm.customers.transactions.get(made["id"])["comment"] == "first"
    assert [one["id"] for one in crm.customers.transactions.list()] == [made["id"]]
    assert [one["id"] for one in crm.customers(customer).transactions.list()] == [made["id"]]
    assert crm.customers(customer).bonus_points.earn(50) == 50
    assert crm.customers(customer).bonus_points.redeem(20) == 30
    crm.customers.transactions.delete(made["id"])
    assert list(crm.customers.transactions.list()) == []


@covers("/customers/statuses")
def test_stages_of_customers(crm: AmoCRM) -> None:
    crm.customers.mode.set("periodicity", is_enabled=True)
    made = crm.customers.statuses.create({"name": "Waits", "sort": 30})
    assert crm.customers.statuses.update(made["id"], {"name": "Thinks"})["name"] == "Thinks"
    assert crm.customers.statuses.get(made["id"])["name"] == "Thinks"
    assert made["id"] in [one["id"] for one in crm.customers.statuses.list()]
    crm.customers.statuses.delete(made["id"])
    assert made["id"] not in [one["id"] for one in crm.customers.statuses.list()]


@covers("/customers/segments")
def test_segments(crm: AmoCRM) -> None:
    crm.customers.mode.set("segments", is_enabled=True)
    made = crm.customers.segments.create({"name": "Often", "color": "10599d"})
    assert crm.customers.segments.update(made["id"], {"name": "Rarely"})["name"] == "Rarely"
    assert crm.customers.segments.get(made["id"])["name"] == "Rarely"
    assert [one["id"] for one in crm.customers.segments.list()] == [made["id"]]
    crm.customers.segments.delete(made["id"])
    assert list(crm.customers.segments.list()) == []


RIGHTS = {"view": "A", "edit": "A", "add": "A", "delete": "A", "export": "A"}


@covers("/users", "/roles")
def test_users_and_roles(crm: AmoCRM) -> None:
    made = crm.users.create(
        {"name": "Boris", "email": "boris@example.com", "password": "Secret1", "lang": "ru"}
    )
    assert crm.users.get(made["id"], with_=["role"])["email"] == "boris@example.com"
    assert made["id"] in [one["id"] for one in crm.users.list(with_=["group"])]
    crm.users.deactivate(made["id"])
    crm.users.activate(made["id"])
    role = crm.roles.create(
        {
            "name": "Guest",
            "rights": {"leads": RIGHTS, "contacts": RIGHTS, "companies": RIGHTS},  # type: ignore[typeddict-item]
        }
    )
    assert crm.roles.update(role["id"], {"name": "Guests"})["name"] == "Guests"
    assert crm.roles.get(role["id"], with_=["users"])["name"] == "Guests"
    assert role["id"] in [one["id"] for one in crm.roles.list()]
    crm.roles.delete(role["id"])
    assert role["id"] not in [one["id"] for one in crm.roles.list()]


@covers("/webhooks")
def test_webhooks(crm: AmoCRM) -> None:
    there = "https://shop.example/hook"
    made = crm.webhooks.create({"destination": there, "settings": ["add_lead"]})
    assert made["settings"] == ["add_lead"]
    assert [one["id"] for one in crm.webhooks.list(filter={"destination": there})] == [made["id"]]
    crm.webhooks.delete(there)
    assert list(crm.webhooks.list()) == []
    with pytest.raises(NotFoundError):
        crm.webhooks.delete(there)


@covers("/widgets")
def test_widgets(crm: AmoCRM) -> None:
    widget = next(iter(crm.widgets.list()))
    template = widget["settings_template"]
    settings = {one["key"]: "x" for one in template if one["type"] in ("text", "pass")}
    assert crm.widgets.install(widget["code"], settings)["code"] == widget["code"]
    assert crm.widgets.get(widget["code"])["is_active_in_account"] is True
    crm.widgets.delete(widget["code"])
    with pytest.raises(NotFoundError):
        crm.widgets.get("no_such_widget")


@covers("/calls")
def test_calls(crm: AmoCRM) -> None:
    contact = crm.contacts.create({
        "name": "Anna",
        "custom_fields_values": [
            {"field_code": "PHONE", "values": [{"value": "+79990000000", "enum_code": "WORK"}]}
        ],
    })["id"]  # fmt: skip
    made = crm.calls.create(
        {"direction": "inbound", "duration": 60, "source": "pbx", "phone": "+79990000000"}
    )
    assert (made["entity_type"], made["entity_id"]) == ("contact", contact)
    assert crm.contacts.notes.get(made["id"])["note_type"] == "call_in"


@covers("/sources")
def test_sources(crm: AmoCRM) -> None:
    made = crm.sources.create({"name": "Site", "external_id": "s-1"})
    assert crm.sources.update(made["id"], {"name": "Shop"})["name"] == "Shop"
    assert crm.sources.get(made["id"])["name"] == "Shop"
    assert [one["id"] for one in crm.sources.list(filter={"external_id": "s-1"})] == [made["id"]]
    other = crm.sources.create({"name": "Other", "external_id": "s-2"})
    crm.sources.delete(made["id"])
    crm.sources.delete_many(other["id"])
    assert list(crm.sources.list()) == []


@covers("/website_buttons")
def test_website_buttons(crm: AmoCRM) -> None:
    pipeline = next(iter(crm.leads.pipelines.list()))["id"]
    made = crm.website_buttons.create(
        {"pipeline_id": pipeline, "trusted_websites": ["shop.example"]}
    )
    number = made["source_id"]
    assert crm.website_buttons.get(number, with_=["scripts"])["source_id"] == number
    crm.website_buttons.update(number, {"trusted_websites": {"add": ["two.example"]}})
    crm.website_buttons(number).add_online_chat()
    assert [one["source_id"] for one in crm.website_buttons.list()] == [number]
    with pytest.raises(NotFoundError):
        crm.website_buttons.get(1)


@covers("/short_links")
def test_short_links(crm: AmoCRM) -> None:
    contact = crm.contacts.create({"name": "Anna"})["id"]
    meta = {"entity_type": "contacts", "entity_id": contact}
    made = crm.short_links.create({"url": "https://shop.example/", "metadata": meta})  # type: ignore[typeddict-item]
    assert made["metadata"]["entity_id"] == contact
    assert made["url"] != "https://shop.example/"


@covers("/chats/templates")
def test_chat_templates(crm: AmoCRM) -> None:
    made = crm.chat_templates.create({"name": "Hello", "content": "Hello, {{contact.name}}"})
    assert crm.chat_templates.update(made["id"], {"name": "Hi"})["name"] == "Hi"
    assert crm.chat_templates.get(made["id"], with_=["reviews"])["name"] == "Hi"
    assert [one["id"] for one in crm.chat_templates.list()] == [made["id"]]
    other = crm.chat_templates.create({"name": "Bye", "content": "Bye"})
    crm.chat_templates.delete(made["id"])
    crm.chat_templates.delete_many(other["id"])
    assert list(crm.chat_templates.list()) == []


@covers("/currencies")
def test_currencies(crm: AmoCRM) -> None:
    assert "RUB" in [one["code"] for one in crm.currencies.list()]


@covers("/leads/{id}/subscriptions", "/customers/{id}/subscriptions")
@pytest.mark.parametrize("kind", ["leads", "customers"])
def test_subscriptions(crm: AmoCRM, kind: str) -> None:
    one = new(crm, kind)
    found = list(getattr(crm, kind)(one).subscriptions.list())
    assert all(follower["type"] in ("user", "group") for follower in found)


@covers("/talks")
def test_talks(crm: AmoCRM, portal: Sandbox) -> None:
    number = portal.add("talks", {})
    assert crm.talks.get(number)["is_in_work"] is True
    crm.talks(number).close(force=True)
    assert crm.talks.get(number)["is_in_work"] is False
    with pytest.raises(NotFoundError):
        crm.talks.get(1)


@pytest.fixture
def kommo() -> Sandbox:
    return Sandbox(("shop.kommo.com",), rps=None)


@covers("/bots")
def test_bots_of_kommo(kommo: Sandbox) -> None:
    token = kommo.issue_long_lived()
    bot = kommo.add("bots", {"name": "Seller"})
    with AmoCRM("shop.kommo.com", {"access_token": token}, session=kommo.session()) as crm:
        lead = crm.leads.create({"name": "A"})["id"]
        assert crm.bots.get(bot, with_=["favorite"])["name"] == "Seller"
        assert bot in [one["id"] for one in crm.bots.list(filter={"id": [bot]})]
        crm.bots(bot).run(lead)
        assert (bot, "leads", lead) in kommo.account().shelf("runs")
        crm.bots(bot).stop(lead)
        assert (bot, "leads", lead) not in kommo.account().shelf("runs")
        crm.bots.run_many([{"bot_id": bot, "entity_id": lead, "entity_type": "leads"}])
        assert (bot, "leads", lead) in kommo.account().shelf("runs")


def test_bots_of_amocrm_are_run_the_old_way(crm: AmoCRM, portal: Sandbox) -> None:
    bot, lead = portal.add("bots", {}), crm.leads.create({"name": "A"})["id"]
    crm.bots.run_legacy([{"bot_id": bot, "entity_id": lead, "entity_type": "leads"}])
    assert (bot, "leads", lead) in portal.account().shelf("runs")
    with pytest.raises(ConfigurationError, match="cannot be run for 'lead'"):
        crm.bots.run_legacy([{"bot_id": bot, "entity_id": lead, "entity_type": "lead"}])  # type: ignore[typeddict-item]


def test_a_waiting_bot_goes_on(crm: AmoCRM, portal: Sandbox) -> None:
    bot = portal.add("bots", {})
    number = portal.add("waiting", {"bot_id": bot, "kind": "salesbot"})
    crm.widgets.resume("salesbot", bot, number, {"data": {"status": "ok"}})
    with pytest.raises(ReplyError):
        crm.widgets.resume("salesbot", bot, number, {"data": {}})


def test_a_call_from_a_stranger_is_refused(crm: AmoCRM) -> None:
    call: NewCall = {
        "direction": "inbound",
        "duration": 6,
        "source": "pbx",
        "phone": "+79990000009",
    }
    with pytest.raises(ReplyError, match=r"calls returned 400.*belongs to no contact"):
        crm.calls.create(call)
    (outcome,) = crm.calls.create_many([call])
    assert isinstance(outcome, Refused)


@covers("/files")
def test_files(crm: AmoCRM) -> None:
    file = crm.drive.upload(b"Contract", name="contract.txt")
    assert crm.drive.get(file["uuid"])["size"] == len(b"Contract")
    assert [one["uuid"] for one in crm.drive.list()] == [file["uuid"]]
    crm.drive.delete(file["uuid"])
    assert list(crm.drive.list()) == []


@covers(*(f"/{kind}/{{id}}/files" for kind in ("leads", "contacts", "companies", "customers")))
@ENTITIES
def test_files_of_entities(crm: AmoCRM, kind: str) -> None:
    one = new(crm, kind)
    uuid = crm.drive.upload(b"Contract", name="contract.txt")["uuid"]
    family = getattr(crm, kind)
    family(one).files.attach(uuid)
    assert [file["file_uuid"] for file in family(one).files.list()] == [uuid]
    family(one).files.detach(uuid)
    assert list(family(one).files.list()) == []


@pytest.mark.parametrize(
    ("kind", "entity"),
    [("leads", "lead"), ("contacts", "contact"), ("companies", "company")],
)
def test_events_of_one_entity(crm: AmoCRM, portal: Sandbox, kind: str, entity: str) -> None:
    place = getattr(crm, kind)
    first, second = (place.create({"name": name})["id"] for name in ("A", "B"))
    place.update(first, {"tags_to_add": [{"name": "new"}]})
    found = list(place(first).events())
    assert {(one["entity_type"], one["entity_id"]) for one in found} == {(entity, first)}
    assert {one["type"] for one in found} == {f"{entity}_added", "entity_tag_added"}
    (tagged,) = place(str(first)).events(filter={"type": ["entity_tag_added"]})
    assert tagged["value_after"] == [{"tag": {"name": "new"}}]
    assert len(list(place(second).events())) == 1
    calls = len(portal.log)
    with pytest.raises(ConfigurationError, match="set 'entity_id' by themselves"):
        place(first).events(filter={"entity_id": second})
    assert len(portal.log) == calls
