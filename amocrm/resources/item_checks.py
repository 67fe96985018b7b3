"""Checks what is to be written before it is sent: its shape, and values of closed sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Literal, cast, get_args

from amocrm.bulk.context import ApiContext
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.endpoint import near
from amocrm.resources.item_shapes import check_names, check_shapes, rules_of
from amocrm.resources.resource import Resource
from amocrm.schema import enums


def check_item(
    kind: type[Resource], what: Literal["new", "patch"], item: object, where: str, api: ApiContext
) -> None:
    """Check an item that is to be created, or a change.

    Raises:
        ConfigurationError: it is no dict, it has a member that is not known or of another shape, or
            a value is not in a closed set. A lenient client sends every dict.
    """
    check_shape(where, item)
    if not api.lenient:
        members, rules = cast("Mapping[str, Json]", item), rules_of(kind, what)
        check_names(members, rules, where)
        check_closed_sets(members, rules.closed_sets, where)
        check_shapes(members, rules, where)
        _check_price(members, where)


def _check_price(item: Mapping[str, Json], where: str) -> None:
    """Check that an item that was read is not written with its price cut (reference 3.6)."""
    exact, price = item.get("price_with_minor_units"), item.get("price")
    if isinstance(exact, (int, float)) and isinstance(price, (int, float)) and price != exact:
        raise ConfigurationError(
            f"{where}: price {price} and price_with_minor_units {exact} are different prices, and "
            "amoCRM writes the first one",
            hint=f"set 'price' to {exact}, or leave price_with_minor_units out",
        )


def check_shape(where: str, item: object) -> None:
    """Check that one item is a dict.

    Raises:
        ConfigurationError: it is something else.
    """
    if not isinstance(item, Mapping):
        raise ConfigurationError(
            f"{where}: expected a dict, not {type(item).__name__}",
            hint="for several there is create_many or update_many" if _is_list(item) else None,
        )


def check_has_id(item: Mapping[str, Json], where: str) -> None:
    """Check that one of many changes says what it changes.

    Raises:
        ConfigurationError: it has no id.
    """
    if item.get("id") is None:
        raise ConfigurationError(f"{where}: a change of many needs the id of what it changes")


def with_plain_numbers(item: Json) -> Json:
    """Return an item whose Decimals are numbers that JSON can carry: 100 and 99.5.

    Raises:
        ConfigurationError: a Decimal has more digits than such a number.
    """
    if not isinstance(item, Mapping) or not any(isinstance(one, Decimal) for one in item.values()):
        return item
    return {
        name: _plain(name, one) if isinstance(one, Decimal) else one for name, one in item.items()
    }


def _plain(name: str, value: Decimal) -> int | float:
    if not value.is_finite():
        raise ConfigurationError(f"{name} is {value}, which JSON cannot carry")
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    if Decimal(repr(number)) != value:
        raise ConfigurationError(f"{name} has more digits than JSON carries")
    return number


def check_closed_sets(
    item: Mapping[str, Json], kinds: Mapping[str, str], where: str, *, lenient: bool = False
) -> None:
    """Check members that take a value of a closed set of `amocrm.schema.enums`.

    Raises:
        ConfigurationError: another value is given, and the client is not lenient.
    """
    for name, kind in kinds.items() if not lenient else ():
        allowed = get_args(getattr(enums, kind))
        value = item.get(name)
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if one is not None and one not in allowed:
                raise ConfigurationError(
                    f"{where}: {name} does not take {repr(one)[:60]}", hint=near(str(one), allowed)
                )


def as_list(given: object, what: str) -> list[Json]:
    """Return several things as a list; a dict is one of them, and is never taken apart.

    Raises:
        ConfigurationError: they are not dicts in a list.
    """
    items = [given] if isinstance(given, Mapping) else given
    if isinstance(items, (str, bytes)) or not isinstance(items, Iterable):
        raise ConfigurationError(
            f"{what} must be a dict or a list of dicts, not {type(given).__name__}"
        )
    found = list(items)
    for one in found:
        if not isinstance(one, Mapping):
            raise ConfigurationError(f"each of {what} must be a dict, not {type(one).__name__}")
    return found


def _is_list(item: object) -> bool:
    return isinstance(item, Iterable) and not isinstance(item, (str, bytes))
