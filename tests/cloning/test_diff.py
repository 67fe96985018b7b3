"""What has changed in an account since its schema was written."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from amocrm import AmoCRM
from amocrm.cloning.clone import clone
from amocrm.cloning.diff import Difference, diff
from amocrm.sandbox import Sandbox, SchemaError
from tests.cloning.documents import Document, client


@pytest.fixture
def portal() -> Sandbox:
    portal = Sandbox(rps=None, seed=0)
    portal.add_shop()
    return portal


@pytest.fixture
def crm(portal: Sandbox) -> AmoCRM:
    return client(portal)


def told(found: list[Difference]) -> list[str]:
    return [str(one) for one in found]


def test_an_account_that_is_as_it_was_has_no_differences(crm: AmoCRM) -> None:
    schema = clone(crm)
    assert diff(schema, crm) == []
    assert diff(schema, schema) == []


def test_what_was_added_removed_renamed_and_retyped(crm: AmoCRM) -> None:
    schema = clone(crm)
    main = schema["pipelines"][0]["id"]
    field = next(one for one in schema["fields"]["leads"] if one["enums"])
    crm.leads.pipelines(main).statuses.create({"name": "Проверка", "sort": 25})
    crm.leads.pipelines(main).statuses.update(103, {"name": "Новая заявка"})
    crm.leads.custom_fields.update(
        field["id"], {"enums": [*field["enums"][:2], {"value": "Дрон", "sort": 9}]}
    )
    crm.leads.custom_fields.create({"name": "Вес", "type": "numeric"})
    # A type cannot be changed, but a person can make another field of the same name.
    schema["fields"]["contacts"][0]["type"] = "numeric"
    assert told(diff(schema, crm)) == [
        'field 921 "Должность" of contacts: retyped, type "numeric" → "text"',
        'choice 1741 "Почта" of field 945 "Способ доставки" of leads: removed',
        'choice 1743 "Дрон" of field 945 "Способ доставки" of leads: added',
        'field 951 "Вес" of leads: added',
        'stage 103 "Первичный контакт" of pipeline 11 "Воронка": '
        'renamed, "Первичный контакт" → "Новая заявка"',
        'stage 113 "Проверка" of pipeline 11 "Воронка": added',
    ]


def test_a_difference_as_data(crm: AmoCRM) -> None:
    schema = clone(crm)
    crm.leads.pipelines.update(11, {"name": "Продажи"})
    assert [one.as_dict() for one in diff(schema, crm)] == [
        {
            "change": "renamed", "where": "pipelines/11", "what": 'pipeline 11 "Воронка"',
            "member": "name", "before": "Воронка", "after": "Продажи",
        }
    ]  # fmt: skip


def test_of_the_numbers_of_an_order_only_the_order_counts(crm: AmoCRM) -> None:
    schema = clone(crm)
    stages = crm.leads.pipelines(11).statuses
    stages.create({"name": "Проверка", "sort": 25})  # It moves the numbers of those behind it.
    assert [one.change for one in diff(schema, crm)] == ["added"]
    stages.update(105, {"sort": 1})
    assert told(diff(schema, crm))[1:] == [
        'stages of pipeline 11 "Воронка": changed, '
        "order [101, 103, 105, 107, 109, 142, 143] → [101, 105, 103, 107, 109, 142, 143]"
    ]


def test_what_the_token_does_not_show_is_told_apart_from_what_is_gone(portal: Sandbox) -> None:
    with client(portal) as crm:
        schema = clone(crm)
    with client(portal, admin=False) as crm:
        found = diff(schema, crm)
    assert [(one.change, one.where) for one in found] == [
        ("unknown", "roles"), ("unknown", "sources"), ("unknown", "users"),
    ]  # fmt: skip
    assert str(found[0]) == "roles: the account does not show them to this token"


def test_a_list_that_is_new_or_gone_is_one_difference() -> None:
    before = {"version": 1, "account": {"zone": "amocrm.ru"},
              "catalogs": [{"id": 5, "name": "Parts", "type": "regular"}],
              "fields": {"catalogs/5": [{"id": 9, "name": "SKU", "type": "text"}]}}  # fmt: skip
    after = {**before, "catalogs": [], "fields": {}}
    assert told(diff(before, after)) == ['list 5 "Parts": removed']
    assert told(diff(after, before)) == ['list 5 "Parts": added']


def test_what_a_short_schema_does_not_say_is_not_compared(crm: AmoCRM) -> None:
    schema: Document = {
        "version": 1,
        "account": {"zone": "amocrm.ru"},
        "loss_reasons": [
            {"id": one["id"], "name": one["name"]} for one in clone(crm)["loss_reasons"]
        ],
    }
    assert diff(schema, crm) == []
    schema["account"]["currency"] = "EUR"
    assert told(diff(schema, crm)) == ['account: changed, currency "EUR" → "RUB"']


def test_numbers_of_users_are_no_names(crm: AmoCRM) -> None:
    schema = clone(crm)
    schema["users"][0]["name"] = "User 7"
    assert diff(schema, crm) == []
    changed: Any = copy.deepcopy(schema)
    changed["users"][1]["rights"]["mail_access"] = True
    (one,) = diff(schema, changed)
    assert (one.change, one.member, one.what) == ("changed", "rights", "user 503")


def test_a_bad_schema(crm: AmoCRM) -> None:
    with pytest.raises(SchemaError, match="version must be 1, not 2"):
        diff({"version": 2}, crm)
