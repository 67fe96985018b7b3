"""Definitions and the zone: fetched through the real transport, as seldom as can be."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from amocrm import AmoCRM, ConfigurationError, UnexpectedReplyError, ValidationError
from amocrm.resources.custom_fields.choices import Multitext
from amocrm.resources.custom_fields.definitions_cache import (
    AGE,
    AGE_IN_DOUBT,
    ROOM,
    DefinitionsCache,
    read_zone,
)
from amocrm.resources.custom_fields.error_messages import explain
from amocrm.resources.patch import changes
from amocrm.sandbox import ManualClock, Sandbox
from tests.bulk.test_listing import client_of
from tests.canned import Canned, listing
from tests.contexts import way_of
from tests.processes import in_child

FIELDS = "/api/v4/leads/custom_fields"


@pytest.fixture
def client(portal: Sandbox, clock: ManualClock) -> AmoCRM:
    auth: Any = {"access_token": portal.issue_long_lived()}
    return AmoCRM("example", auth, session=portal.session(), clock=clock, rate_limiter=None)


@pytest.fixture
def schemas(client: AmoCRM, clock: ManualClock) -> DefinitionsCache:
    return DefinitionsCache(way_of(client, clock))


def add(client: AmoCRM, name: str, kind: str = "text", **more: Any) -> int:
    made = client.request.post(FIELDS, [{"name": name, "type": kind, **more}]).data
    return int(made["_embedded"]["custom_fields"][0]["id"])


def asked(portal: Sandbox, end: str = "custom_fields") -> int:
    return sum(one.method == "GET" and one.path.endswith(end) for one in portal.log)


def test_definitions_are_fetched_once_for_all_threads(
    portal: Sandbox, schemas: DefinitionsCache
) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: schemas.of("leads"), range(32)))
    assert {one.find("UTM_SOURCE").type for one in found} == {"tracking_data"}
    assert asked(portal) == 1
    schemas.of("contacts")
    schemas.of("leads")
    assert asked(portal) == 2


def test_definitions_are_renewed_when_they_are_old_or_when_it_is_asked_for(
    portal: Sandbox, schemas: DefinitionsCache, client: AmoCRM, clock: ManualClock
) -> None:
    assert schemas.held("leads") is None
    schemas.of("leads")
    number = add(client, "Region")
    held = schemas.held("leads")
    assert held is not None
    assert held.get(number) is None
    clock.advance(AGE - 1)
    assert schemas.of("leads").get(number) is None
    clock.advance(1)
    assert schemas.of("leads").get(number) is not None
    assert asked(portal) == 2
    assert schemas.refresh("leads") is schemas.held("leads")
    assert asked(portal) == 3


def test_an_unknown_name_is_looked_for_again_once_in_a_minute(
    portal: Sandbox, schemas: DefinitionsCache, client: AmoCRM, clock: ManualClock
) -> None:
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="no custom field 'Region'"):
            schemas.find("leads", "Region")
    assert asked(portal) == 1
    add(client, "Region")
    clock.advance(AGE_IN_DOUBT - 1)
    with pytest.raises(ConfigurationError):
        schemas.find("leads", "Region")
    assert asked(portal) == 1
    clock.advance(1)
    assert schemas.find("leads", "Region").name == "Region"
    assert schemas.find("leads", "region").name == "Region"
    assert asked(portal) == 2


def test_a_view_sends_nothing_and_the_next_one_knows_what_it_lacked(
    portal: Sandbox, schemas: DefinitionsCache, client: AmoCRM, clock: ManualClock
) -> None:
    fields = schemas.fields("leads", {})
    number = add(client, "Region", "select", enums=ENUMS[:1])
    clock.advance(AGE_IN_DOUBT)
    calls = len(portal.log)
    with pytest.raises(ConfigurationError, match="no custom field 'Region'"):
        fields["Region"] = "north"
    assert len(portal.log) == calls
    fields = schemas.fields("leads", {})
    fields["Region"] = "north"
    assert list(fields) == ["Region"]
    assert asked(portal) == 2
    enums = [{"value": "north"}, {"value": "west"}]
    client.request.patch(f"{FIELDS}/{number}", {"enums": enums})
    clock.advance(AGE_IN_DOUBT)
    with pytest.raises(ConfigurationError, match="no choice 'west'"):
        fields["Region"] = "west"
    schemas.fields("leads", {})["Region"] = "west"
    assert asked(portal) == 3


def test_what_no_definitions_have_is_looked_for_once_in_a_minute(
    portal: Sandbox, schemas: DefinitionsCache, clock: ManualClock
) -> None:
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="no custom field 'Region'"):
            schemas.fields("leads", {})["Region"] = "north"
        clock.advance(AGE_IN_DOUBT / 3 - 1)
    assert asked(portal) == 1
    clock.advance(3)
    schemas.fields("leads", {})
    assert asked(portal) == 2
    clock.advance(AGE_IN_DOUBT)
    schemas.fields("leads", {})
    assert asked(portal) == 2


@pytest.mark.parametrize(
    "kind", ["", "tasks", "leads/", "catalogs", "catalogs/0", "catalogs/x", "../leads", None]
)
def test_an_unknown_kind_is_refused_unasked(
    portal: Sandbox, schemas: DefinitionsCache, kind: Any
) -> None:
    with pytest.raises(ConfigurationError, match="no custom fields of"):
        schemas.of(kind)
    assert portal.log == []


@pytest.mark.parametrize(("kinds", "calls"), [(ROOM, 0), (ROOM + 1, 1)])
def test_so_many_kinds_are_kept(clock: ManualClock, kinds: int, calls: int) -> None:
    server = Canned(lambda path, query: listing(path, query, [], more=False))
    client = client_of(server.session(), clock)
    schemas = DefinitionsCache(way_of(client, clock))
    for number in range(1, kinds + 1):
        schemas.of(f"catalogs/{number}")
    assert len(server.asked) == kinds
    assert repr(schemas) == f"<Schemas of {ROOM} kinds>"
    schemas.of("catalogs/1")
    assert len(server.asked) == kinds + calls


def test_the_zone_is_the_account_s_and_is_asked_for_once(
    portal: Sandbox, schemas: DefinitionsCache, clock: ManualClock
) -> None:
    assert schemas.zone() == ZoneInfo("Europe/Moscow")
    clock.advance(AGE - 1)
    schemas.zone()
    assert asked(portal, "account") == 1
    clock.advance(1)
    schemas.zone()
    assert asked(portal, "account") == 2


@pytest.mark.parametrize(
    ("settings", "hours"),
    [
        ({"timezone": "Asia/Kolkata", "timezone_offset": "+01:00"}, 5.5),
        ({"timezone": "Mars/Olympus", "timezone_offset": "-03:30"}, -3.5),
        ({"timezone": "../etc/passwd", "timezone_offset": "+0300"}, 3),
        ({"timezone": None, "timezone_offset": "+23:59"}, 23 + 59 / 60),
        ({"timezone": "", "timezone_offset": "+24:00"}, None),
        ({"timezone_offset": "+05:60"}, None),
        ({"timezone": 5, "timezone_offset": 3}, None),
        ({}, None),
    ],
)
def test_a_zone_is_read_by_its_name_else_by_its_offset(
    settings: dict[str, Any], hours: float | None
) -> None:
    zone = read_zone(settings)
    now = datetime(2024, 5, 1)
    assert (zone and zone.utcoffset(now)) == (None if hours is None else timedelta(hours=hours))


@pytest.mark.parametrize("body", [{}, {"_embedded": {}}, {"_embedded": {"datetime_settings": []}}])
def test_an_account_without_a_zone_is_told_of(clock: ManualClock, body: Any) -> None:
    client = client_of(Canned(lambda *_: body).session(), clock)
    with pytest.raises(UnexpectedReplyError, match="with no time zone"):
        DefinitionsCache(way_of(client, clock)).zone()


ENUMS = [{"value": "north", "sort": 1}, {"value": "south", "sort": 2}]
WRITTEN: dict[str, Any] = {
    "text": "a", "textarea": "b", "streetaddress": "c", "url": "https://e.org", "numeric": 5,
    "monetary": 7, "checkbox": True, "select": "north", "radiobutton": "south",
    "multiselect": ["north", "south"], "date": date(2024, 5, 1), "birthday": date(1990, 2, 3),
    "date_time": datetime(2024, 5, 1, 10, tzinfo=ZoneInfo("Europe/Moscow")),
    "smart_address": {"city": "Perm", "country": "RU"}, "legal_entity": [{"name": "OOO"}],
    "file": {"file_uuid": "u-1"}, "tracking_data": "x",
}  # fmt: skip


def test_every_type_of_a_lead_comes_back_from_the_portal_as_it_went(
    schemas: DefinitionsCache, client: AmoCRM
) -> None:
    needs: dict[str, Any] = {
        kind: {"enums": ENUMS} for kind in ("select", "radiobutton", "multiselect")
    }
    catalog = client.catalogs.create({"name": "Cars"})["id"]
    element = client.catalogs(catalog).elements.create({"name": "Van"})["id"]
    chain = [{"title": "x", "catalog_id": catalog, "parent_catalog_id": None}]
    needs |= {"monetary": {"currency": "RUB"}, "chained_list": {"chained_lists": chain}}
    linked = [{"catalog_id": catalog, "catalog_element_id": element}]
    written = {**WRITTEN, "chained_list": linked}
    for kind in written:
        add(client, f"A {kind}", kind, **needs.get(kind, {}))
    lead: dict[str, Any] = {"name": "A"}
    schemas.fields("leads", lead).update({f"A {kind}": one for kind, one in written.items()})
    made = client.request.post("/api/v4/leads", [changes({}, lead)]).data
    path = f"/api/v4/leads/{made['_embedded']['leads'][0]['id']}"
    read = client.request.get(path).data
    assert dict(schemas.fields("leads", read)) == {f"A {one}": written[one] for one in written}
    after = dict(read)
    fields = schemas.fields("leads", after)
    fields["A select"] = "south"
    del fields["A text"]
    patch = changes(read, after)
    assert len(patch["custom_fields_values"]) == 2
    client.request.patch(path, patch)
    again = client.request.get(path).data
    assert dict(schemas.fields("leads", again)) == dict(fields)
    assert changes(again, after) == {}


def test_phones_have_kinds(schemas: DefinitionsCache, client: AmoCRM) -> None:
    contact: dict[str, Any] = {}
    schemas.fields("contacts", contact)["PHONE"] = [("+7900", "MOB"), "+7901"]
    made = client.request.post("/api/v4/contacts", [contact]).data
    path = f"/api/v4/contacts/{made['_embedded']['contacts'][0]['id']}"
    fields = schemas.fields("contacts", client.request.get(path).data)
    assert fields["Телефон"] == [Multitext("+7900", "MOB"), Multitext("+7901", "WORK")]


def test_a_refusal_of_the_portal_is_explained_by_what_is_kept(
    portal: Sandbox, schemas: DefinitionsCache, client: AmoCRM
) -> None:
    number = add(client, "Region", "select", enums=ENUMS)
    item = {"field_id": number, "values": [{"value": "nort"}]}
    with pytest.raises(ValidationError) as caught:
        client.request.post("/api/v4/leads", [{"custom_fields_values": [item]}])
    calls = len(portal.log)
    assert explain(caught.value, "leads", schemas.held) is caught.value
    assert len(portal.log) == calls
    schemas.of("leads")
    told = str(explain(caught.value, "leads", schemas.held))
    assert f"'Region' ({number}) is not an allowed value, got 'nort'" in told
    assert "allowed: 'north', 'south'" in told


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_keeps_what_the_parent_has_fetched(
    portal: Sandbox, schemas: DefinitionsCache
) -> None:
    definitions, calls = schemas.of("leads"), len(portal.log)
    assert in_child(lambda: schemas.of("leads") is definitions and len(portal.log) == calls)
