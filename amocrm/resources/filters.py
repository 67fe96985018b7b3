"""Turns filters, `with_`, order and search words into the query that amoCRM reads, or refuses them.

Source: reference 3.1, 4.1-4.22, 4.2.1.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal, TypeAlias

from amocrm._support.arguments import check_dict
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.endpoint import Endpoint, near
from amocrm.resources.filter_values import (
    NO_FACTS,
    Facts,
    FilterValueError,
    is_id,
    read_value,
)

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
    facts: Facts = NO_FACTS,
) -> dict[str, Json]:
    """Check a question against what an endpoint accepts, and return it as the API's query.

    Args:
        endpoint: what the resource takes.
        where: its path, for messages.
        lenient: send what the resource is not known to take as it is.
        filter: by names of the resource.
        with_: more parts of each item.
        order: one name, and its direction.
        query: words to look for.
        facts: what values need of the account.

    Raises:
        ConfigurationError: the resource does not take it; the message says what it takes.
    """
    asked: dict[str, Json] = {}
    if filter is not None:
        asked["filter"] = _read_filter(endpoint, where, filter, facts, lenient=lenient)
    if with_ is not None:
        if isinstance(with_, (str, Mapping)) or not isinstance(with_, Iterable):
            raise ConfigurationError("with_ must be a list of names")
        wanted = list(with_)
        if not all(isinstance(one, str) for one in wanted):
            raise ConfigurationError("with_ must be a list of names")
        _check("with_", where, wanted, None if lenient else endpoint.withs)
        if wanted:
            asked["with"] = ",".join(wanted)
    if order is not None:
        if not isinstance(order, Mapping) or len(order) != 1:
            raise ConfigurationError("order takes one name", hint='such as {"updated_at": "asc"}')
        _check("order", where, order, None if lenient else endpoint.orders)
        if not all(one in _DIRECTIONS for one in order.values() if not lenient):
            raise ConfigurationError("order must be 'asc' or 'desc'")
        asked["order"] = dict(order)
    if query is not None:
        if not lenient and not endpoint.query:
            raise ConfigurationError(f"{where} cannot be searched for words")
        if not lenient and (isinstance(query, bool) or not isinstance(query, (str, int))):
            raise ConfigurationError("query must be a text")
        if not lenient and not str(query).strip():
            raise ConfigurationError("query is empty", hint="leave it out to get everything")
        asked["query"] = query
    return asked


def _read_filter(
    endpoint: Endpoint, where: str, asked: Json, facts: Facts, *, lenient: bool
) -> dict[str, Json]:
    check_filter(asked)
    _check("filter", where, asked, None if lenient else endpoint.filters)
    kinds = endpoint.filters
    read: dict[str, Json] = {}
    for name, value in asked.items():
        if name == "statuses" and not lenient:
            value = _with_pipeline(value, asked.get("pipeline_id"))
        try:
            read[name] = read_value(kinds[name], value, facts) if name in kinds else value
        except (FilterValueError, ConfigurationError) as refused:
            if not lenient:
                raise ConfigurationError(f"filter {name!r} of {where}: {refused}") from None
            read[name] = value
    return read


def check_filter(asked: object) -> None:
    """Check that a filter is a dict.

    Raises:
        ConfigurationError: it is something else.
    """
    check_dict("filter", asked, 'such as {"id": [1, 2]}')


def _check(what: str, where: str, names: Iterable[str], known: Collection[str] | None) -> None:
    for name in names:
        if known is not None and name not in known:
            raise ConfigurationError(f"{where} has no {what} {name!r}", hint=near(name, known))


def _with_pipeline(stages: Json, pipeline: Json) -> Json:
    """Make pairs of stages' ids, where one pipeline is named beside them."""
    ids = [stages] if is_id(stages) else stages
    if not isinstance(ids, (list, tuple)) or not ids or not all(map(is_id, ids)):
        return stages
    named = list(pipeline) if isinstance(pipeline, (list, tuple)) else [pipeline]
    if len(named) != 1 or not is_id(named[0]):
        return stages
    return [{"pipeline_id": int(named[0]), "status_id": int(one)} for one in ids]
