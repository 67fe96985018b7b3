"""`with crm.leads.edit(42) as lead`: read, changed in a block, the difference sent once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from amocrm import (
    AmoCRM,
    ConfigurationError,
    ConflictError,
    NotFoundError,
    Refused,
    ValidationError,
)
from amocrm.resources.patch import edited
from amocrm.resources.resource import members
from amocrm.sandbox import ManualClock, Sandbox
from tests.resources.table import walk


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def portal(clock: ManualClock) -> Sandbox:
    return Sandbox(("example",), rps=None, clock=clock)


@pytest.fixture
def crm(portal: Sandbox, clock: ManualClock) -> Iterator[AmoCRM]:
    token = portal.issue_long_lived()
    with AmoCRM(
        "example", {"access_token": token}, session=portal.session(), rate_limiter=None, clock=clock
    ) as crm:
        yield crm


EDITABLE = {
    seat.expression: seat.kind
    for seat in walk()
    if hasattr(seat.kind, "get") and hasattr(seat.kind, "update")
}

Make = Callable[[AmoCRM], tuple[Any, Any]]


def named(reach: Callable[[AmoCRM], Any], **more: Any) -> Make:
    """Make an item with a name; return its resource and its id."""

    def make(crm: AmoCRM) -> tuple[Any, Any]:
        resource = reach(crm)
        return resource, resource.create({"name": "One", **more})["id"]

    return make


def customers(crm: AmoCRM, mode: Any = "segments") -> Any:
    crm.customers.mode.set(mode, is_enabled=True)
    return crm.customers


def catalog(crm: AmoCRM) -> Any:
    return crm.catalogs(crm.catalogs.create({"name": "Cars"})["id"])


def note(reach: Callable[[AmoCRM], Any], below: str) -> Make:
    def make(crm: AmoCRM) -> tuple[Any, Any]:
        resource = reach(crm)
        number = resource.create({"name": "One"})["id"]
        notes = resource(number).notes
        made = notes.create({"note_type": "common", "params": {"text": "one"}})
        return (notes if below else resource.notes), made["id"]

    return make


def task(crm: AmoCRM) -> tuple[Any, Any]:
    return crm.tasks, crm.tasks.create({"text": "Call", "complete_till": 1_800_000_000})["id"]


def file(crm: AmoCRM) -> tuple[Any, Any]:
    return crm.drive, crm.drive.upload(b"Contract", name="contract.txt")["uuid"]


def button(crm: AmoCRM) -> tuple[Any, Any]:
    pipeline = next(iter(crm.leads.pipelines.list()))["id"]
    made = crm.website_buttons.create({"pipeline_id": pipeline, "trusted_websites": ["a.example"]})
    return crm.website_buttons, made["source_id"]


ENTITIES: dict[str, Callable[[AmoCRM], Any]] = {
    "leads": lambda crm: crm.leads,
    "contacts": lambda crm: crm.contacts,
    "companies": lambda crm: crm.companies,
    "customers": customers,
}
WITH_FIELDS = {**ENTITIES, "catalogs(id)": catalog}


def segments(crm: AmoCRM) -> Any:
    return customers(crm).segments


def fields_of(reach: Callable[[AmoCRM], Any]) -> Callable[[AmoCRM], Any]:
    return lambda crm: reach(crm).custom_fields


def groups_of(reach: Callable[[AmoCRM], Any]) -> Callable[[AmoCRM], Any]:
    return lambda crm: reach(crm).custom_fields.groups


PIPELINE = {"sort": 20, "is_main": False, "is_unsorted_on": True}
NOTE = ("params", {"text": "two"})

MADE: dict[str, tuple[Make, str, Any]] = {
    **{name: (named(reach), "name", "Two") for name, reach in ENTITIES.items()},
    **{f"{name}.notes": (note(reach, ""), *NOTE) for name, reach in ENTITIES.items()},
    **{f"{name}(id).notes": (note(reach, "below"), *NOTE) for name, reach in ENTITIES.items()},
    **{
        f"{name}.custom_fields": (named(fields_of(reach), type="text"), "name", "Two")
        for name, reach in [*WITH_FIELDS.items(), ("customers.segments", segments)]
    },
    **{
        f"{name}.custom_fields.groups": (named(groups_of(reach), sort=2), "name", "Two")
        for name, reach in WITH_FIELDS.items()
    },
    "leads.pipelines": (named(lambda crm: crm.leads.pipelines, **PIPELINE), "name", "Two"),
    "leads.pipelines(id).statuses": (
        named(
            lambda crm: crm.leads.pipelines(
                crm.leads.pipelines.create({"name": "P", **PIPELINE})["id"]  # type: ignore[typeddict-item]
            ).statuses,
            sort=20,
        ),
        "color", "#c1e0ff",
    ),
    "leads.loss_reasons": (named(lambda crm: crm.leads.loss_reasons), "name", "Two"),
    "customers.statuses": (
        named(lambda crm: customers(crm, "periodicity").statuses, sort=20), "name", "Two"
    ),
    "customers.segments": (named(segments), "name", "Two"),
    "catalogs": (named(lambda crm: crm.catalogs), "name", "Two"),
    "catalogs(id).elements": (named(lambda crm: catalog(crm).elements), "name", "Two"),
    "tasks": (task, "text", "Write"),
    "roles": (named(lambda crm: crm.roles, rights={}), "name", "Two"),
    "chat_templates": (named(lambda crm: crm.chat_templates, content="Hi"), "content", "Bye"),
    "sources": (named(lambda crm: crm.sources, external_id="s-1"), "name", "Two"),
    "website_buttons": (button, "name", "Two"),
    "drive": (file, "name", "invoice"),
}  # fmt: skip


def test_every_resource_that_is_read_and_changed_one_by_one_can_be_edited() -> None:
    assert [name for name, kind in EDITABLE.items() if not hasattr(kind, "edit")] == []
    assert set(MADE) == set(EDITABLE)


class Since:
    """What a sandbox was asked for since this was made."""

    def __init__(self, portal: Sandbox) -> None:
        self._portal = portal
        self._start = len(portal.log)

    @property
    def methods(self) -> list[str]:
        return [one.method for one in self._portal.log[self._start :]]


@pytest.mark.parametrize("expression", MADE)
def test_one_patch_carries_the_difference_and_no_difference_sends_nothing(
    crm: AmoCRM, portal: Sandbox, expression: str
) -> None:
    make, member, value = MADE[expression]
    resource, number = make(crm)
    whole = resource.get(number)
    sent = Since(portal)
    with resource.edit(number) as same:
        assert same == whole
    assert sent.methods == ["GET"]
    with resource.edit(number) as item:
        item[member] = value
    assert sent.methods == ["GET", "GET", "PATCH"]
    changed = resource.get(number)
    assert changed[member] == value
    sent = Since(portal)
    with resource.edit(changed) as item:
        item[member] = whole[member]
    assert sent.methods == ["PATCH"]
    assert resource.get(number)[member] == whole[member]


@pytest.mark.parametrize("expression", MADE)
def test_what_the_server_sets_is_refused_unsent(
    crm: AmoCRM, portal: Sandbox, expression: str
) -> None:
    make, _, _ = MADE[expression]
    resource, number = make(crm)
    item = resource.get(number)
    read_only = sorted(
        (members(type(resource), "item") - members(type(resource), "patch")) & set(item)
    )
    calls = len(portal.log)
    for name in {*read_only, resource._id_name}:
        with pytest.raises(ConfigurationError, match=f"'{name}' cannot be changed"):
            with resource.edit(item) as copied:
                copied[name] = "changed"
    assert len(portal.log) == calls


@pytest.fixture
def lead(crm: AmoCRM) -> int:
    crm.leads.custom_fields.create(
        {"name": "Region", "type": "select", "enums": [{"value": "north"}, {"value": "south"}]}
    )
    made: int = crm.leads.create(
        {"name": "A", "price": 5, "_embedded": {"tags": [{"name": "site"}, {"name": "old"}]}}
    )["id"]
    return made


def named_tags(*names: str) -> Any:
    return [{"name": name} for name in names]


def tags_of(item: Any) -> list[str]:
    return sorted(tag["name"] for tag in item["_embedded"]["tags"])


def test_custom_fields_and_tags_are_changed_by_the_same_patch(
    crm: AmoCRM, portal: Sandbox, lead: int
) -> None:
    crm.leads.cf({})  # the definitions and the zone are in the cache
    sent = Since(portal)
    with crm.leads.edit(lead) as changed:
        changed["price"] = 7
        crm.leads.cf(changed)["Region"] = "north"
        changed["_embedded"]["tags"] = named_tags("site", "new")
    assert sent.methods == ["GET", "PATCH"]
    now = crm.leads.get(lead)
    assert (now["price"], crm.leads.cf(now)["Region"], tags_of(now)) == (
        7,
        "north",
        ["new", "site"],
    )
    with crm.leads.edit(lead) as changed:
        del crm.leads.cf(changed)["Region"]
        changed["tags_to_add"] = [{"name": "later"}]  # type: ignore[typeddict-unknown-key] # pyright: ignore
    now = crm.leads.get(lead)
    assert now["custom_fields_values"] is None
    assert tags_of(now) == ["later", "new", "site"]


@pytest.mark.parametrize(
    ("price", "sent"),
    [
        (99, 99),
        (Decimal(99), 99),
        (99.1, 99.1),
        (100, 100),
        (0, 0),
        (99.5, None),
        (Decimal("99.50"), None),
    ],
)
def test_a_price_is_compared_with_its_fraction(
    crm: AmoCRM, portal: Sandbox, lead: int, price: Any, sent: Any
) -> None:
    portal.account().has_minor_units = True
    crm.leads.update(lead, {"price": Decimal("99.5")})
    read: Any = crm.leads.get(lead)
    assert (read["price"], read["price_with_minor_units"]) == (99, 99.5)
    for given in (lead, read):
        calls = len(portal.log)
        with crm.leads.edit(given) as changed:
            assert changed["price"] == 99.5
            changed["price"] = price
        patches = [one.body for one in portal.log[calls:] if one.method == "PATCH"]
        assert patches == ([] if sent is None else [{"price": sent}])
        crm.leads.update(lead, {"price": 99.5})


def test_a_block_that_leaves_a_price_with_a_fraction_does_not_send_it(
    crm: AmoCRM, portal: Sandbox, lead: int
) -> None:
    portal.account().has_minor_units = True
    crm.leads.update(lead, {"price": 99.5})
    read: Any = crm.leads.get(lead)
    for given in (lead, read):
        with crm.leads.edit(given) as changed:
            changed["name"] = "B"
        assert portal.log[-1].body == {"name": "B"}
        crm.leads.update(lead, {"name": "A"})
    with pytest.raises(ConfigurationError, match="set 'price'"):
        with crm.leads.edit(lead) as changed:
            changed["price_with_minor_units"] = 7.5
    crm.leads.save(read, {"price": 99})
    assert portal.log[-1].body == {"price": 99}


def test_no_price_loses_its_fraction_without_a_word(
    crm: AmoCRM, portal: Sandbox, lead: int
) -> None:
    portal.account().has_minor_units = True
    crm.leads.update(lead, {"price": 99.5})
    read: Any = crm.leads.get(lead)
    whole: Any = {**read, "name": "B"}
    writes = [one for one in portal.log if one.method != "GET"]
    for write in (
        lambda: crm.leads.save(read, whole),
        lambda: list(crm.leads.save_many([(read, whole)])),
        lambda: crm.leads.update(lead, whole),
        lambda: crm.leads.create(whole),
    ):
        with pytest.raises(ConfigurationError, match=r"price.* 99\.5|99\.5.* price"):
            write()
    (outcome,) = crm.leads.update_many([whole])
    assert isinstance(outcome, Refused)
    assert [one for one in portal.log if one.method != "GET"] == writes
    again = crm.leads.create(crm.leads.writable(read))["id"]
    for number in (lead, again):
        assert crm.leads.get(number)["price_with_minor_units"] == 99.5
    whole["price"] = 99.5
    crm.leads.update(lead, whole)
    crm.leads.save(read, {"name": "C"})
    now: Any = crm.leads.get(lead)
    assert (now["name"], now["price_with_minor_units"]) == ("C", 99.5)


def test_an_exception_in_the_block_sends_nothing_and_goes_on(
    crm: AmoCRM, portal: Sandbox, lead: int
) -> None:
    sent = Since(portal)

    def block() -> None:
        with crm.leads.edit(lead) as changed:
            changed["price"] = 7
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        block()
    assert sent.methods == ["GET"]


def test_blocks_within_a_block_have_their_own_copies(
    crm: AmoCRM, portal: Sandbox, lead: int
) -> None:
    read = crm.leads.get(lead)
    sent = Since(portal)
    with crm.leads.edit(read) as outer:
        outer["name"] = "B"
        with crm.leads.edit(read) as inner:
            assert inner["name"] == "A"
            inner["price"] = 7
        assert outer["price"] == 5
    assert sent.methods == ["PATCH", "PATCH"]
    assert read["name"] == "A"
    now = crm.leads.get(lead)
    assert (now["name"], now["price"]) == ("B", 7)


def test_what_others_change_meanwhile_stays(crm: AmoCRM, lead: int) -> None:
    contact = crm.contacts.create({"name": "Anna"})["id"]
    with crm.contacts.edit(contact) as mine:
        crm.contacts.cf(mine)["EMAIL"] = "anna@example.com"
        with crm.contacts.edit(contact) as theirs:
            theirs["name"] = "Anna P."
            crm.contacts.cf(theirs)["PHONE"] = "+79990000000"
            theirs["_embedded"]["tags"] = named_tags("vip")
    now = crm.contacts.get(contact)
    assert now["name"] == "Anna P."
    assert tags_of(now) == ["vip"]
    assert crm.contacts.cf(now)["PHONE"][0].value == "+79990000000"
    assert crm.contacts.cf(now)["EMAIL"][0].value == "anna@example.com"


def test_an_item_without_its_custom_fields_or_tags_loses_none(
    crm: AmoCRM, portal: Sandbox, lead: int
) -> None:
    crm.leads.cf({})
    sent = Since(portal)
    with pytest.raises(ConfigurationError, match="read without its custom fields"):
        with crm.leads.edit({"id": lead}) as part:
            crm.leads.cf(part)["Region"] = "north"
    with pytest.raises(ConfigurationError, match="read without its tags"):
        with crm.leads.edit({"id": lead}) as part:
            part["_embedded"] = {"tags": [], "companies": []}
    assert sent.methods == []
    with crm.leads.edit({"id": lead}) as part:
        part["price"] = 7
    assert sent.methods == ["PATCH"]
    assert crm.leads.get(lead)["price"] == 7


def test_the_item_that_was_given_must_not_be_changed(
    crm: AmoCRM, portal: Sandbox, lead: int
) -> None:
    read = crm.leads.get(lead)
    sent = Since(portal)
    with pytest.raises(ConfigurationError, match="the block has changed the item itself"):
        with crm.leads.edit(read):
            read["price"] = 7
    assert sent.methods == []


@pytest.mark.parametrize("reach", [lambda crm: crm.leads, lambda crm: crm.leads.pipelines])
@pytest.mark.parametrize("item", [{}, {"id": None}, {"id": 0}, None, True, [1], "", -1])
def test_what_is_no_item_is_refused_before_any_call(
    crm: AmoCRM, portal: Sandbox, reach: Callable[[AmoCRM], Any], item: Any
) -> None:
    with pytest.raises(ConfigurationError, match="is a positive whole number"):
        reach(crm).edit(item)
    assert portal.log == []


def test_an_unknown_id_is_not_found(crm: AmoCRM, portal: Sandbox) -> None:
    with pytest.raises(NotFoundError), crm.leads.edit(999):
        pytest.fail("the block must not begin")
    assert [one.method for one in portal.log] == ["GET"]


def test_a_refusal_of_the_server_comes_out_of_the_block(crm: AmoCRM, lead: int) -> None:
    with pytest.raises(ValidationError), crm.leads.edit(lead) as changed:
        changed["name"] = None  # type: ignore[typeddict-item] # pyright: ignore


def test_if_unchanged_sends_nothing_after_somebody_else_s_change(
    crm: AmoCRM, portal: Sandbox, clock: ManualClock, lead: int
) -> None:
    sent = Since(portal)
    with crm.leads.edit(lead, if_unchanged=True) as changed:
        changed["price"] = 7
    assert sent.methods == ["GET", "GET", "PATCH"]
    clock.advance(1)

    def block() -> None:
        with crm.leads.edit(lead, if_unchanged=True) as changed:
            clock.advance(1)
            crm.leads.update(lead, {"name": "B"})
            changed["price"] = 8

    with pytest.raises(ConflictError, match=f"leads/{lead} was changed by somebody else"):
        block()
    now = crm.leads.get(lead)
    assert (now["name"], now["price"]) == ("B", 7)
    sent = Since(portal)
    with crm.leads.edit(now, if_unchanged=True):
        pass
    assert sent.methods == []


@pytest.mark.parametrize("expression", MADE)
def test_if_unchanged_is_refused_where_there_is_nothing_to_compare(
    crm: AmoCRM, portal: Sandbox, expression: str
) -> None:
    make, member, value = MADE[expression]
    resource, number = make(crm)
    whole = resource.get(number)
    sent = Since(portal)
    if "updated_at" in whole:
        with resource.edit(whole, if_unchanged=True) as item:
            item[member] = value
        assert sent.methods == ["GET", "PATCH"]
        with pytest.raises(ConfigurationError, match="this item has none"):
            resource.edit({resource._id_name: number}, if_unchanged=True)
    else:
        with pytest.raises(ConfigurationError, match="have no updated_at"):
            resource.edit(number, if_unchanged=True)
        assert sent.methods == []


READ = {"id": 1, "name": "A", "price": 5, "_embedded": {"tags": [], "companies": []}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ...}, "'name' was removed (set it to None to clear it)"),
        ({"id": 2}, "'id' cannot be changed: amoCRM sets it"),
        ({"_embedded": {"tags": [], "companies": [{"id": 7}]}}, "companies of an entity are"),
        ({"_embedded": {"tags": [], "companies": [], "contacts": []}}, "contacts of an entity"),
        ({"_embedded": {"companies": []}}, "the tags were removed (set them to [])"),
        ({"_embedded": ...}, "'_embedded' was removed"),
        ({"custom_fields_values": None}, "read without its custom fields"),
    ],
)
def test_what_a_patch_cannot_do_is_refused(change: dict[str, Any], words: str) -> None:
    after = copy.deepcopy(READ)
    for name, value in change.items():
        if value is ...:
            del after[name]
        else:
            after[name] = value
    with pytest.raises(ConfigurationError) as caught:
        edited(READ, after, read_only={"id"})
    assert words in str(caught.value)


def test_an_edit_sends_nulls_and_what_goes_together() -> None:
    before: dict[str, Any] = {"id": 1, "text": "A", "entity_id": 5, "entity_type": "leads"}
    together = ("entity_id", "entity_type")
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"text": None}, {"text": None}),
        ({"closed_at": None}, {"closed_at": None}),
        ({"entity_id": 6}, {"entity_id": 6, "entity_type": "leads"}),
        ({"text": "B"}, {"text": "B"}),
        ({}, {}),
    ]
    for change, patch in cases:
        after = {**before, **change}
        assert edited(before, after, read_only={"id"}, together=together) == patch
