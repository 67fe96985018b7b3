"""What is written is checked before anything is sent; one item is reached by its id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest

from amocrm import (
    AmoCRM,
    AmoCRMError,
    ConfigurationError,
    NotFoundError,
    NotOfferedError,
    Refused,
    ReplyError,
)
from amocrm.resources.item_shapes import Rules, rules_of
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
    sets = rules_of(type(resource), "new" if verb == "create" else "patch").closed_sets
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


def rules(seat: Seat, verb: str) -> Rules:
    return rules_of(seat.kind, "new" if "create" in verb else "patch")


@WRITTEN
def test_an_unknown_name_is_refused_unsent(
    crm: AmoCRM, portal: Sandbox, seat: Seat, verb: str
) -> None:
    name = next(iter(sorted(rules(seat, verb).own)))
    with pytest.raises(ConfigurationError, match=f"has no '{name}z' .did you mean '{name}'"):
        write(crm, seat, verb, {f"{name}z": 1})
    assert [one for one in portal.log if one.method != "GET"] == []
    with client(portal, lenient=True) as lenient:
        with pytest.raises(AmoCRMError):
            write(lenient, seat, verb, {f"{name}z": 1})
    assert len([one for one in portal.log if one.method != "GET"]) == 1


SHAPES = [
    (seat, verb, name, part.is_list, part.of_dicts)
    for seat, verb in WRITES
    for name, part in rules(seat, verb).parts.items()
    if name not in rules(seat, verb).closed_sets
]


@pytest.mark.parametrize(
    ("seat", "verb", "name", "is_list", "of_dicts"), SHAPES,
    ids=[f"{seat.expression}-{verb}-{name}" for seat, verb, name, *_ in SHAPES],
)  # fmt: skip
def test_a_wrong_shape_is_refused_unsent(
    crm: AmoCRM, portal: Sandbox, seat: Seat, verb: str, name: str, is_list: bool, of_dicts: bool
) -> None:
    wrong: list[Any] = [5, 1.5, True, "x"]
    wrong += [{"id": 1}] if is_list else [[5]]
    for value in [*wrong, *([["x"], [5], [None], [[]]] if is_list and of_dicts else [])]:
        with pytest.raises(ConfigurationError, match=rf"{name}(\[0\])? must be a (list|dict)"):
            write(crm, seat, verb, {name: value})
    assert [one for one in portal.log if one.method != "GET"] == []
    with client(portal, lenient=True) as lenient:
        with pytest.raises(AmoCRMError):
            write(lenient, seat, verb, {name: 5})
    assert len([one for one in portal.log if one.method != "GET"]) == 1


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"custom_fields_values": 5}, "leads: custom_fields_values must be a list of dicts, not "
         'int (custom_fields_values is [{"field_id": 900, "values": [{"value": "north"}]}])'),
        ({"custom_fields_values": {"900": "A"}}, "custom_fields_values must be a list of dicts, n"),
        ({"custom_fields_values": [{"field_id": 9, "values": "north"}]},
         'leads: custom_fields_values[0].values must be a list of dicts, not str (values is [{"'),
        ({"_embedded": 5}, 'leads: _embedded must be a dict, not int (_embedded is {"tags": [{"na'),
        ({"_embedded": {"tags": "vip"}}, "leads: _embedded.tags must be a list of dicts, not str "
         '(tags is [{"name": "vip"}])'),
        ({"_embedded": {"tags": ["vip"]}}, "leads: _embedded.tags[0] must be a dict, not str"),
        ({"_embedded": {"contacts": [31]}}, "leads: _embedded.contacts[0] must be a dict, not int"),
        ({"tags": [{"name": "vip"}]}, "leads has no 'tags' (it is a part of _embedded: {\"_embedded"
         '": {"tags": [{"name": "vip"}]}})'),
        ({"tags_to_add": "vip"}, "leads: tags_to_add must be a list of dicts, not str"),
    ],
)  # fmt: skip
def test_the_form_to_use_is_told(crm: Any, portal: Sandbox, item: Any, message: str) -> None:
    for call in (crm.leads.create, lambda item: crm.leads.update(7, item)):
        if call != crm.leads.create and "contacts" in str(item):
            continue
        with pytest.raises(ConfigurationError, match=re.escape(message)):
            call(item)
    (outcome,) = crm.leads.create_many([item])
    assert message in str(outcome.error)
    assert portal.log == []


def test_what_amocrm_takes_is_sent(crm: Any, portal: Sandbox) -> None:
    """Nulls, PHP's one empty value, tuples, and all that was read."""
    made = crm.leads.create({"name": "A", "custom_fields_values": None, "_embedded": []})["id"]
    crm.leads.update(made, {"_embedded": {"tags": ({"name": "vip"},)}})
    read = crm.leads.get(made)
    assert [one["name"] for one in read["_embedded"]["tags"]] == ["vip"]
    crm.leads.update(made, {**read, "name": "B"})
    assert crm.leads.get(made)["name"] == "B"


BULK = [
    (seat, verb)
    for seat in SEATS.values()
    for verb in ("create_many", "update_many")
    if hasattr(seat.kind, verb)
]


@pytest.mark.parametrize(
    ("seat", "verb"), BULK, ids=[f"{seat.expression}-{verb}" for seat, verb in BULK]
)
def test_each_of_many_items_is_checked_as_one_is(
    crm: AmoCRM, portal: Sandbox, seat: Seat, verb: str
) -> None:
    limits, many = rules(seat, verb), getattr(reached(crm, seat), verb)
    name = next(iter(sorted(limits.own)))
    wrong: list[Any] = [{"id": 1, f"{name}z": 1}, "text", None]
    wrong += [{"id": 1, part: 5} for part in limits.parts]
    wrong += [{"id": 1, one: ["tomorrow"]} for one in limits.closed_sets]
    wrong += [{name: 1}] if verb == "update_many" else []
    outcomes = list(many(wrong))
    assert [outcome.item for outcome in outcomes] == wrong
    for at, outcome in enumerate(outcomes):
        assert isinstance(outcome, Refused)
        assert isinstance(outcome.error, ConfigurationError)
        assert str(outcome.error).startswith(f"item {at}: ")
        with pytest.raises(ConfigurationError):
            outcome.unwrap()
    assert [one for one in portal.log if one.method != "GET"] == []
    with client(portal, lenient=True) as lenient, suppress(ReplyError):
        list(getattr(reached(lenient, seat), verb)([wrong[0]]))
    assert len([one for one in portal.log if one.method != "GET"]) == 1


def test_a_stream_with_wrong_items_stays_a_stream(
    crm: Any, portal: Sandbox, tmp_path: Path
) -> None:
    read = 0

    def source() -> Iterator[dict[str, Any]]:
        nonlocal read
        for read in range(1, 201):
            yield {"nme": "A"} if read % 7 == 0 else {"name": f"L{read}"}

    outcomes = crm.leads.create_many(source(), size=10, ahead=1, journal=tmp_path / "journal")
    first = next(outcomes)
    assert read <= 30
    rest = [first, *outcomes]
    assert [isinstance(one, Refused) for one in rest] == [n % 7 == 0 for n in range(1, 201)]
    assert str(rest[6].error) == "item 6: leads has no 'nme' (did you mean 'name'?)"
    assert len(portal.leads()) == 200 - 28
    again = list(crm.leads.create_many(source(), size=10, journal=tmp_path / "journal"))
    assert [type(one) for one in again] == [type(one) for one in rest]
    assert len(portal.leads()) == 200 - 28


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
