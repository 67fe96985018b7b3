"""An account of a schema document: ids are kept, and ids made later are others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

from amocrm.sandbox.data.defaults import add_field, new_account, open_fields
from amocrm.sandbox.data.fixtures import add_fixtures
from amocrm.sandbox.data.stages import system_stages
from amocrm.sandbox.data.state import CLOSED, Account, Entity, Ids, User
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.schema.document import SchemaError
from amocrm.sandbox.values.rights import filled

_DEFINITIONS = {
    *("users_groups", "task_types", "pipelines", "loss_reasons", "customer_statuses", "catalogs"),
    *("roles", "bots", "widgets", "waiting", "webhooks"),
}
"""Shelves of an account without entities; groups of fields and sources have several each."""


def check_empty(account: Account) -> None:
    """Refuse an account that holds entities: their stages and fields would be gone.

    Raises:
        SchemaError: it holds some.
    """
    held = {
        name: len(shelf)
        for name, shelf in account.entities.items()
        if shelf and name not in _DEFINITIONS and not name.startswith(("groups/", "sources/"))
    }
    held |= {"files": len(account.drive.files)} if account.drive.files else {}
    if held:
        told = ", ".join(f"{number} {name}" for name, number in sorted(held.items()))
        raise SchemaError(
            f"the account {account.subdomain} holds {told}; a schema needs an account without"
        )


def build_account(document: Entity, subdomain: str, ids: Ids, now: int, client_id: str) -> Account:
    """Return an account of a checked document; what that leaves out is as in a new account.

    Args:
        document: as `read_schema` returns it.
        subdomain: of the account.
        ids: of the portal.
        now: when the account is founded.
        client_id: of the integration that has the sources.
    """
    _reserve(document, ids)
    settings = document["account"]
    account = new_account(f"{subdomain}.{settings['zone']}", ids, now)
    add_fixtures(account, ids)
    account.id = settings.get("id", account.id)
    plan = document.get("plan", {})
    account.settings |= {
        name: value for name, value in {**settings, **plan}.items() if name in account.settings
    }
    account.customers_mode = plan.get("customers_mode", account.customers_mode)
    account.has_catalogs = plan.get("has_catalogs", True)
    account.has_webhooks = plan.get("has_webhooks", True)
    account.has_products = plan.get("has_products", False)
    _add_lists(account, document, now, client_id)
    _add_pipelines(account, document, ids)
    _add_fields(account, document, ids)
    if "users" in document:
        account.users = {one["id"]: _user(one) for one in document["users"]}
    _stamp(account)
    return account


def replace_account(account: Account, fresh: Account) -> None:
    """Make an account what another one is; whoever holds the first one sees it change."""
    former = account.former
    for one in fields(Account):
        setattr(account, one.name, getattr(fresh, one.name))
    account.former = former


def _stamp(account: Account) -> None:
    """Let every definition name its account."""
    definitions = [
        *account.pipelines.values(),
        *(stage for number in account.pipelines for stage in account.statuses(int(number))),
        *(one for shelf in account.fields.values() for one in shelf.values()),
        *(one for name in ("catalogs", "customer_statuses", "bots", "widgets")
          for one in account.shelf(name).values()),
    ]  # fmt: skip
    for entity in definitions:
        entity["account_id"] = account.id


def _reserve(document: Entity, ids: Ids) -> None:
    for name in ("users", "pipelines", "loss_reasons", "customer_statuses", "catalogs", "roles",
                 "sources"):  # fmt: skip
        ids.reserve(name, _ids(document.get(name, ())))
    ids.reserve("accounts", _ids([document["account"]]))
    for pipeline in document.get("pipelines", ()):
        ids.reserve("statuses", _ids(pipeline["statuses"]))
    for definitions in document.get("fields", {}).values():
        ids.reserve("fields", _ids(definitions))
        for one in definitions:
            ids.reserve("enums", _ids([*(one.get("enums") or ()), *(one.get("nested") or ())]))


def _ids(items: Iterable[Entity]) -> list[int]:
    return [one["id"] for one in items if "id" in one]


def _add_lists(account: Account, document: Entity, now: int, client_id: str) -> None:
    stamps = {"created_at": now, "updated_at": now, "created_by": 0, "updated_by": 0}
    rows: dict[str, tuple[str, Entity]] = {
        "users_groups": ("users_groups", {"uuid": None}),
        "task_types": ("task_types", {"color": None, "icon_id": None, "code": None}),
        "loss_reasons": ("loss_reasons", {"sort": 0, "created_at": now, "updated_at": now}),
        "customer_statuses": (
            "customer_statuses", {"sort": 0, "color": None, "type": 0, "conditions": []}
        ),
        "catalogs": (
            "catalogs",
            {
                **stamps, "sort": 10, "can_add_elements": True, "can_show_in_cards": False,
                "can_link_multiple": True, "can_be_deleted": True, "sdk_widget_code": None,
            },
        ),
        "roles": ("roles", {}),
        "sources": (
            f"sources/{client_id}",
            {
                "pipeline_id": None, "external_id": None, "default": False, "origin_code": None,
                "services": [],
            },
        ),
    }  # fmt: skip
    for name, (shelf, base) in rows.items():
        if name in document:
            account.entities[shelf] = {one["id"]: {**base, **one} for one in document[name]}
    for role in account.shelf("roles").values():
        role["rights"] = filled(role["rights"])
    for catalog in document.get("catalogs", ()):
        open_fields(account, f"catalogs/{catalog['id']}")


def _add_pipelines(account: Account, document: Entity, ids: Ids) -> None:
    if "pipelines" not in document:
        return
    account.entities["pipelines"] = {}
    for one in document["pipelines"]:
        stages: list[Entity] = [
            {
                "pipeline_id": one["id"], "sort": 0, "color": None,
                "is_editable": stage["type"] == 0 and stage["id"] not in CLOSED, **stage,
            }
            for stage in one["statuses"]
        ]  # fmt: skip
        if all(stage["type"] == 0 for stage in stages):
            # Reads do not show the unsorted stage where it is off, but it is there.
            stages += [stage for stage in system_stages(account, one["id"], ids) if stage["type"]]
        stages.sort(key=lambda stage: int(stage["sort"]))
        kept = {name: value for name, value in one.items() if name != "statuses"}
        account.pipelines[one["id"]] = {"sort": 0, **kept, "_embedded": {"statuses": stages}}


def _add_fields(account: Account, document: Entity, ids: Ids) -> None:
    for kind, groups in document.get("field_groups", {}).items():
        entity_type = _entity_type(kind)
        base = {"type": "custom_field_group", "entity_type": kind.partition("/")[0], "sort": 0}
        account.entities[f"groups/{entity_type}"] = {one["id"]: {**base, **one} for one in groups}
    for kind, definitions in document.get("fields", {}).items():
        entity_type = _entity_type(kind)
        account.fields[entity_type] = {}
        for one in definitions:
            add_field(account, entity_type, one, ids)


def _entity_type(kind: str) -> str:
    return "segments" if kind == "customers/segments" else kind


def _user(one: Entity) -> User:
    rights: dict[str, Json] = dict(one["rights"])
    own = ("is_admin", "is_active", "is_free", "group_id", "role_id")
    return User(
        id=one["id"],
        name=one["name"],
        is_admin=rights.get("is_admin", False),
        group_id=rights.get("group_id") or 0,
        email=f"user{one['id']}@example.com",
        lang=one.get("lang", "ru"),
        is_active=rights.get("is_active", True),
        is_free=rights.get("is_free", False),
        role_id=rights.get("role_id") or None,
        rights={name: value for name, value in rights.items() if name not in own},
    )
