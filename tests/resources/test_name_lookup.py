from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from amocrm import AmoCRM, ConfigurationError, UnexpectedReplyError
from amocrm.resources.name_lookup import find_named, find_stage
from amocrm.resources.named import HasNames
from amocrm.sandbox import Sandbox
from tests.canned import Canned
from tests.resources.table import walk
from tests.resources.test_filters import client


def pipeline(number: int, name: str, *stages: str) -> dict[str, Any]:
    made = [{"id": number * 10 + at, "name": stage} for at, stage in enumerate(stages)]
    closed = [{"id": 142, "name": "Won"}, {"id": 143, "name": "Lost"}]
    return {"id": number, "name": name, "_embedded": {"statuses": made + closed}}


SALES = pipeline(1, "Sales", "New", "Agreed", "agreed")
REPAIRS = pipeline(2, "Repairs", "New", "In work")


@pytest.mark.parametrize(
    ("stage", "where", "ids"),
    [
        ("Agreed", None, (1, 11)),
        ("agreed", None, (1, 12)),
        (" in  WORK", None, (2, 21)),
        ("New", "Repairs", (2, 20)),
        ("New", " repairs ", (2, 20)),
        ("New", 1, (1, 10)),
        ("Won", "Sales", (1, 142)),
    ],
)
def test_a_stage_is_meant_as_written_else_in_any_case(
    stage: str, where: str | int | None, ids: tuple[int, int]
) -> None:
    found = find_stage([SALES, REPAIRS], stage, where)
    assert (found.pipeline["id"], found.stage["id"]) == ids


def test_several_are_listed_and_none_is_taken() -> None:
    with pytest.raises(ConfigurationError) as several:
        find_stage([SALES, REPAIRS], "Won")
    for said in ("2 stages", "'Sales' (id 1)", "'Repairs' (id 2)", "name the pipeline"):
        assert said in str(several.value)
    with pytest.raises(ConfigurationError, match="take the id"):
        find_stage([SALES], "AGREED", "Sales")
    twins = [SALES, pipeline(3, "Sales", "New")]
    with pytest.raises(ConfigurationError, match="2 stages are called 'New'"):
        find_stage(twins, "New", "Sales")
    assert find_stage(twins, "New", 3).stage["id"] == 30


def test_a_message_lists_ten_at_most() -> None:
    many = [pipeline(number, f"P{number}", "New") for number in range(1, 12)]
    with pytest.raises(ConfigurationError, match="11 stages") as several:
        find_stage(many, "New")
    assert str(several.value).count("of 'P") == 10


def test_what_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'Agreed'"):
        find_stage([SALES, REPAIRS], "Agred")
    with pytest.raises(ConfigurationError, match="in the pipeline 'Repairs'"):
        find_stage([SALES, REPAIRS], "Agreed", "Repairs")
    with pytest.raises(ConfigurationError, match=r"no pipeline 'Sale'.*did you mean 'Sales'"):
        find_stage([SALES, REPAIRS], "New", "Sale")
    with pytest.raises(ConfigurationError, match="no pipeline 9"):
        find_stage([SALES, REPAIRS], "New", 9)


# By the table ------------------------------------------------------------------------------------

RIGHTS = {"leads": dict.fromkeys(("view", "edit", "add", "delete", "export"), "A")}

NAMED: dict[str, Any] = {
    "leads.pipelines": {"sort": 20, "is_main": False, "is_unsorted_on": True},
    "leads.pipelines(id).statuses": {"sort": 30, "color": "#fffeb2"},
    "leads.loss_reasons": {"sort": 1},
    "leads.tags": {},
    "contacts.tags": {},
    "companies.tags": {},
    "customers.tags": {},
    "catalogs": {},
    "users": {"password": "Secret1", "lang": "ru"},
    "roles": {"rights": RIGHTS},
    "sources": {},
    "customers.statuses": {"sort": 30},
    "customers.segments": {"color": "10599d"},
    "chat_templates": {"content": "Hello", "type": "waba"},
}
"""What a new item of each resource has beside its name."""


