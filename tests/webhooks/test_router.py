from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from amocrm import AmoCRM, ConfigurationError
from amocrm.http.messages import Json
from amocrm.webhooks import Event, Hooks
from amocrm.webhooks.authors import author_of, is_unchanged
from tests.webhooks.arrivals import event

ME = 77


class Account:
    """An account with two pipelines; it counts what is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def user_id(self) -> int:
        self.asked += 1
        return ME

    def pipelines(self) -> Sequence[dict[str, Json]]:
        self.asked += 1
        return [pipeline(10, "Sales", Paid=101), pipeline(20, "Delivery", Paid=201, Sent=202)]


def pipeline(number: int, name: str, **stages: int) -> dict[str, Json]:
    statuses = [{"id": id_, "name": stage} for stage, id_ in {**stages, "Won": 142}.items()]
    return {"id": number, "name": name, "_embedded": {"statuses": statuses}}


def names(hooks: Hooks, one: Event, account: Account | None = None) -> list[str]:
    return [name for name, _ in hooks.handlers(one, account or Account())]


def handler(event: Event, crm: AmoCRM) -> None: ...


def routed(one: Event, *codes: str, **conditions: Any) -> bool:
    hooks = Hooks()
    hooks.on(*codes, **conditions)(handler)
    return names(hooks, one) == ["handler"]


def won(**item: int) -> Event:
    return event("leads", "status", id=1, status_id=142, **item)


def given(type_: str) -> Event:
    """The webhook of a contact or a company that was given to somebody else."""
    users = {"responsible_user_id": 1, "old_responsible_user_id": 2}
    return event("contacts", "update", id=1, type=type_, **users)


STATUS = event("leads", "status", id=1, status_id=101, pipeline_id=10, old_status_id=100)


@pytest.mark.parametrize(
    ("one", "codes", "conditions", "is_routed"),
    [
        (STATUS, ("status_lead",), {}, True),
        (STATUS, ("leads/status",), {}, True),
        (STATUS, ("add_lead", "status_lead"), {}, True),
        (STATUS, ("add_lead",), {}, False),
        (STATUS, (), {"entity": "leads"}, True),
        (STATUS, (), {"entity": "contacts"}, False),
        (STATUS, (), {"kind": "account"}, True),
        (STATUS, (), {"kind": "pipeline"}, False),
        (STATUS, ("status_lead",), {"kind": "pipeline"}, False),
        (STATUS, ("status_lead",), {"pipeline": 10}, True),
        (STATUS, ("status_lead",), {"pipeline": 20}, False),
        (STATUS, ("status_lead",), {"pipeline": "sales"}, True),
        (STATUS, ("status_lead",), {"pipeline": "Delivery"}, False),
        (STATUS, ("status_lead",), {"stage": 101}, True),
        (STATUS, ("status_lead",), {"stage": 201}, False),
        (STATUS, ("status_lead",), {"stage": "paid"}, True),
        (STATUS, ("status_lead",), {"stage": "Sent"}, False),
        (STATUS, ("status_lead",), {"stage": "Paid", "pipeline": "Sales"}, True),
        (STATUS, ("status_lead",), {"stage": "Paid", "pipeline": "Delivery"}, False),
        (STATUS, ("status_lead",), {"stage": "Paid", "pipeline": 10}, True),
        (STATUS, ("status_lead",), {"stage": 101, "pipeline": "Sales"}, True),
        (STATUS, ("status_lead",), {"stage": 101, "pipeline": "Delivery"}, False),
        # A stage that all pipelines have, and a webhook that does not say its pipeline.
        (won(pipeline_id=20), (), {"entity": "leads", "stage": "Won"}, True),
        (won(), (), {"entity": "leads", "stage": "Won"}, True),
        (won(), (), {"entity": "leads", "pipeline": "Sales"}, False),
        (event("leads", "add", id=1), (), {"entity": "leads", "stage": "Won"}, False),
        # A new responsible user is told as an update.
        (given("contact"), ("responsible_contact",), {}, True),
        (given("contact"), ("update_contact",), {}, True),
        (given("company"), ("update_contact",), {}, False),
        (event("contacts", "update", id=1), ("responsible_contact",), {}, False),
        (event("leads", "future", id=1), ("leads/future",), {"lenient": True}, True),
    ],
)  # fmt: skip
def test_routes(
    one: Event, codes: tuple[str, ...], conditions: dict[str, Any], is_routed: bool
) -> None:
    assert routed(one, *codes, **conditions) is is_routed


def test_only_names_cost_calls() -> None:
    account = Account()
    hooks = Hooks(ignore_own=True)
    hooks.on("add_lead", stage="Paid")(handler)
    hooks.on("status_lead", pipeline=10, stage=101)(handler)
    assert names(hooks, STATUS, account) == ["handler"]
    assert account.asked == 0


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"no stage 'Payd'.*did you mean 'Paid'"):
        routed(STATUS, "status_lead", stage="Payd")
    with pytest.raises(ConfigurationError, match=r"no pipeline 'Sale'.*did you mean 'Sales'"):
        routed(STATUS, "status_lead", stage="Paid", pipeline="Sale")
    with pytest.raises(ConfigurationError, match=r"no pipeline 'Sale'"):
        routed(STATUS, "status_lead", pipeline="Sale")


@pytest.mark.parametrize(
    ("one", "author"),
    [
        (event("leads", "update", id=1, modified_user_id=ME, created_user_id=1), ME),
        (event("leads", "add", id=1, created_user_id=ME), ME),
        (event("leads", "update", id=1, modified_user_id=0, created_user_id=ME), 0),
        (event("leads", "delete", id=1, status_id=5), None),
        (event("leads", "update", id=1, modified_user_id=""), None),
        (event("catalogs", "add", id=1, modified_by=ME, type="catalog"), ME),
    ],
)
def test_authors(one: Event, author: int | None) -> None:
    assert author_of(one) == author
    assert routed(one, entity=one.entity, ignore_own=True) is (author != ME)
    assert routed(one, entity=one.entity)


def test_the_author_of_a_note_is_its_own() -> None:
    one = event("leads", "note", **{"note][created_by": ME, "note][element_id": 5, "id": 9})
    assert author_of(one) == ME


@pytest.mark.parametrize(
    ("item", "unchanged"),
    [
        ({"status_id": 101, "old_status_id": 101}, True),
        ({"status_id": 101, "old_status_id": 100}, False),
        ({"status_id": 101}, False),
        ({"status_id": 101, "old_status_id": 101, "pipeline_id": 1, "old_pipeline_id": 2}, False),
        ({"status_id": 101, "old_status_id": 101, "pipeline_id": 1, "old_pipeline_id": 1}, True),
        # Won in one pipeline and won in another one are different stages.
        ({"status_id": 142, "old_status_id": 142, "pipeline_id": 1}, False),
    ],
)
def test_changes_that_change_nothing(item: dict[str, int], unchanged: bool) -> None:
    one = event("leads", "status", id=1, **item)
    assert is_unchanged(one) is unchanged
    assert routed(one, "status_lead", ignore_unchanged=True) is not unchanged
    assert routed(one, "status_lead")


def test_hooks_set_what_is_ignored_and_a_handler_may_differ() -> None:
    hooks = Hooks(ignore_own=True, ignore_unchanged=True)
    hooks.on_any(handler)
    hooks.on("update_lead", name="own", ignore_own=False)(handler)
    hooks.on("status_lead", name="all", ignore_unchanged=False)(handler)
    assert names(hooks, event("leads", "update", id=1, modified_user_id=ME)) == ["own"]
    assert names(hooks, event("leads", "status", id=1, status_id=5, old_status_id=5)) == ["all"]


def test_codes_say_what_to_subscribe_to() -> None:
    hooks = Hooks()
    assert hooks.codes == []
    hooks.on("status_lead", "call_in_lead")(handler)
    hooks.on(kind="bot")(handler)
    hooks.on(entity="talks")(handler)
    assert hooks.codes == ["add_talk", "status_lead", "update_talk"]
    hooks.on_any(handler)
    assert len(hooks.codes) == 36


def test_one_function_is_one_handler_and_two_are_two() -> None:
    hooks = Hooks()
    hooks.on("add_lead")(hooks.on("status_lead")(handler))
    hooks.on_any(handler)
    assert names(hooks, STATUS) == ["handler"]
    with pytest.raises(ConfigurationError, match="two handlers are called 'handler'"):
        hooks.on("add_lead", name="handler")(lambda event, crm: None)
    unnamed: Any = partial(handler)
    with pytest.raises(ConfigurationError, match="this handler has no name"):
        hooks.on("add_lead")(unnamed)
    hooks.on("status_lead", name="partial")(unnamed)
    assert names(hooks, STATUS) == ["handler", "partial"]
    assert repr(hooks) == "<Hooks: 2 handlers>"


@pytest.mark.parametrize(
    ("codes", "conditions", "message"),
    [
        ((), {}, "say for which events"),
        ((), {"stage": "Paid"}, "say for which events"),
        (("lead_status",), {}, "no event 'lead_status'"),
        (("status_leads",), {}, "did you mean 'status_lead'"),
        ((handler,), {}, "a code is a text, not function"),
        ((), {"entity": "lead"}, "did you mean 'leads'"),
        ((), {"kind": "bots"}, "did you mean 'bot'"),
        (("add_contact",), {"stage": "Paid"}, "contacts are in no pipeline"),
        ((), {"entity": "tasks", "pipeline": 5}, "tasks are in no pipeline"),
        (("add_lead",), {"stage": " "}, "the name of a stage is a text"),
        (("add_lead",), {"pipeline": True}, "the name of a pipeline is a text"),
        (("add_lead",), {"name": ""}, "the name of a handler is a text"),
    ],
)
def test_wrong_routes_are_told_at_once(
    codes: tuple[Any, ...], conditions: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Hooks().on(*codes, **conditions)(handler)


def test_a_decorator_without_parentheses_is_told() -> None:
    hooks: Any = Hooks()
    with pytest.raises(ConfigurationError, match="a code is a text"):
        hooks.on(handler)
