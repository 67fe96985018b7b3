"""Checks filters, `with_`, order and search words against what an endpoint accepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.endpoint import Endpoint, near

Direction: TypeAlias = Literal["asc", "desc"]

_DIRECTIONS: Final = ("asc", "desc")


def build_query(
    endpoint: Endpoint,
    where: str,
    *,
    lenient: bool,
    filter: Mapping[str, Json] | None = None,  # noqa: A002  the API's own word
    with_: Iterable[str] | None = None,
    order: Mapping[str, Json] | None = None,
    query: str | int | None = None,
) -> dict[str, Json]:
    """Check a question against its row, and return it as the API's query.

    Args:
        endpoint: what the resource takes.
        where: its path, for messages.
        lenient: let through what the resource is not known to take.
        filter: by names of the resource.
        with_: more parts of each item.
        order: one name, and its direction.
        query: words to look for.

    Raises:
        ConfigurationError: the resource does not take it; the nearest name is suggested.
    """
    asked: dict[str, Json] = {}
    if filter is not None:
        if not isinstance(filter, Mapping):
            raise ConfigurationError("filter must be a dict", hint='such as {"id": [1, 2]}')
        _check(f"filter of {where}", filter, None if lenient else endpoint.filters)
        asked["filter"] = dict(filter)
    if with_ is not None:
        if isinstance(with_, str) or not isinstance(with_, Iterable):
            raise ConfigurationError("with_ must be a list of names")
        wanted = list(with_)
        _check(f"with_ of {where}", wanted, None if lenient else endpoint.withs)
        asked["with"] = ",".join(wanted)
    if order is not None:
        if not isinstance(order, Mapping) or len(order) != 1:
            raise ConfigurationError("order takes one name", hint='such as {"updated_at": "asc"}')
        _check(f"order of {where}", order, None if lenient else endpoint.orders)
        if not set(order.values()) <= set(_DIRECTIONS):
            raise ConfigurationError("order goes one of two ways", hint="asc or desc")
        asked["order"] = dict(order)
    if query is not None:
        if not lenient and not endpoint.query:
            raise ConfigurationError(f"{where} cannot be searched for words")
        asked["query"] = query
    return asked


def _check(what: str, names: Iterable[str], known: tuple[str, ...] | None) -> None:
    for name in names:
        if known is not None and name not in known:
            raise ConfigurationError(f"there is no {name!r} in the {what}", hint=near(name, known))
