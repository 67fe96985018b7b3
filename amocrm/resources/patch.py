"""Two states of an entity → the smallest PATCH that changes one into the other.

A read contains more than a write needs: of a choice its text, id and code, where one is enough.

Source: reference 3.6, 4.2, 4.14, 5.1-5.3, 5.13.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from decimal import Decimal
from types import NoneType
from typing import Final, TypeAlias

from amocrm._support.arguments import check_dicts
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.custom_fields.field_types import COUNTED

READ_ONLY: Final = frozenset(
    {
        *("id", "account_id", "group_id", "is_deleted", "is_unsorted", "closest_task_at"),
        *("score", "labor_cost", "source_id", "price_with_minor_units", "is_price_computed"),
        *("is_price_modified_by_robot", "ltv", "purchases_count", "average_check", "catalog_id"),
        *("invoice_link", "request_id", "_links"),
    }
)
"""Members of leads, contacts, companies, customers and elements that the server alone sets."""

NULLABLE: Final = frozenset(
    {"loss_reason_id", "closed_at", "custom_fields_values", "available_products_price_types"}
)
"""Members that a write may set to null."""

VALUES: Final = "custom_fields_values"
PRICE: Final = "price"
MINOR: Final = "price_with_minor_units"
"""The price with its fraction, which `price` is read without and written with."""

_LOST: Final = 143
_LINKED: Final = ("contacts", "companies", "catalog_elements")
_ByField: TypeAlias = dict[tuple[str, Json], Mapping[str, Json]]
_WHOLE_SETS: Final = ("segments",)
"""Members of `_embedded`, besides tags, that a PATCH replaces as a whole."""

_CHOICES: Final = ("select", "radiobutton", "multiselect", "category")
_NAMES: Final = ("enum_id", "enum_code", "value")


def changes(
    before: Mapping[str, Json],
    after: Mapping[str, Json],
    *,
    read_only: Collection[str] = READ_ONLY,
    nullable: Collection[str] = NULLABLE,
) -> dict[str, Json]:
    """Return the body of the smallest PATCH that makes `before` into `after`; empty for none.

    What `after` does not have stays as it is, so it may be a part. A custom field that is not in
    its list is erased. Tags are added and deleted one by one, so that what others tag meanwhile
    stays. Left out is what the server alone sets, and a null that it takes from nobody.

    In an account with minor units the price before is `price_with_minor_units`. A whole copy whose
    `price` is as it was read, without its fraction, is refused: nobody can tell whether somebody
    has set it so.

    >>> changes({"id": 1, "name": "A", "price": 5}, {"id": 1, "name": "A", "price": 7})
    {'price': 7}

    Args:
        before: the entity as it was read.
        after: as it is to be.
        read_only: members that are never sent.
        nullable: members that may be sent as null.

    Raises:
        ConfigurationError: linked entities differ; a PATCH cannot change them. Or nobody can tell
            which price is meant.
    """
    check_parts(before, before)
    check_parts(after, before)
    patch = {
        key: value
        for key, value in after.items()
        if key not in read_only
        and key not in ("_embedded", "custom_fields_values")
        and not _same(before.get(key), value)
        and (value is not None or key in nullable)
    }
    if before.get(MINOR) is not None:
        _set_exact_price(patch, before, after)
    if patch and "status_id" in after:
        _add_stage(patch, after)
    if "custom_fields_values" in after:
        items = _field_changes(before.get("custom_fields_values"), after["custom_fields_values"])
        patch.update({"custom_fields_values": items} if items else {})
    old, new = (one.get("_embedded") for one in (before, after))
    if isinstance(new, Mapping):
        _add_embedded(patch, old if isinstance(old, Mapping) else {}, new)
    return patch


def check_parts(item: Mapping[str, Json], read: Mapping[str, Json]) -> None:
    """Check the shapes of an item's custom fields, tags and segments.

    What is not read as a value would be taken for one that is not there, and erased. Values of a
    shape that is not known may be there if they were read.

    Raises:
        ConfigurationError: one of them is wrong.
    """
    listed, known = item.get(VALUES), read.get(VALUES)
    if not isinstance(listed, (list, tuple, NoneType)):
        raise ConfigurationError(f"{VALUES} must be a list of dicts")
    for one in listed or ():
        if isinstance(known, (list, tuple)) and one in known:
            continue
        check_dicts(VALUES, [one])
        if not isinstance(one.get("values"), (list, tuple, NoneType)):
            raise ConfigurationError(f"values of {VALUES} must be a list")
        if not isinstance(one.get("field_id"), (int, str, NoneType)):
            raise ConfigurationError("field_id must be a number")
    embedded = item.get("_embedded")
    if not isinstance(embedded, Mapping):
        return
    for name in ("tags", *_WHOLE_SETS):
        check_dicts(name, embedded.get(name))
        for one in embedded.get(name) or ():
            if one.get("id") is None and (name != "tags" or one.get("name") is None):
                raise ConfigurationError(f"each of {name} needs an id")


def with_exact_price(entity: Mapping[str, Json]) -> dict[str, Json]:
    """Return an entity whose `price` has its fraction, where the account has minor units.

    >>> with_exact_price({"price": 99, "price_with_minor_units": 99.5})["price"]
    99.5
    """
    exact = entity.get(MINOR)
    return {**entity, PRICE: exact} if PRICE in entity and exact is not None else {**entity}


def _set_exact_price(
    patch: dict[str, Json], before: Mapping[str, Json], after: Mapping[str, Json]
) -> None:
    """Set the price that is meant, where `price` is read without its fraction.

    Raises:
        ConfigurationError: nobody can tell which price is meant.
    """
    patch.pop(PRICE, None)
    exact, price, told = before[MINOR], after.get(PRICE), after.get(MINOR)
    if told is not None and not _same(told, exact):
        # A model of another state, which has its own fraction; or somebody set this member.
        if not _is_cut(price, told):
            raise ConfigurationError(
                f"price {price} and {MINOR} {told} are different prices",
                hint="set 'price', also to 99.5, and leave the other one out",
            )
        patch[PRICE] = told
    elif price is not None and not _same(price, exact):
        if told is not None and _same(price, before.get(PRICE)):
            raise ConfigurationError(
                f"price is {price} as it was read, without its fraction ({exact}), so nobody can "
                f"tell whether {price} is meant",
                hint="use edit(), where price has its fraction; or give what changes alone: "
                'save(before, {"price": 99})',
            )
        patch[PRICE] = price


def _is_cut(price: Json, exact: Json) -> bool:
    """Tell whether a price is another one without its fraction."""
    if not _is_number(price) or not _is_number(exact):
        return False
    return _same(price, exact) or price in (int(exact), round(exact))


def _is_number(value: Json) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def edited(
    before: Mapping[str, Json],
    after: Mapping[str, Json],
    *,
    read_only: Collection[str],
    together: Collection[str] = (),
) -> dict[str, Json]:
    """Return the body of the smallest PATCH for what a block has changed; empty for nothing.

    Where `changes` leaves out what cannot be sent, this refuses it: whoever changes a copy of what
    was just read means each difference.

    Args:
        before: the item as it was read.
        after: as the block has left it.
        read_only: members that a PATCH cannot change.
        together: members that are sent together or not at all.

    Raises:
        ConfigurationError: a PATCH cannot make the change, or nobody knows what it would erase.
    """
    for name in {**before, **after}:
        if name not in after and name not in read_only:
            raise ConfigurationError(f"{name!r} was removed", hint="set it to None to clear it")
        if name in read_only and name in after and not _is_same(before, after, name):
            hint = "set 'price', also to 99.5" if name == MINOR else None
            raise ConfigurationError(f"{name!r} cannot be changed: amoCRM sets it", hint=hint)
    if VALUES in after and VALUES not in before:
        raise ConfigurationError(
            "this item was read without its custom fields, so setting one could erase others",
            hint="read it whole, by its id",
        )
    old, new = (one.get("_embedded") for one in (before, after))
    if "_embedded" not in read_only and isinstance(new, Mapping):
        _check_embedded(old if isinstance(old, Mapping) else {}, new)
    patch = changes(before, after, read_only=read_only, nullable=after.keys())
    # To `changes` a null is what is not there.
    patch.update({name: None for name in after.keys() - before.keys() if after[name] is None})
    if not patch.keys().isdisjoint(together):
        patch.update({name: after[name] for name in together if name in after})
    return patch


def _is_same(before: Mapping[str, Json], after: Mapping[str, Json], name: str) -> bool:
    return name in before and name in after and _same(before[name], after[name])


def _check_embedded(before: Mapping[str, Json], after: Mapping[str, Json]) -> None:
    for name in {**before, **after}:
        if _is_same(before, after, name):
            continue
        if name not in ("tags", *_WHOLE_SETS):
            raise ConfigurationError(f"{name} of an entity are changed through its links")
        if name not in before or name not in after:
            raise ConfigurationError(
                f"this item was read without its {name}, so changing them could erase others"
                if name in after
                else f"the {name} were removed",
                hint="read it whole, by its id" if name in after else "set them to []",
            )


def _add_stage(patch: dict[str, Json], after: Mapping[str, Json]) -> None:
    """Send the stage along with what means nothing without it (reference 4.2)."""
    is_lost = after["status_id"] == _LOST and patch.get("loss_reason_id") is not None
    if "pipeline_id" in patch or is_lost:
        patch.setdefault("status_id", after["status_id"])


def _field_changes(before: Json, after: Json) -> list[Json]:
    old = _by_field(before, {})
    new = _by_field(after, old)
    changed: list[Json] = []
    for key, item in new.items():
        known = old.get(key)
        if known is None or not _same_values(known.get("values"), item.get("values")):
            kind = str(item.get("field_type") or (known or {}).get("field_type") or "")
            values = _sendable_values(item.get("values"), kind)
            if values is not None or known is not None:
                changed.append({key[0]: key[1], "values": values})
    erased = [key for key in old if key not in new and key[0] == "field_id"]
    return changed + [{"field_id": number, "values": None} for _, number in erased]


def _by_field(items: Json, known: _ByField) -> _ByField:
    """Sort items by the field they name, as it is named among known ones: by id, or by code."""
    found: _ByField = {}
    for item in items if isinstance(items, (list, tuple)) else ():
        key = _key(item, known) if isinstance(item, Mapping) else None
        if key is not None:
            found[key] = item
    return found


def _key(item: Mapping[str, Json], known: _ByField) -> tuple[str, Json] | None:
    number, code = item.get("field_id"), item.get("field_code")
    if not isinstance(number, (int, str, NoneType)) or not isinstance(code, (str, NoneType)):
        return None
    for key, other in known.items():
        named = (other.get("field_id"), number) if number is not None else (
            other.get("field_code"), code
        )  # fmt: skip
        if None not in named and str(named[0]) == str(named[1]):
            return key
    if number is not None:
        return "field_id", number
    return None if code is None else ("field_code", code)


def _add_embedded(
    patch: dict[str, Json], before: Mapping[str, Json], after: Mapping[str, Json]
) -> None:
    if "tags" in after:
        _add_tags(patch, before, after["tags"] or [])
    for name in _LINKED:
        if name in before and name in after and not _same(before[name], after[name]):
            raise ConfigurationError(f"{name} of an entity are changed through its links")
    for name in _WHOLE_SETS:
        if name in after and not _same(before.get(name), after[name]):
            named = [{"id": one["id"]} for one in after[name] or ()]
            patch.setdefault("_embedded", {})[name] = named


def _add_tags(
    patch: dict[str, Json], before: Mapping[str, Json], after: list[Mapping[str, Json]]
) -> None:
    if "tags" not in before:
        # What was there is not known, so there is nothing to add to or to delete from.
        patch["_embedded"] = {"tags": [_tag(one) for one in after] or None}
        return
    old: list[Mapping[str, Json]] = before["tags"] or []
    for name, here, there in (("tags_to_add", after, old), ("tags_to_delete", old, after)):
        named = [_tag(one) for one in here if not any(_same_tag(one, two) for two in there)]
        if named:
            patch[name] = [*patch.get(name, ()), *named]


def _tag(tag: Mapping[str, Json]) -> dict[str, Json]:
    return {"id": tag["id"]} if tag.get("id") is not None else {"name": tag["name"]}


def _same_tag(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """Tell whether two tags are one: by id where both have it, else by name in any case."""
    if one.get("id") is not None and other.get("id") is not None:
        return bool(one["id"] == other["id"])
    return str(one.get("name")).casefold() == str(other.get("name")).casefold()


def _same_values(before: Json, after: Json) -> bool:
    """Tell whether a list of values says nothing that another, which was read, does not."""
    if not isinstance(before, list) or not isinstance(after, list) or len(before) != len(after):
        return False
    return all(_says_no_more(new, old) for new, old in zip(after, before, strict=True))


def _says_no_more(new: Json, old: Json) -> bool:
    if not isinstance(new, Mapping) or not isinstance(old, Mapping):
        return _same(new, old)
    said = {key: value for key, value in new.items() if value is not None}
    return bool(said) and all(key in old and _same(old[key], said[key]) for key in said)


def _same(one: Json, other: Json) -> bool:
    """Tell whether two values are equal in JSON, where true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, Decimal) or isinstance(other, Decimal):
        # A float is the number that it is written as: 99.1, not 99.0999999999999943.
        one, other = (Decimal(repr(x)) if isinstance(x, float) else x for x in (one, other))
    return bool(one == other)


def _sendable_values(values: Json, kind: str) -> Json:
    """Return what a write holds of a list of values; None, which erases, for an empty one."""
    if not isinstance(values, list):
        return values
    return [_sendable(one, kind) for one in values] or None


def _sendable(item: Json, kind: str) -> Json:
    if not isinstance(item, Mapping):
        return item
    said = {key: value for key, value in item.items() if value is not None or key == "value"}
    if kind in _CHOICES:
        key = next((name for name in _NAMES if said.get(name) is not None), None)
        return said if key is None else {key: said[key]}
    if "enum_id" in said and "enum_code" in said:
        del said["enum_id"]
    value = said.get("value")
    if kind == "items" and isinstance(value, Mapping):
        return {"value": {key: one for key, one in value.items() if key not in COUNTED}}
    if kind == "supplier" and isinstance(value, Mapping) and "entity_id" in value:
        return {"value": {"entity_id": value["entity_id"]}}
    return said