@pytest.fixture
def portal() -> Sandbox:
    return Sandbox(("example",), rps=None)


@pytest.fixture
def crm(portal: Sandbox) -> Iterator[AmoCRM]:
    with client(portal) as crm:
        yield crm


def resource_at(crm: AmoCRM, expression: str) -> Any:
    if expression == "customers.statuses":
        crm.customers.mode.set("periodicity", is_enabled=True)
    elif expression.startswith("customers"):
        crm.customers.mode.set("segments", is_enabled=True)
    pipeline: Any = crm.leads.pipelines.list().first()
    expression = expression.replace("(id)", f"({pipeline['id']})")
    return eval(f"crm.{expression}", {"crm": crm})


def create(resource: Any, expression: str, name: str, at: int) -> int:
    new = {"name": name, **NAMED[expression]}
    if expression == "users":
        new["email"] = f"user{at}@example.com"
    if expression == "sources":
        new["external_id"] = f"s-{at}"
    made: int = resource.create(new)["id"]
    return made


def test_every_resource_of_names_is_here() -> None:
    named = {seat.expression for seat in walk() if issubclass(seat.kind, HasNames)}
    assert named == {*NAMED, "bots"}


def test_a_bot_is_found_by_its_name() -> None:
    """Bots are made by hand, and only Kommo lists them."""
    portal = Sandbox(("example.kommo.com",), rps=None)
    number = portal.add("bots", {"name": "Goodbye"})
    auth: Any = {"access_token": portal.issue_long_lived()}
    with AmoCRM("example.kommo.com", auth, session=portal.session(), rate_limiter=None) as crm:
        assert crm.bots.named("goodbye")["id"] == number
        with pytest.raises(ConfigurationError, match="did you mean 'Goodbye'"):
            crm.bots.named("Godbye")


@pytest.mark.parametrize("expression", NAMED)
def test_an_item_is_found_by_its_name(crm: AmoCRM, portal: Sandbox, expression: str) -> None:
    resource = resource_at(crm, expression)
    ids = [
        create(resource, expression, name, at) for at, name in enumerate(["North Gate", "South"])
    ]
    calls = len(portal.log)
    assert resource.named("North Gate")["id"] == ids[0]
    assert len(portal.log) == calls + 1
    assert resource.named(" north  GATE")["id"] == ids[0]
    assert resource.named("south")["name"] == "South"
    with pytest.raises(ConfigurationError, match="did you mean 'South'"):
        resource.named("Sout")
    with pytest.raises(ConfigurationError, match="did you mean 'North Gate'"):
        resource.named("gate")
    if not expression.endswith("tags"):  # amoCRM has one tag of a name.
        twin = create(resource, expression, "South", 2)
        with pytest.raises(ConfigurationError, match=r"2 .* are called 'South'") as several:
            resource.named("South")
        assert f"(id {ids[1]})" in str(several.value)
        assert f"(id {twin})" in str(several.value)


def test_a_user_is_found_by_an_e_mail_too(crm: AmoCRM) -> None:
    number = create(crm.users, "users", "Boris", 7)
    assert crm.users.named("USER7@example.com")["id"] == number
    with pytest.raises(ConfigurationError, match=r"did you mean 'user7@example\.com'"):
        crm.users.named("user7@example.org")


def test_a_task_type_is_found_in_the_account(crm: AmoCRM, portal: Sandbox) -> None:
    calls = len(portal.log)
    kind = crm.tasks.type("встреча")
    assert len(portal.log) == calls + 1
    assert (kind["id"], kind["name"]) == (2, "Встреча")
    assert crm.tasks.type("meeting") == kind
    with pytest.raises(ConfigurationError, match=r"no task type 'Звонок'.*there are Связаться"):
        crm.tasks.type("Звонок")


