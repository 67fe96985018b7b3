"""What is written is checked before anything is sent; one item is reached by its id."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, get_args

import pytest

from amocrm import AmoCRM, AmoCRMError, ConfigurationError, NotFoundError, NotOfferedError
from amocrm.resources.item_checks import closed_sets
from amocrm.resources.resource import shape_of
from amocrm.sandbox import Sandbox
from amocrm.schema import enums
from tests.resources.table import Seat, walk
from tests.resources.test_edit import MADE
from tests.resources.test_filters import client, reached


@pytest.fixture
def portal() -> Sandbox:
    return Sandbox(("example",), rps=None)


@pytest.fixture
def crm(portal: Sandbox) -> Iterator[AmoCRM]:
    with client(portal) as crm:
        yield crm


SEATS = {seat.expression: seat for seat in walk()}
WRITES = [
    (seat, verb)
    for seat in SEATS.values()
    for verb in ("create", "update")
    if hasattr(seat.kind, verb)
]
WRITTEN = pytest.mark.parametrize(
    ("seat", "verb"), WRITES, ids=[f"{seat.expression}-{verb}" for seat, verb in WRITES]
)


def write(crm: AmoCRM, seat: Seat, verb: str, item: Any) -> Any:
    method = getattr(reached(crm, seat), verb)
    return method(item) if verb == "create" else method("7", item)


@WRITTEN
@pytest.mark.parametrize("item", [None, "text", 5, [{"name": "A"}], (1,), True])
def test_what_is_no_dict_is_refused_unsent(
    crm: AmoCRM, portal: Sandbox, seat: Seat, verb: str, item: Any
) -> None:
    with pytest.raises(ConfigurationError, match="expected a dict, not"):
        write(crm, seat, verb, item)
    assert [one for one in portal.log if one.method != "GET"] == []


@WRITTEN
def test_values_of_closed_sets_are_checked_unsent(
    crm: AmoCRM, portal: Sandbox, seat: Seat, verb: str
) -> None:
    resource = reached(crm, seat)
    sets = closed_sets(type(resource), "new" if verb == "create" else "patch")
    for name, kind in sets.items():
        first = get_args(getattr(enums, kind))[0]
        with pytest.raises(ConfigurationError, match=f"{name} does not take .*did you mean"):
            write(crm, seat, verb, {name: f"{first}x"})
        with pytest.raises(ConfigurationError, match=f"{name} does not take 5"):
            write(crm, seat, verb, {name: [first, 5]})
    writes = [one for one in portal.log if one.method != "GET"]
    assert writes == []
    with client(portal, lenient=True) as lenient:
        for name in sets:
            with pytest.raises(AmoCRMError) as caught:
                write(lenient, seat, verb, {name: "tomorrow"})
            assert "does not take" not in str(caught.value)
    assert len([one for one in portal.log if one.method != "GET"]) == len(sets)


def test_the_closed_sets_are_found() -> None:
    found = {
        (seat.expression, name)
        for seat in SEATS.values()
        for what in ("new", "patch")
        for name, kind in shape_of(seat.kind, what).items()  # pyright: ignore[reportArgumentType]
        if any(word in kind for word in vars(enums) if word[0].isupper() and word != "Literal")
    }
    assert {
        ("leads.pipelines(id).statuses", "color"), ("customers.statuses", "color"),
        ("customers.segments", "color"), ("leads.tags", "color"), ("tasks", "entity_type"),
        ("leads(id).notes", "note_type"), ("webhooks", "settings"), ("calls", "direction"),
        ("catalogs", "type"), ("contacts.custom_fields", "type"),
    } <= found  # fmt: skip


def test_one_link_or_several_or_none(crm: AmoCRM, portal: Sandbox) -> None:
    lead, contact = (
        crm.leads.create({"name": "A"})["id"],
        crm.contacts.create({"name": "B"})["id"],
    )
    link: Any = {"to_entity_id": contact, "to_entity_type": "contacts"}
    assert crm.leads(lead).links.link(link)[0]["to_entity_id"] == contact
    crm.leads(lead).links.unlink(link)
    both: Any = {"entity_id": lead, **link}
    crm.leads.links.link([both])
    crm.leads.links.unlink(both)
    assert list(crm.leads(lead).links.list()) == []
    calls = len(portal.log)
    assert crm.leads(lead).links.link([]) == []
    crm.leads(lead).links.unlink([])
    slips: list[Any] = [None, "contacts", 5, [5], ["to_entity_id"], {}, {"to_entity_id": 5}]
    for bad in [*slips, {"to_entity_id": 5, "to_entity_type": "contact"}]:
        with pytest.raises(ConfigurationError):
            crm.leads(lead).links.link(bad)
    assert len(portal.log) == calls


@pytest.mark.parametrize("expression", MADE)
def test_one_item_is_read_changed_and_edited_by_its_id(crm: AmoCRM, expression: str) -> None:
    make, member, value = MADE[expression]
    resource, number = make(crm)
    one = resource(number)
    before = one.get()
    assert before == resource.get(number)
    together = {name: before[name] for name in resource._together if name in before}
    one.update({**together, member: value})
    assert one.get()[member] == value
    with one.edit() as item:
        item[member] = before[member]
    assert one.get(timeout=5, retry="never")[member] == before[member]


READ = [
    name
    for name, seat in SEATS.items()
    if hasattr(seat.kind, "get") and name not in ("account", "catalogs.products")
]


@pytest.mark.parametrize("expression", READ)
def test_every_resource_that_is_read_one_by_one_offers_it_by_id(
    crm: AmoCRM, expression: str
) -> None:
    one = reached(crm, SEATS[expression])("7")
    with pytest.raises((NotFoundError, AmoCRMError)) as caught:
        one.get()
    assert not isinstance(caught.value, ConfigurationError)


def test_what_the_resource_has_is_not_denied_to_its_item(crm: AmoCRM) -> None:
    reason = crm.leads.loss_reasons(5)
    with pytest.raises(NotOfferedError, match=r"its resource has it: delete\(5, ...\)"):
        reason.delete  # type: ignore[attr-defined] # pyright: ignore # noqa: B018
    with pytest.raises(NotOfferedError, match="leads/7 cannot be deleted through amoCRM's API"):
        crm.leads(7).delete  # type: ignore[attr-defined] # pyright: ignore # noqa: B018


def test_slips_are_errors_of_ours(crm: Any, portal: Sandbox) -> None:
    wrong: Any = [None, 5, "text", [1], {"a": 1}]
    calls = 0
    for one in wrong:
        for slip in (
            lambda one=one: crm.leads.cf([one]),
            lambda one=one: crm.leads(1).move(one),
            lambda one=one: crm.leads.save(one, one),
            lambda one=one: list(crm.leads.save_many([one])),
            lambda one=one: crm.leads(1).tags.add([one]),
            lambda one=one: crm.bots.run_legacy([one] if one else "x"),
        ):
            with pytest.raises(ConfigurationError):
                slip()
            calls += 1
    assert portal.log == []
    assert calls == 30


def test_timeouts_and_retries_are_checked_on_typed_calls(crm: AmoCRM, portal: Sandbox) -> None:
    number = crm.leads.create({"name": "A"}, timeout=5, retry="never")["id"]
    crm.leads.update(number, {"name": "B"}, timeout=5, retry="always")
    sent = len(portal.log)
    calls: list[Any] = [
        lambda **more: crm.leads.get(number, **more),
        lambda **more: crm.leads.create({"name": "A"}, **more),
        lambda **more: crm.leads.update(number, {"name": "A"}, **more),
        lambda **more: crm.account.get(**more),
        lambda **more: crm.leads.loss_reasons.delete(5, **more),
        lambda **more: crm.customers.segments.create({"name": "A"}, **more),
    ]
    for call in calls:
        for wrong in ({"timeout": -1}, {"retry": "sometimes"}):
            with pytest.raises(ConfigurationError):
                call(**wrong)
    assert len(portal.log) == sent


def test_prices_are_decimals_where_they_are_exact(crm: AmoCRM, portal: Sandbox) -> None:
    number = crm.leads.create({"name": "A", "price": Decimal("100.00")})["id"]
    assert portal.log[-1].body == [{"name": "A", "price": 100}]
    crm.leads.update(number, {"price": Decimal("99.5")})
    assert portal.log[-1].body == {"price": 99.5}
    list(crm.leads.create_many([{"name": "A", "price": Decimal(7)}]))
    assert portal.log[-1].body[0]["price"] == 7
    with crm.leads.edit(number) as lead:
        lead["price"] = Decimal(5)  # type: ignore[typeddict-item] # pyright: ignore
    assert portal.log[-1].body == {"price": 5}
    for wrong in (Decimal("NaN"), Decimal("0.1234567890123456789")):
        with pytest.raises(ConfigurationError, match="price"):
            crm.leads.create({"name": "A", "price": wrong})
