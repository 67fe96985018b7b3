"""Groups of custom fields (reference 4.14)."""

from __future__ import annotations

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.collection import Collection, Shelf, Verb
from amocrm.sandbox.engine.handling import Desk
from amocrm.sandbox.engine.listing import Wish
from amocrm.sandbox.engine.schema import NAME, Prop
from amocrm.sandbox.engine.validation_errors import Faults
from amocrm.sandbox.entities.fields import PLACES, family_of
from amocrm.sandbox.http.problem import ProblemError

_FIRST = 10_000_000_000_001


def _stored(desk: Desk) -> Shelf:
    return desk.account.shelf(f"groups/{family_of(desk)}")


def _check(desk: Desk, model: Entity, entity: Entity | None, faults: Faults) -> None:
    known = desk.account.fields[family_of(desk)]
    for place, number in enumerate(model.get("fields", ())):
        if number not in known:
            faults.no_choice(f"fields.{place}")


def _make(desk: Desk, model: Entity) -> Entity:
    family = family_of(desk)
    kind = family.partition("/")[0]
    group = {
        "id": f"{kind}_{_FIRST + desk.call.ids.take('groups')}",
        "name": model["name"],
        "is_predefined": False,
        "type": "custom_field_group",
        "entity_type": kind,
        "sort": model["sort"],
    }
    desk.shelf[group["id"]] = group
    return group


def _change(desk: Desk, group: Entity, model: Entity) -> None:
    group |= {name: one for name, one in model.items() if name in ("name", "sort")}
    for number in model.get("fields", ()):
        desk.account.fields[family_of(desk)][number]["group_id"] = group["id"]


def _drop(desk: Desk, group: Entity) -> None:
    if group["is_predefined"]:
        raise ProblemError(403, "Forbidden")
    desk.drop(group)
    for field in desk.account.fields[family_of(desk)].values():
        if field.get("group_id") == group["id"]:
            field["group_id"] = None  # Assumed (reference 4.14): they go back to no group.


def _show(desk: Desk, group: Entity, wish: Wish) -> Entity:
    shown = {**group, "_links": {"self": {"href": desk.href(group)}}}
    if desk.call.ask.method == "PATCH":
        fields = desk.account.fields[family_of(desk)].values()
        shown["fields"] = [one["id"] for one in fields if one.get("group_id") == group["id"]]
    return shown


def _row(place: str) -> Collection:
    return Collection(
        path=f"{place}/custom_fields/groups",
        key="custom_field_groups",
        verbs={
            "list": Verb(total=True),
            "one": Verb(),
            "create": Verb(status=201, total=True, admin=True),
            "change_one": Verb(admin=True),
            "delete": Verb(status=204, admin=True),
        },
        create={"name": NAME, "sort": "int!"},
        patch={
            "name": Prop("string", filled=True, longest=255),
            "sort": "int",
            "fields": Prop("array", each="int"),
        },
        number="<number>",
        parents={"catalog_id": "catalogs"} if "catalog_id" in place else {},
        paged=False,
        unknown=404,
        stored=_stored,
        check=_check,
        make=_make,
        change=_change,
        drop=_drop,
        show=_show,
    )


ROWS = tuple(_row(place) for place, family in PLACES.items() if family != "segments")