@pytest.mark.parametrize("wrong", [None, 5, True, "", "  ", [], ["A"], {}, {"name": "A"}, b"A"])
def test_what_is_no_name_is_refused_before_a_call(crm: AmoCRM, portal: Sandbox, wrong: Any) -> None:
    calls = len(portal.log)
    for look_up in (crm.users.named, crm.leads.pipelines.stage, crm.tasks.type):
        with pytest.raises(ConfigurationError, match="is a text, not"):
            look_up(wrong)
    assert len(portal.log) == calls


@pytest.mark.parametrize("wrong", ["", [], {}, 1.5])
def test_a_pipeline_is_a_name_or_an_id(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="the name of a pipeline is a text"):
        find_stage([SALES], "New", wrong)


def test_what_is_unlike_every_name_lists_the_first_ten() -> None:
    items = [{"id": number, "name": f"P{number}"} for number in range(12)]
    with pytest.raises(ConfigurationError, match=r"there are P0, .*P9 and 2 more"):
        find_named(items, "xyz", ("list", "lists"))
    with pytest.raises(ConfigurationError, match="there are none"):
        find_named([], "xyz", ("list", "lists"))


def test_an_item_without_a_name_is_passed_over() -> None:
    items: list[Any] = [{"id": 1, "name": None}, {"id": 2, "name": "None"}]
    assert find_named(items, "none", ("list", "lists"))["id"] == 2


ODD: list[Any] = [
    {}, {"_embedded": None}, {"_embedded": {}}, {"_embedded": []}, [], 5, "text", None,
    {"_embedded": {"items": [5]}}, {"_embedded": {"items": [{}]}}, {"_embedded": {"items": 5}},
    {"_embedded": {"items": [{"id": 1, "name": "A"}]}},
    {"_embedded": {"items": [{"id": 1, "name": "A", "_embedded": {"statuses": [5]}}]}},
    {"_embedded": {"items": [{"id": 1, "name": "A", "_embedded": {"statuses": [{}]}}]}},
    {"entities": 5}, {"entities": [5]},
]  # fmt: skip
"""Answers with status 200; `items` becomes the name of each list."""

LOOK_UPS: dict[str, tuple[str, Any]] = {
    "pipelines.stage": ("pipelines", lambda crm: crm.leads.pipelines.stage("B")),
    "pipelines.named": ("pipelines", lambda crm: crm.leads.pipelines.named("B")),
    "tasks.type": ("task_types", lambda crm: crm.tasks.type("B")),
    "links.link": ("links", lambda crm: crm.leads(7).links.link(
        {"to_entity_id": 1, "to_entity_type": "contacts"})),
    "templates.review": ("reviews", lambda crm: crm.chat_templates(7).send_to_review()),
    "bonus_points": ("bonus_points", lambda crm: crm.customers(7).bonus_points.earn(5)),
    "drive.versions": ("versions", lambda crm: crm.drive.versions("u")),
    "drive.links": ("links", lambda crm: crm.drive.links("u")),
    "drive.restore": ("files", lambda crm: crm.drive.restore("u")),
}  # fmt: skip


@pytest.mark.parametrize("look_up", LOOK_UPS)
@pytest.mark.parametrize("answer", ODD, ids=str)
def test_an_odd_answer_is_an_error_of_ours(look_up: str, answer: Any) -> None:
    name, call = LOOK_UPS[look_up]
    text = json.dumps(answer).replace('"items"', f'"{name}"')

    def respond(path: str, query: dict[str, str]) -> Any:
        if query.get("with") == "drive_url":
            return {"drive_url": "https://drive-b.amocrm.ru"}
        return json.loads(text)

    session = Canned(respond).session()
    with AmoCRM("example", {"access_token": "x"}, session=session, rate_limiter=None) as crm:
        try:
            assert isinstance(call(crm), list)
        except (UnexpectedReplyError, ConfigurationError) as error:
            said = "returned 200 with" if isinstance(error, UnexpectedReplyError) else "there is no"
            if said not in str(error):
                raise
